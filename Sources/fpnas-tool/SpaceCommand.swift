import ArchitectureCost
import ArchitectureDistribution
import ArgumentParser
import Formats
import SearchSpace
import Support

struct SpaceCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "space",
        abstract: "Show a search space: its layers, exact size, parameters and costs.",
        discussion: "Presets: " + Preset.allCases.map(\.rawValue).joined(separator: ", ") + ".")

    @Argument(help: "The name of a preset, or a space in JSON.")
    var space: String

    @Option(help: "Rows and columns of the images; a preset's published size by default.")
    var size: Int?

    @Option(help: "Channels of the images.")
    var channels: Int?

    @Option(help: "Number of classes.")
    var classes: Int?

    @Option(help: "What is counted: torch, mobile-vision or nas-bench.")
    var convention = "torch"

    @Option(help: "Networks drawn uniformly for the quantiles of the cost; 0 for none.")
    var samples = 2000

    @Flag(help: "Print the space as JSON and nothing else.")
    var json = false

    func run() throws {
        let (space, preset) = try load()
        if json {
            print(String(decoding: try SpaceJSON.encode(space), as: UTF8.self), terminator: "")
            return
        }
        say(
            "space     \(space.name)"
                + (preset?.isReconstruction == true ? " (reconstruction)" : ""))
        if let input = space.input {
            say(
                "images    \(input.height) x \(input.width) x \(input.channels), \(space.classes) classes"
            )
        }
        say("encodings \(space.rawCount)")
        say("canonical \(space.canonicalCount)")
        let joint = space.jointLogitCount.map(grouped) ?? "more than 2^26, so that there is none"
        say("logits    factorised \(grouped(space.factorisedLogitCount)), joint \(joint)")
        if let preset, preset.isReconstruction { say(SpaceCommand.published(preset)) }
        if space.isNetwork { try showCosts(space) }
        say("")
        say(SpaceTable.text(space))
    }

    private func load() throws -> (SearchSpace, Preset?) {
        if let preset = Preset(rawValue: space) {
            let (shape, count) = preset.publishedInput
            let input = ImageShape(
                height: size ?? shape.height, width: size ?? shape.width,
                channels: channels ?? shape.channels)
            return (try preset.space(input: input, classes: classes ?? count), preset)
        }
        guard Files.exists(space) else { throw SpaceCommand.unknown(space) }
        let loaded = try SpaceJSON.load(space)
        guard let shape = loaded.input, size != nil || channels != nil || classes != nil else {
            return (loaded, nil)
        }
        let input = ImageShape(
            height: size ?? shape.height, width: size ?? shape.width,
            channels: channels ?? shape.channels)
        return (try loaded.adapted(to: input, classes: classes ?? loaded.classes), nil)
    }

    static func unknown(_ space: String) -> FPNASError {
        let all = Preset.allCases.map(\.rawValue).joined(separator: ", ")
        return FPNASError(.io, "'\(space)' is neither a file nor a preset; there are: \(all)")
    }

    private static func published(_ preset: Preset) -> String {
        switch preset {
        case .fpNASL0: return "published 27 blocks, 2e32 networks, median 0.39 GMACs at 224 pixels"
        case .fpNASL1: return "published 32 blocks, 1e36 networks, median 0.9 GMACs at 240 pixels"
        default: return "published 32 blocks, 1e36 networks, median 1.1 GMACs at 256 pixels"
        }
    }

    private func showCosts(_ space: SearchSpace) throws {
        let convention = try CountingConvention.named(convention)
        let table = try CostTable(space, convention: convention)
        let uniform = try ArchitectureDistribution(space: space, form: .factorised)
        let drawn = try draw(uniform)
        say("")
        say(
            left("\(convention.name) counts", 24) + right("least", 18)
                + (drawn.isEmpty ? "" : right("median", 18)) + right("uniform mean", 18)
                + right("greatest", 18))
        for (metric, name) in [
            (CostMetric.macs, "MACs"), (.parameters, "parameters"),
            (.activations, "activations, bytes"),
        ] {
            let chain = table.chain(of: metric)
            let range = chain.range
            let mean = Int(try chain.expectation(under: uniform).rounded())
            var costs: [Int] = []
            for row in drawn { costs.append(try chain.cost(of: row)) }
            costs.sort()
            say(
                left(name, 24) + right(grouped(range.lowerBound), 18)
                    + (costs.isEmpty ? "" : right(grouped(costs[costs.count / 2]), 18))
                    + right(grouped(mean), 18) + right(grouped(range.upperBound), 18))
        }
        if !drawn.isEmpty { say("(median of \(grouped(drawn.count)) networks drawn uniformly)") }
    }

    private func draw(_ uniform: ArchitectureDistribution) throws -> [[Int32]] {
        guard (0...1_000_000).contains(samples) else {
            throw FPNASError.invalid("samples must be in [0, 1000000], got \(samples)")
        }
        let random = Philox(seed: 0, stream: .baselines)
        let space = uniform.space
        return (0..<(space.variableCount == 0 ? 0 : samples)).map { k in
            (0..<space.variableCount).map { v in
                Int32(random.integer(below: space.choiceCounts[v], step: UInt64(k), index: v))
            }
        }
    }
}

/// The layers of a space as a table for people.
enum SpaceTable {
    static func text(_ space: SearchSpace) -> String {
        var lines = [left("layer", 14) + left("operation", 16) + left("blocks", 10) + "choices"]
        for layer in space.layers {
            var parts: [String] = []
            for variable in layer.variables {
                parts.append(
                    "\(variable.name) {" + variable.choices.map(\.label).joined(separator: ", ")
                        + "}")
            }
            var operation = ""
            var blocks = ""
            if let block = layer.block {
                operation = block.alternatives.isEmpty ? block.operation.rawValue : "one of"
                if block.alternatives.isEmpty, block.stride > 1 { operation += " /\(block.stride)" }
                blocks = "\(block.repeats)"
                for attribute in Attribute.allCases {
                    if let choice = block.fixed[attribute] {
                        parts.append("\(attribute.rawValue) \(choice.label)")
                    }
                }
            }
            lines.append(
                left(layer.name, 14) + left(operation, 16) + left(blocks, 10)
                    + parts.joined(separator: ", "))
        }
        return lines.joined(separator: "\n")
    }
}
