import ArgumentParser

struct FPNAS: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fpnas",
        abstract: "Fast probabilistic neural architecture search on images.",
        version: "0.1.0",
        subcommands: [
            SearchCommand.self, SelectCommand.self, RetrainCommand.self, ShowCommand.self,
            SpaceCommand.self, ModelsCommand.self, LatencyCommand.self, ScaleCommand.self,
        ])
}

FPNAS.main()
