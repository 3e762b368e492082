import ArchitectureCost
import ArgumentParser
import Formats
import Support

struct ModelsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "models",
        abstract: "Count networks that are told as lists of blocks, beside their published costs.")

    @Argument(help: "A list of models in JSON (docs/file-formats.md).")
    var path: String

    @Option(help: "Count by this convention instead: torch, mobile-vision or nas-bench.")
    var convention: String?

    func run() throws {
        let models = try ModelListJSON.load(path)
        say(
            left("model", 22) + left("convention", 15) + right("MACs", 18) + right("published", 18)
                + right("parameters", 16) + right("published", 16))
        for model in models {
            let convention = try convention.map(CountingConvention.named) ?? model.convention
            let cost = try model.space.network([]).cost(convention)
            say(
                left(model.name, 22) + left(convention.name, 15) + right(grouped(cost.macs), 18)
                    + right(model.published.macs.map(grouped) ?? "-", 18)
                    + right(grouped(cost.parameters), 16)
                    + right(model.published.parameters.map(grouped) ?? "-", 16))
        }
    }
}
