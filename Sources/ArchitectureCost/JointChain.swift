import SearchSpace
import Support

/// Several additive costs of one space over one chain: a state is the costs' own states together.
struct JointChain {
    struct LayerChain {
        let stateCount: Int
        let optionCount: Int
        /// By cost, then by row: row s · optionCount + o, as in `CostChain`.
        let costs: [[Int]]
        let next: [Int]
    }

    let chains: [CostChain]
    let layers: [LayerChain]
    let finalStateCount: Int

    var space: SearchSpace { chains[0].space }

    func stateCount(after layer: Int) -> Int {
        layer + 1 < layers.count ? layers[layer + 1].stateCount : finalStateCount
    }

    /// - Parameter chains: at least one, all of one space. O(rows of the product).
    init(_ chains: [CostChain]) throws(FPNASError) {
        self.chains = chains
        if chains.count == 1 {
            let chain = chains[0]
            layers = chain.layers.map {
                LayerChain(
                    stateCount: $0.stateCount, optionCount: $0.options.count, costs: [$0.costs],
                    next: $0.next)
            }
            finalStateCount = chain.finalStateCount
            return
        }
        var layers: [LayerChain] = []
        // Each state as the costs' own; only those that can come up.
        var states = [chains.map { _ in 0 }]
        var rows = 0
        for index in chains[0].layers.indices {
            let count = chains[0].layers[index].options.count
            rows += states.count * count
            guard rows <= CostChain.maximumRows else { throw JointChain.tooLarge(chains[0].space) }
            var costs = [[Int]](repeating: [], count: chains.count)
            var next: [Int] = []
            var found: [[Int]] = []
            // Looked up by value, never iterated.
            var places: [Int: Int] = [:]
            for state in states {
                for o in 0..<count {
                    var key = 0
                    var out: [Int] = []
                    for (c, chain) in chains.enumerated() {
                        let row = state[c] * count + o
                        costs[c].append(chain.layers[index].costs[row])
                        out.append(chain.layers[index].next[row])
                        let radix = chain.stateCount(after: index)
                        let (product, overflow) = key.multipliedReportingOverflow(by: radix)
                        guard !overflow, product < 1 << 62 else {
                            throw JointChain.tooLarge(chain.space)
                        }
                        key = product + out[c]
                    }
                    if let place = places[key] {
                        next.append(place)
                    } else {
                        places[key] = found.count
                        next.append(found.count)
                        found.append(out)
                    }
                }
            }
            layers.append(
                LayerChain(
                    stateCount: states.count, optionCount: count, costs: costs, next: next))
            states = found
        }
        self.layers = layers
        finalStateCount = states.count
    }

    private static func tooLarge(_ space: SearchSpace) -> FPNASError {
        FPNASError(
            .infeasible,
            "the budgets of '\(space.name)' together need more than \(CostChain.maximumRows) rows")
    }
}
