import ArchitectureDistribution
import SearchSpace
import Support

/// The built-in costs of a network space: each metric as a chain over its layers.
public struct CostTable: Sendable {
    public let space: SearchSpace
    public let convention: CountingConvention
    /// In the order of `CostMetric.allCases`.
    private let chains: [CostChain]

    /// O(Σ layers: shapes that come in × options).
    public init(
        _ space: SearchSpace, convention: CountingConvention = .torch
    ) throws(FPNASError) {
        self.space = space
        self.convention = convention
        chains = try CostChain.chains(of: space, count: CostMetric.allCases.count) { block in
            let cost = block.cost(convention)
            return CostMetric.allCases.map(cost.value(of:))
        }
    }

    /// The chain of one metric, on which all arithmetic is done.
    public func chain(of metric: CostMetric) -> CostChain { chains[Int(metric.rawValue)] }
}

extension CostChain {
    /// Most rows of all layers together.
    public static let maximumRows = 1 << 24

    /// Costs that are sums over the blocks of a network: one chain for each of the `count` values
    /// that `values` gives of a block.
    ///
    /// A layer's cost depends on its own options and on the shape that comes in, which is the
    /// state of the chain. In a cell network no shape depends on a choice, and what is not chosen
    /// counts with the first layer.
    public static func chains(
        of space: SearchSpace, count: Int,
        _ values: (NetworkBlock) throws(FPNASError) -> [Int]
    ) throws(FPNASError) -> [CostChain] {
        guard let input = space.input else {
            throw .invalid("the space '\(space.name)' is abstract: its costs are the caller's")
        }
        if space.cells != nil { return try cellChains(of: space, count: count, values) }
        var layers = [[LayerChain]](repeating: [], count: count)
        var shapes = [input]
        var rows = 0
        for index in space.layers.indices {
            guard let plan = space.plan(of: index) else { continue }
            let options = try space.options(ofLayer: index)
            rows += shapes.count * options.count  // at most 2^20 options, and 2^24 shapes
            guard rows <= maximumRows else {
                throw FPNASError(
                    .infeasible,
                    "layer '\(space.layers[index].name)': \(shapes.count) input shapes and "
                        + "\(options.count) options bring the table of costs beyond "
                        + "\(maximumRows) rows")
            }
            let choices = options.map { $0.map { max($0, 0) } }
            var costs = [[Int]](repeating: [], count: count)
            var next: [Int] = []
            var outputs: [ImageShape] = []
            // Looked up, never iterated.
            var places: [ImageShape: Int] = [:]
            for shape in shapes {
                for option in choices {
                    var sums = [Int](repeating: 0, count: count)
                    let blocks = try plan.blocks(option, shape, classes: space.classes)
                    for block in blocks { try add(values(block), to: &sums, space) }
                    for i in 0..<count { costs[i].append(sums[i]) }
                    let output = blocks.last?.outShape ?? shape
                    if places[output] == nil {
                        places[output] = outputs.count
                        outputs.append(output)
                    }
                    next.append(places[output] ?? 0)
                }
            }
            for i in 0..<count {
                layers[i].append(
                    LayerChain(
                        options: options, stateCount: shapes.count, costs: costs[i], next: next,
                        widths: shapes.map(\.channels)))
            }
            shapes = outputs
        }
        var chains: [CostChain] = []
        for i in 0..<count {
            chains.append(
                try CostChain(space: space, layers: layers[i], finalStateCount: shapes.count))
        }
        return chains
    }

    private static func cellChains(
        of space: SearchSpace, count: Int,
        _ values: (NetworkBlock) throws(FPNASError) -> [Int]
    ) throws(FPNASError) -> [CostChain] {
        var layers = [[LayerChain]](repeating: [], count: count)
        var architecture = [Int32](repeating: 0, count: space.variableCount)
        for index in space.layers.indices {
            let options = try space.options(ofLayer: index)
            var costs = [[Int]](repeating: [], count: count)
            for option in options {
                for (v, c) in zip(space.variables(of: index), option) {
                    architecture[v] = max(c, 0)
                }
                var sums = [Int](repeating: 0, count: count)
                for block in try space.network(architecture).blocks
                where block.layer == index || (index == 0 && block.layer < 0) {
                    try add(values(block), to: &sums, space)
                }
                for i in 0..<count { costs[i].append(sums[i]) }
            }
            for v in space.variables(of: index) { architecture[v] = 0 }
            for i in 0..<count {
                layers[i].append(
                    LayerChain(
                        options: options, stateCount: 1, costs: costs[i],
                        next: [Int](repeating: 0, count: options.count)))
            }
        }
        var chains: [CostChain] = []
        for i in 0..<count {
            chains.append(try CostChain(space: space, layers: layers[i], finalStateCount: 1))
        }
        return chains
    }

    private static func add(
        _ values: [Int], to sums: inout [Int], _ space: SearchSpace
    ) throws(FPNASError) {
        for i in sums.indices {
            let (sum, overflow) = sums[i].addingReportingOverflow(values[i])
            guard !overflow, sum < limit, values[i] >= 0 else {
                throw .invalid("a layer of '\(space.name)' costs 2^60 or more")
            }
            sums[i] = sum
        }
    }
}
