import ArgumentParser
import Experiment
import Formats
import Report
import Search
import Support

/// The options of bignas.
struct SelectionFlags: ParsableArguments {
    @Option(help: "Random networks a step, beside the biggest and the smallest.")
    var randomChildren = RunOptions().randomChildren
    @Option(help: "Skeletons measured for a budget.")
    var coarseChildren = RunOptions().selection.coarseChildren
    @Option(help: "Mutations of the best measured for a budget.")
    var mutations = RunOptions().selection.mutations
    @Option(help: "Training batches behind a child's normalisation statistics.")
    var statisticsBatches = RunOptions().statisticsBatches
    @Option(help: "Validation images a child is measured on; 0 for all.")
    var selectionImages = RunOptions().selectionImages

    func put(into options: inout RunOptions) {
        options.randomChildren = randomChildren
        options.selection.coarseChildren = coarseChildren
        options.selection.mutations = mutations
        options.statisticsBatches = statisticsBatches
        options.selectionImages = selectionImages
    }
}

struct SelectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "select",
        abstract: "Select networks for several budgets from one run of bignas.",
        discussion: """
            The networks take the run's trained weights as they are; nothing is trained. Each is \
            written to the run's folder as selected-MACS.json, beside selection.csv. Ctrl-C stops \
            cleanly; the same command then goes on.
            """)

    @Argument(help: "Folder of a finished run of bignas.") var path: String
    @Option(help: "Folder of images.") var data: String
    @Option(help: "Most MACs of each network: 300e3,500e3,800e3.") var most: String
    @Flag(help: "Measure each on the test images, too.") var test = false
    @Option(help: "Threads; 0 for as many as cores.") var threads = RunOptions().threads

    private var budgets: [Int] {
        get throws {
            try most.split(separator: ",").map { text in
                guard let value = Double(text), let budget = Int(exactly: value.rounded(.down)),
                    budget > 0
                else { throw ValidationError("--most lists numbers of MACs, got '\(text)'") }
                return budget
            }
        }
    }

    func validate() throws { _ = try budgets }

    func run() throws {
        let checkpoint = path + "/" + RunReport.checkpointFile
        let run = try SearchRun(
            resuming: checkpoint, folder: data, threads: threads > 0 ? threads : nil)
        let budgets = try budgets
        if run.selection?.budgets != Set(budgets).sorted() { try run.select(budgets) }
        Interruption.watch()
        while !run.isDone && !Interruption.isRequested {
            try run.step()
            if let line = selectionLine(run) { say(line) }
        }
        try run.save(checkpoint)
        guard run.isDone else {
            say("stopped at step \(run.progress.step) of \(run.progress.steps)")
            throw ExitCode(130)
        }
        try conclude(run, budgets)
    }

    private func conclude(_ run: SearchRun, _ budgets: [Int]) throws {
        say("")
        say(
            "     at most         MACs   parameters   validation  valid logL"
                + (test ? "         test   test logL" : ""))
        var rows: [[String]] = []
        for budget in budgets {
            guard let child = run.selection?.best(within: budget) else { continue }
            let cost = try run.space.network(child.architecture).cost()
            var line =
                right(grouped(budget), 12) + right(grouped(cost.macs), 13)
                + right(grouped(cost.parameters), 13) + score(child.accuracy, child.logLikelihood)
            var row = [
                "\(budget)", "\(cost.macs)", "\(cost.parameters)", "\(child.accuracy)",
                "\(child.logLikelihood)",
            ]
            if test {
                let (accuracy, logLikelihood) = try run.test(child.architecture)
                line += score(accuracy, logLikelihood)
                row += ["\(accuracy)", "\(logLikelihood)"]
            }
            say(line)
            rows.append(row)
            try Files.replace(
                "\(path)/selected-\(budget).json",
                with: try ArchitectureJSON.encode(child.architecture, of: run.space))
        }
        var header = [
            "most_macs", "macs", "parameters", "validation_accuracy",
            "validation_log_likelihood_nats",
        ]
        if test { header += ["test_accuracy", "test_log_likelihood_nats"] }
        try CSV.save(path + "/selection.csv", header: header, rows: rows)
        say("")
        say("written   \(path)/selection.csv, selected-MACS.json")
    }

    private func score(_ accuracy: Double, _ logLikelihood: Double) -> String {
        right(decimal(accuracy * 100, 2) + " %", 13) + right(decimal(logLikelihood, 4), 12)
    }
}

/// Where a selection stands, every 24 candidates and at the end of each budget; nil otherwise.
func selectionLine(_ run: SearchRun) -> String? {
    guard let selection = run.selection, run.isSelecting || run.isDone else { return nil }
    let each = selection.candidateCount / selection.budgets.count
    // The last candidate of a budget still speaks of it.
    let place = (max(selection.position, 1) - 1) / each
    let done = selection.position - place * each
    guard done > 0, done % 24 == 0 || done == each else { return nil }
    let budget = selection.budgets[place]
    guard let best = selection.best(within: budget) else { return nil }
    return "  selecting" + (budget < .max ? " at most \(grouped(budget)) MACs" : "")
        + right("\(done)/\(each)", 10) + right(grouped(best.cost) + " MACs", 18)
        + right(decimal(best.logLikelihood, 4), 10)
        + right(decimal(best.accuracy * 100, 1) + " %", 9)
}
