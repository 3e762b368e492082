import ArchitectureDistribution
import ArgumentParser
import Experiment
import Formats
import Search
import SearchSpace
import Support

struct ShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Show a network, or the distribution in a checkpoint.")

    @Argument(help: "An architecture.json, a checkpoint, or the folder of a run.")
    var path: String

    func run() throws {
        let folderFile = path + "/" + RunReport.checkpointFile
        let path = Files.exists(folderFile) ? folderFile : self.path
        let bytes = try Files.read(path)
        if bytes.first == UInt8(ascii: "{") {
            let (space, architecture) = try ArchitectureJSON.decode(bytes, name: path)
            show(architecture, space)
        } else {
            switch try SearchRun.stored(bytes, name: path) {
            case .search(let search): try show(search)
            case .mixture(let mixture): try show(mixture)
            }
        }
    }

    private func show(_ architecture: [Int32], _ space: SearchSpace) {
        say("space     \(space.name)")
        if let cost = (try? space.network(architecture))?.cost() {
            say("cost      \(grouped(cost.macs)) MACs, \(grouped(cost.parameters)) parameters")
        }
        say("")
        say(NetworkTable.text(architecture, space))
    }

    private func show(_ mixture: Mixture) throws {
        show(mixture.space)
        say(
            "mixture   \(mixture.options.algorithm.name), seed \(mixture.options.seed), "
                + "step \(mixture.steps), temperature \(decimal(mixture.temperature, 3))")
        say("entropy   \(decimal(mixture.distribution.entropy, 2)) nats")
        try show(mixture.distribution)
        say("")
        say("largest logits")
        show(mixture.result(), mixture.space)
    }

    private func show(_ space: SearchSpace) {
        say(
            "space     \(space.name): \(space.rawCount) encodings, "
                + "\(space.canonicalCount) networks")
    }

    private func show(_ search: Search) throws {
        let p = search.progress
        show(search.space)
        say(
            "search    \(search.options.algorithm.name), seed \(search.options.seed), step \(p.steps), "
                + "\(grouped(p.samplesDrawn)) architectures sampled")
        say(
            "entropy   \(decimal(p.initialEntropy, 2)) -> \(decimal(p.entropy, 2)) nats, "
                + "next K \(p.nextSampleCount), \(p.form == .joint ? "joint" : "factorised") form")
        try show(search.distribution)
    }

    private func show(_ distribution: ArchitectureDistribution) throws {
        say("")
        say(NetworkTable.text(distribution))
        say("")
        say("most probable networks")
        for entry in try distribution.top(5) {
            let cost = (try? distribution.space.network(entry.architecture))?.cost()
            say(
                right(decimal(Elementary.exp(entry.logProbability) * 100, 3) + " %", 10)
                    + (cost.map { right(grouped($0.macs) + " MACs", 20) } ?? "") + "  "
                    + entry.architecture.map(String.init).joined(separator: " "))
        }
    }
}
