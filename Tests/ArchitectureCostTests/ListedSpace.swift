import ArchitectureCost
import ArchitectureDistribution
import Glibc
import SearchSpace
import Support
import TestSupport
import Testing

/// A small space: abstract with conditions, or every fourth a network.
func anySpace(_ seed: UInt64) throws -> SearchSpace {
    seed % 4 == 3 ? try smallNetworkSpace(seed) : try randomSpace(seed, layers: 4)
}

/// MACs of a network, random costs of an abstract space.
func anyChain(_ space: SearchSpace, _ seed: UInt64) throws -> CostChain {
    space.isNetwork
        ? try CostTable(space).chain(of: .macs) : try userChain(space, seed, below: 40)
}

func userChain(_ space: SearchSpace, _ seed: UInt64, below bound: Int) throws -> CostChain {
    let random = Philox(seed: seed, stream: .dataSplit)
    return try CostChain(
        space: space,
        choiceCosts: (0..<space.factorisedLogitCount).map {
            random.integer(below: bound, step: 0, index: $0)
        })
}

func randomDistribution(
    _ space: SearchSpace, _ form: DistributionForm, _ seed: UInt64
) throws -> ArchitectureDistribution {
    let distribution = try ArchitectureDistribution(space: space, form: form)
    let random = Philox(seed: seed, stream: .weights)
    let logits = (0..<distribution.logitCount).map { random.normal(step: 4, index: $0) }
    try logits.withUnsafeBufferPointer { try distribution.setLogits($0) }
    return distribution
}

func draw(_ q: BudgetedDistribution, _ count: Int) throws -> [[Int32]] {
    let width = q.space.variableCount
    let rows = try Buffer<Int32>(count * width, of: "draws")
    try q.sample(seed: 3, step: 1, count: count, into: rows.pointer)
    return (0..<count).map { k in (0..<width).map { rows[k * width + $0] } }
}

/// Checks a gradient by central differences of a function of the logits, at some 40 of them.
func compareGradient(
    _ gradient: [Double], _ distribution: ArchitectureDistribution, scale: Double = 1,
    _ value: () throws -> Double
) throws {
    #expect(gradient.count == distribution.logitCount)
    let step = max(distribution.logitCount / 40, 1)
    for i in stride(from: 0, to: distribution.logitCount, by: step) {
        let logit = distribution.logits[i]
        distribution.logits[i] = logit + 1e-5
        distribution.normalise()
        let above = try value()
        distribution.logits[i] = logit - 1e-5
        distribution.normalise()
        let below = try value()
        distribution.logits[i] = logit
        distribution.normalise()
        #expect(abs((above - below) / 2e-5 - gradient[i]) < 1e-6 * scale)
    }
}

/// All encodings of a space with their costs and probabilities.
struct Listed {
    let distribution: ArchitectureDistribution
    let rows: [[Int32]]
    /// By chain, by row.
    let costs: [[Int]]
    let probabilities: [Double]

    init(_ distribution: ArchitectureDistribution, _ chains: [CostChain]) throws {
        self.distribution = distribution
        rows = allEncodings(distribution.space)
        var costs: [[Int]] = []
        for chain in chains { costs.append(try rows.map { try chain.cost(of: $0) }) }
        self.costs = costs
        probabilities = try rows.map { exp(try distribution.logProbability($0)) }
    }

    func inside(_ budgets: [CostBudget]) -> (isInside: [Bool], total: Double) {
        var total = 0.0
        let isInside = rows.indices.map { i in
            budgets.enumerated().allSatisfy { d, budget in
                (budget.least...budget.most).contains(costs[d][i])
            }
        }
        for i in rows.indices where isInside[i] { total += probabilities[i] }
        return (isInside, total)
    }

    /// Everything an exact conditioned distribution says.
    func compare(_ budgets: [CostBudget]) throws {
        let space = distribution.space
        let (isInside, total) = inside(budgets)
        guard total > 0 else {
            #expect(throws: FPNASError.self) { try BudgetedDistribution(distribution, budgets) }
            return
        }
        let q = try BudgetedDistribution(distribution, budgets)
        #expect(q.isExact)
        #expect(q.resolutions == budgets.map { _ in 1 })
        #expect(abs(q.probability - total) < 1e-12)
        #expect(try q.probabilityBounds() == (q.probability, q.probability))

        var entropy = 0.0
        var networks: [[Int32]: Double] = [:]
        for (i, row) in rows.enumerated() {
            let log = try q.logProbability(of: row)
            #expect((log > -.infinity) == isInside[i])
            guard isInside[i] else { continue }
            let own = probabilities[i] / total
            #expect(abs(exp(log) - own) < 1e-12)
            entropy -= own * Glibc.log(own)
            networks[canonicalByDefinition(row, space), default: 0] += probabilities[i]
        }
        #expect(abs(q.entropy - entropy) < 1e-12 * max(entropy, 1))

        let mode = try q.mode()
        #expect(mode.isExact)
        let best = networks.values.max() ?? 0
        #expect(abs((networks[mode.best.architecture] ?? 0) - best) < 1e-12)
        #expect(abs(exp(mode.best.logProbability) - best) < 1e-12)

        for layer in 0..<space.layerCount {
            let options = try space.options(ofLayer: layer)
            var expected = [Double](repeating: 0, count: options.count)
            for (i, row) in rows.enumerated() where isInside[i] {
                let active = space.activity(row)
                let wanted = space.variables(of: layer).map { active[$0] ? row[$0] : -1 }
                expected[options.firstIndex(of: wanted) ?? 0] += probabilities[i] / total
            }
            for (a, b) in zip(q.optionProbabilities[layer], expected) {
                #expect(abs(a - b) < 1e-12)
            }
        }
        let gradient = q.logProbabilityGradient()
        try compareGradient(gradient, distribution) {
            q.update()
            return q.logProbability
        }
        q.update()
        #expect(abs(q.probability - total) < 1e-12)
    }
}
