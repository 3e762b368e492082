import ArchitectureDistribution
import SearchSpace

extension SearchSpace {
    /// Layers that can be skipped: their kernel variable and its choice 0.
    var skips: [(variable: Int, choice: Int)] {
        var skips: [(variable: Int, choice: Int)] = []
        for (index, layer) in layers.enumerated() where layer.block?.operation == .mbconv {
            for (offset, variable) in layer.variables.enumerated()
            where variable.name == Attribute.kernel.rawValue {
                if let zero = variable.choices.firstIndex(of: .integer(0)) {
                    skips.append((layerStarts[index] + offset, zero))
                }
            }
        }
        return skips
    }
}

extension ArchitectureDistribution {
    /// The mean probability with which layers that can be skipped are.
    public var skipProbability: Double {
        let skips = space.skips
        guard !skips.isEmpty else { return 0 }
        return skips.reduce(0) { $0 + marginal(of: $1.variable, choice: $1.choice) }
            / Double(skips.count)
    }
}
