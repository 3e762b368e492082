import ArchitectureDistribution
import SearchSpace
import Support

/// One additive cost over a space: a chain of layers, in which a layer's cost depends on its own
/// options and on a state that comes in (the width of its input).
///
/// Costs are integers, so that everything below is exact; a caller's own costs are turned into
/// integers by a resolution. Each method says how its time grows, in the layers' rows (states
/// that come in × options).
public struct CostChain: Sendable {
    struct LayerChain: Sendable {
        /// All choices of the layer's variables, −1 where one does not exist.
        let options: [[Int32]]
        let stateCount: Int
        /// Row s · options.count + o: state s comes in, option o is taken.
        let costs: [Int]
        /// The state that goes out, by the same row.
        let next: [Int]
        /// Every state's width in channels; empty where states are no shapes.
        var widths: [Int] = []
    }

    public let space: SearchSpace
    let layers: [LayerChain]
    let finalStateCount: Int
    private let indices: [OptionIndex]

    /// The most any architecture may cost, so that no sum overflows.
    public static let limit = 1 << 60

    init(space: SearchSpace, layers: [LayerChain], finalStateCount: Int) throws(FPNASError) {
        self.space = space
        self.layers = layers
        self.finalStateCount = finalStateCount
        indices = layers.map { OptionIndex($0.options) }
        var most = 0
        for layer in layers {
            let (sum, overflow) = most.addingReportingOverflow(layer.costs.max() ?? 0)
            guard !overflow, sum < CostChain.limit else {
                throw .invalid("architectures of '\(space.name)' cost 2^60 or more")
            }
            most = sum
        }
    }

    /// A caller's cost: the sum over all variables that exist of a value for their choice.
    ///
    /// - Parameter values: one a choice, flat in factorised order, integers ≥ 0.
    public init(space: SearchSpace, choiceCosts values: [Int]) throws(FPNASError) {
        guard values.count == space.factorisedLogitCount else {
            throw .invalid(
                "costs must have \(space.factorisedLogitCount) values, got \(values.count)")
        }
        for (i, value) in values.enumerated() where value < 0 || value >= CostChain.limit {
            throw .invalid("cost \(i) must be in 0..<2^60, got \(value)")
        }
        var layers: [LayerChain] = []
        for index in space.layers.indices {
            let options = try space.options(ofLayer: index)
            var costs: [Int] = []
            for option in options {
                var sum = 0
                for (v, c) in zip(space.variables(of: index), option) where c >= 0 {
                    // Values are below 2^60 each; the sum is checked before the next is added.
                    sum += values[space.factorisedOffsets[v] + Int(c)]
                    guard sum < CostChain.limit else {
                        throw .invalid("layer '\(space.layers[index].name)' costs 2^60 or more")
                    }
                }
                costs.append(sum)
            }
            layers.append(
                LayerChain(
                    options: options, stateCount: 1, costs: costs,
                    next: [Int](repeating: 0, count: options.count)))
        }
        try self.init(space: space, layers: layers, finalStateCount: 1)
    }

    /// The same from real values ≥ 0, each rounded up to whole units, in which the chain counts.
    ///
    /// A value that is whole up to 1e-12 of itself stays: 1.1 is eleven times 0.1.
    public init(
        space: SearchSpace, choiceCosts values: [Double], unit: Double
    ) throws(FPNASError) {
        guard unit > 0, unit < .infinity else {
            throw .invalid("unit must be > 0 and finite, got \(unit)")
        }
        var units: [Int] = []
        for (i, value) in values.enumerated() {
            guard value >= 0, value / unit < Double(CostChain.limit) else {
                throw .invalid("cost \(i) must be in 0..<2^60 units of \(unit), got \(value)")
            }
            let count = value / unit
            let nearest = count.rounded()
            let whole = abs(count - nearest) <= 1e-12 * nearest ? nearest : count.rounded(.up)
            guard let exact = Int(exactly: whole) else {
                throw .invalid("cost \(i) must be in 0..<2^60 units of \(unit), got \(value)")
            }
            units.append(exact)
        }
        try self.init(space: space, choiceCosts: units)
    }

    /// Values by layer and option, in the order of the layer's options.
    init(space: SearchSpace, optionCosts: [[Int]]) throws(FPNASError) {
        var layers: [LayerChain] = []
        for (index, costs) in optionCosts.enumerated() {
            layers.append(
                LayerChain(
                    options: try space.options(ofLayer: index), stateCount: 1, costs: costs,
                    next: [Int](repeating: 0, count: costs.count)))
        }
        try self.init(space: space, layers: layers, finalStateCount: 1)
    }

    /// The same with something that every architecture costs.
    func adding(_ base: Int) throws(FPNASError) -> CostChain {
        guard base > 0, let first = layers.first else { return self }
        var layers = layers
        layers[0] = LayerChain(
            options: first.options, stateCount: first.stateCount,
            costs: first.costs.map { $0 + base }, next: first.next, widths: first.widths)
        return try CostChain(space: space, layers: layers, finalStateCount: finalStateCount)
    }

    func stateCount(after layer: Int) -> Int {
        layer + 1 < layers.count ? layers[layer + 1].stateCount : finalStateCount
    }

    /// The cost of one architecture. O(V).
    public func cost(of architecture: [Int32]) throws(FPNASError) -> Int {
        try space.check(architecture)
        var canonical = architecture
        space.canonicalise(&canonical)
        return unsafe canonical.withUnsafeBufferPointer { row in
            guard let start = row.baseAddress else { return 0 }
            return unsafe cost(ofCanonical: start)
        }
    }

    /// The cost of V choices in canonical form, which are in range. O(V), no allocation.
    public func cost(ofCanonical row: UnsafePointer<Int32>) -> Int {
        var state = 0
        var total = 0
        for index in layers.indices {
            let entry =
                unsafe state * layers[index].options.count
                + option(ofCanonical: row, layer: index)
            total += layers[index].costs[entry]
            state = layers[index].next[entry]
        }
        return total
    }

    /// The same of an array of V choices.
    func option(ofCanonical architecture: [Int32], layer: Int) -> Int {
        unsafe architecture.withUnsafeBufferPointer { row in
            guard let start = row.baseAddress else { return 0 }
            return unsafe option(ofCanonical: start, layer: layer)
        }
    }

    /// The place of a canonical architecture's choices among a layer's options. O(variables).
    func option(ofCanonical row: UnsafePointer<Int32>, layer: Int) -> Int {
        unsafe indices[layer].place(of: row + space.layerStarts[layer])
    }

    /// Probability of every option of every layer.
    func probabilities(
        _ distribution: ArchitectureDistribution
    ) throws(FPNASError) -> [[Double]] {
        guard distribution.space == space else {
            throw .invalid(
                "the costs are of '\(space.name)', the distribution of another space "
                    + "'\(distribution.space.name)'")
        }
        return layers.indices.map { layer in
            distribution.logProbabilities(ofLayer: layer, layers[layer].options)
                .map(Elementary.exp)
        }
    }

    /// Probability that a state comes into each layer, and after the last.
    func arrivals(_ probabilities: [[Double]]) -> [[Double]] {
        var arrivals = [[1.0]]
        for (index, layer) in layers.enumerated() {
            var next = [Double](repeating: 0, count: stateCount(after: index))
            for row in layer.costs.indices {
                let count = layer.options.count
                next[layer.next[row]] +=
                    arrivals[index][row / count] * probabilities[index][row % count]
            }
            arrivals.append(next)
        }
        return arrivals
    }
}
