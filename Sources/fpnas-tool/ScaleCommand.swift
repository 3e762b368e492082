import ArchitectureCost
import ArgumentParser
import Formats
import SearchSpace
import Support

struct ScaleCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scale",
        abstract: "Scale a network in depth, width and resolution together.",
        discussion: """
            Depth is alpha^phi, width beta^phi, resolution gamma^phi. With --grid the candidates of \
            the search for the three at phi = 1 are listed with what they make of the base; without, \
            the base and its family at --phi.
            """)

    @Argument(help: "A list of models, a space without variables or an architecture, in JSON.")
    var path: String

    @Option(help: "The model of the list; its first by default.") var model: String?
    @Option(help: "Depth at phi = 1.") var alpha = 1.2
    @Option(help: "Width at phi = 1.") var beta = 1.1
    @Option(help: "Resolution at phi = 1.") var gamma = 1.15
    @Option(parsing: .upToNextOption, help: "Sizes of the family.") var phi: [Double] = [0.5, 1, 2]
    @Option(help: "Factors are rounded to multiples of this; 0 for not at all.")
    var coefficientStep = 0.1
    @Option(help: "Image sizes are rounded to multiples of this; 0 for pixels.") var sizeStep = 20
    @Option(help: "List the grid's candidates in steps of this.") var grid: Double?
    @Option(help: "How far alpha beta^2 gamma^2 may be from 2 in the grid.") var tolerance = 0.1
    @Flag(help: "Print the last network as a space in JSON and nothing else.") var json = false

    func run() throws {
        let (space, architecture) = try base()
        guard let input = space.input else {
            throw FPNASError.invalid("'\(space.name)' is abstract: only networks are scaled")
        }
        if !json {
            say(
                right("alpha", 7) + right("beta", 7) + right("gamma", 7) + right("phi", 6)
                    + right("depth", 7) + right("width", 7) + right("size", 7) + right("MACs", 18)
                    + right("parameters", 16) + right("x base", 8))
        }
        let cost = try space.network(architecture).cost()
        func show(_ rule: CompoundScaling, _ phi: Double, rounded: Bool) throws -> SearchSpace {
            let scaling = try rule.scaling(
                phi: phi, of: input, coefficientStep: rounded ? coefficientStep : 0,
                sizeStep: rounded ? sizeStep : 0)
            let scaled = try space.scaled(
                architecture, by: phi == 0 ? NetworkScaling() : scaling)
            let own = try scaled.network([]).cost()
            if !json {
                say(
                    right(decimal(rule.depth, 3), 7) + right(decimal(rule.width, 3), 7)
                        + right(decimal(rule.resolution, 3), 7) + right(decimal(phi, 2), 6)
                        + right(decimal(phi == 0 ? 1 : scaling.depth, 3), 7)
                        + right(decimal(phi == 0 ? 1 : scaling.width, 3), 7)
                        + right("\(scaled.input?.height ?? 0)", 7) + right(grouped(own.macs), 18)
                        + right(grouped(own.parameters), 16)
                        + right(decimal(Double(own.macs) / Double(max(cost.macs, 1)), 2), 8))
            }
            return scaled
        }
        var last = space
        if let grid {
            for rule in try CompoundScaling.candidates(step: grid, tolerance: tolerance) {
                last = try show(rule, 1, rounded: false)
            }
        } else {
            let rule = try CompoundScaling(depth: alpha, width: beta, resolution: gamma)
            for value in [0] + phi { last = try show(rule, value, rounded: true) }
        }
        if json { print(String(decoding: try SpaceJSON.encode(last), as: UTF8.self)) }
    }

    private func base() throws -> (SearchSpace, [Int32]) {
        guard Files.exists(path) else { throw FPNASError(.io, "'\(path)' does not exist") }
        if let space = try? SpaceJSON.load(path) {
            guard space.variableCount == 0 else {
                throw FPNASError.invalid(
                    "'\(space.name)' has variables: give an architecture instead")
            }
            return (space, [])
        }
        if let found = try? ArchitectureJSON.load(path) {
            return (found.space, found.architecture)
        }
        let models = try ModelListJSON.load(path)
        guard let found = model == nil ? models.first : models.first(where: { $0.name == model })
        else {
            throw FPNASError.invalid(
                "'\(path)' has no model '\(model ?? "")'; there are: "
                    + models.map(\.name).joined(separator: ", "))
        }
        return (found.space, [])
    }
}
