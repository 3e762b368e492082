import ArchitectureCost
import ArgumentParser
import Experiment
import Formats
import Glibc
import Report
import SearchSpace
import Support

struct LatencyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "latency",
        abstract: "Measure or import tables of latencies.",
        subcommands: [LatencyMeasureCommand.self, LatencyImportCommand.self],
        defaultSubcommand: LatencyMeasureCommand.self)
}

struct LatencyMeasureCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "measure",
        abstract: "Measure this machine's built-in blocks, and how well their sums predict.",
        discussion: """
            Every block that a network of the space can have is measured alone, inference only. \
            Then random whole networks are measured beside the sums of their blocks. The machine \
            should be quiet. Ctrl-C keeps what is measured; --resume goes on from it.
            """)

    @Option(help: "Search space: a preset's name or a JSON file.") var space = "mbconv-small"
    @Option(help: "Rows and columns of the images; those of the space by default.") var size: Int?
    @Option(help: "The table, JSON.") var out: String
    @Option(help: "Predicted and measured networks, CSV.") var csv: String?
    @Option(help: "What this machine is called; its CPU by default.") var device: String?
    @Option(help: "Threads.") var threads = LatencyOptions().threads
    @Option(help: "Images of one run.") var batch = LatencyOptions().batch
    @Option(help: "Seconds for every block and network, at least.")
    var seconds = LatencyOptions().seconds
    @Option(help: "Runs of every block and network, at least.") var rounds = LatencyOptions().rounds
    @Option(help: "Random networks to compare; 0 for none.") var networks = 50
    @Option(help: "Seed of the random networks.") var seed: UInt64 = 0
    @Flag(help: "Go on from the table there is.") var resume = false
    @Flag(help: "Replace the table there is.") var overwrite = false

    private var options: LatencyOptions {
        var options = LatencyOptions()
        options.threads = threads
        options.batch = batch
        options.seconds = seconds
        options.rounds = rounds
        return options
    }

    func validate() throws {
        do throws(FPNASError) { try options.check() } catch {
            throw ValidationError(error.message)
        }
        guard (0...10_000).contains(networks) else {
            throw ValidationError("--networks must be in [0, 10000], got \(networks)")
        }
    }

    func run() throws {
        let space = try givenSpace()
        let exists = Files.exists(out)
        guard resume || overwrite || !exists else {
            throw FPNASError(
                .state, "'\(out)' exists: --resume goes on from it, --overwrite starts anew")
        }
        Interruption.watch()
        tellWeather("before")
        var measurement = try LatencyMeasurement(
            space, options, from: resume && exists ? try LatencyJSON.load(out) : nil)
        let device = device ?? "\(Machine.processor), built-in kernels"
        say("blocks    \(measurement.count), \(measurement.remaining.count) to measure")
        var saved = Process.seconds
        let start = saved
        let all = measurement.remaining.count
        while !measurement.isDone && !Interruption.isRequested {
            try measurement.step()
            guard Process.seconds - saved > 5 else { continue }
            saved = Process.seconds
            try LatencyJSON.save(
                measurement.table(device: device, date: Machine.date), to: out)
            let done = all - measurement.remaining.count
            let left = (saved - start) / Double(done) * Double(all - done)
            say("          \(done) of \(all), \(duration(left)) left")
        }
        let table = try measurement.table(device: device, date: Machine.date)
        try LatencyJSON.save(table, to: out)
        guard measurement.isDone else {
            say("stopped with \(measurement.remaining.count) blocks to go; --resume goes on")
            throw ExitCode(130)
        }
        say("measured  \(all) blocks in \(duration(Process.seconds - start)), on \(device)")
        say("base      \(grouped(table.header.base)) ns a network")
        let range = try table.chain(of: space).range
        say("networks  \(grouped(range.lowerBound)) to \(grouped(range.upperBound)) ns")
        if networks > 0 { try compare(table, space) }
        tellWeather("after")
        say("written   \(out)" + (csv.map { ", \($0)" } ?? ""))
    }

    private func givenSpace() throws -> SearchSpace {
        let loaded: SearchSpace
        if let preset = Preset(rawValue: space) {
            let (shape, classes) = preset.publishedInput
            loaded = try preset.space(input: shape, classes: classes)
        } else {
            guard Files.exists(space) else {
                let all = Preset.allCases.map(\.rawValue).joined(separator: ", ")
                throw FPNASError.invalid(
                    "'\(space)' is neither a file nor a preset; there are: \(all)")
            }
            loaded = try SpaceJSON.load(space)
        }
        guard let size, let shape = loaded.input else { return loaded }
        return try loaded.adapted(
            to: ImageShape(height: size, width: size, channels: shape.channels),
            classes: loaded.classes)
    }

    private func compare(_ table: LatencyTable, _ space: SearchSpace) throws {
        let comparison = try LatencyComparison(
            table, space, networks: networks, seed: seed, options)
        func percent(_ share: Double) -> String { decimal(100 * comparison.error(share), 1) + " %" }
        say("")
        say(
            "compared  \(comparison.rows.count) random networks: Spearman "
                + "\(decimal(comparison.rankCorrelation, 4)), error median \(percent(0.5)), "
                + "90 % below \(percent(0.9)), greatest \(percent(1))")
        guard let csv else { return }
        try CSV.save(
            csv, header: ["network", "predicted_ns", "measured_ns", "relative_error"],
            rows: comparison.rows.map { row in
                [
                    row.architecture.map(String.init).joined(separator: " "), "\(row.predicted)",
                    "\(row.measured)", "\(row.error)",
                ]
            })
    }

    /// How busy the machine is, and a warning where that spoils the numbers.
    private func tellWeather(_ when: String) {
        guard let load = Machine.load else { return }
        let limit = Double(Process.processorCount) - Double(threads) + 0.5
        say(
            "machine   load \(decimal(load, 2)) on \(Process.processorCount) cores \(when)"
                + (load > limit ? ": too busy for numbers to trust" : ""))
    }
}

struct LatencyImportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Turn a table of another format into one of ours.")

    @Argument(help: "The file.") var path: String
    @Option(help: "once-for-all (YAML) or fbnet (JSON rows).") var format: String
    @Option(help: "What was measured, such as \"Samsung Note10\".") var device: String
    @Option(help: "The table, JSON.") var out: String

    func run() throws {
        let table = try LatencyImport.named(format).load(path, device: device)
        try LatencyJSON.save(table, to: out)
        let count =
            table.basis == .block
            ? "\(table.blocks.count) blocks"
            : "\(table.options.count) layers of \(table.options.map(\.count).max() ?? 0) options"
        say("written   \(out): \(count) on \(device)")
    }
}

/// What can be known of the machine.
private enum Machine {
    static var processor: String {
        guard let file = fopen("/proc/cpuinfo", "r") else { return "an unknown CPU" }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 1024)
        while fgets(&line, Int32(line.count), file) != nil {
            let text = String(
                decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
            guard text.hasPrefix("model name"), let colon = text.firstIndex(of: ":") else {
                continue
            }
            return String(
                text[text.index(after: colon)...].drop { $0 == " " }.prefix { $0 != "\n" })
        }
        return "an unknown CPU"
    }

    /// Mean number of processes that wanted to run during the last minute.
    static var load: Double? {
        var value = 0.0
        return getloadavg(&value, 1) == 1 ? value : nil
    }

    /// Today, as 2026-01-31, in UTC.
    static var date: String {
        var now = time(nil)
        var parts = tm()
        gmtime_r(&now, &parts)
        func two(_ value: Int32) -> String { (value < 10 ? "0" : "") + "\(value)" }
        return "\(parts.tm_year + 1900)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday))"
    }
}
