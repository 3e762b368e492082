import ArchitectureCost
import ArchitectureDistribution
import SearchSpace
import Support

/// A network, or a distribution over networks, as a table for people.
enum NetworkTable {
    /// Layer by layer: the choices that exist, and the exact cost.
    static func text(_ architecture: [Int32], _ space: SearchSpace) -> String {
        let active = space.activity(architecture)
        let costs = (try? space.network(architecture))?.costPerLayer(layerCount: space.layerCount)
        var lines = [
            left("layer", 14) + left("choices", 62)
                + (costs == nil ? "" : right("MACs", 12) + right("parameters", 12))
        ]
        for (index, layer) in space.layers.enumerated() {
            var parts: [String] = []
            for (offset, variable) in layer.variables.enumerated() {
                let v = space.layerStarts[index] + offset
                guard active[v] else { continue }
                parts.append("\(variable.name) \(variable.choices[Int(architecture[v])].label)")
            }
            let cost = costs.map {
                right(grouped($0[index].macs), 12) + right(grouped($0[index].parameters), 12)
            }
            lines.append(
                left(layer.name, 14) + left(parts.joined(separator: ", "), 62) + (cost ?? ""))
        }
        return lines.joined(separator: "\n")
    }

    /// Variable by variable: every choice with its canonical probability.
    static func text(_ distribution: ArchitectureDistribution) -> String {
        let space = distribution.space
        let marginals = distribution.marginals(canonical: true)
        var lines: [String] = []
        for v in 0..<space.variableCount {
            let variable = space.variable(v)
            let choices = variable.choices.enumerated().map { c, choice in
                "\(choice.label): " + decimal(marginals[space.factorisedOffsets[v] + c] * 100, 1)
                    + " %"
            }
            lines.append(
                left(space.layers[space.layer(of: v)].name, 14) + left(variable.name, 12)
                    + choices.joined(separator: "  "))
        }
        return lines.joined(separator: "\n")
    }
}
