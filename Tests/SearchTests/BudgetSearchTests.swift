import ArchitectureCost
import ArchitectureDistribution
import Glibc
import SearchSpace
import Support
import TestSupport
import Testing

@testable import Search

/// Searches within budgets: what is drawn, what is learned, what is kept.
@Suite struct BudgetSearchTests {
    private static let objectives = [BudgetObjective.conditioned, .within]

    private func chain(_ space: SearchSpace, _ seed: UInt64) throws -> CostChain {
        let random = Philox(seed: seed, stream: .dataSplit)
        return try CostChain(
            space: space,
            choiceCosts: (0..<space.factorisedLogitCount).map {
                1 + random.integer(below: 30, step: 0, index: $0)
            })
    }

    private func middle(_ chain: CostChain, _ share: Double = 0.5) -> Int {
        chain.range.lowerBound + Int(share * Double(chain.range.count - 1))
    }

    private func hard(_ chain: CostChain) throws -> SearchBudget {
        try SearchBudget(.hard, chain, most: middle(chain))
    }

    private func options(_ change: (inout SearchOptions) -> Void) -> SearchOptions {
        var options = SearchOptions()
        options.learningRate = 0.1
        options.likelihoodScale = 3
        change(&options)
        return options
    }

    private func liking(_ row: [Int32]) -> Double {
        var sum = 0.0
        for (v, c) in row.enumerated() { sum += Double(c) / Double(v + 1) }
        return sum
    }

    private func restored(_ search: Search) throws -> Search {
        var writer = ByteWriter()
        search.encode(into: &writer)
        var reader = ByteReader(writer.bytes[...], name: "test")
        let copy = try Search(space: search.space, from: &reader)
        try reader.finish()
        return copy
    }

    /// The gradient of the first update: with β1 = β2 = 0 and ε = 1 Adam moves by r·g / (|g| + 1).
    private func firstGradient(_ search: Search, _ ask: Ask, _ values: [Double]) throws -> [Double]
    {
        let before = search.distribution.logits.elements.map { $0 }
        try search.tell(ask.number, logLikelihoods: values)
        let rate = search.options.learningRate
        return zip(before, search.distribution.logits.elements).map { a, b in
            let moved = (a - b) / rate
            return moved / (1 - abs(moved))
        }
    }

    // MARK: - Drawing

    @Test(arguments: UInt64(1)..<5, Algorithm.allCases)
    func nothingIsDrawnOutside(seed: UInt64, algorithm: Algorithm) throws {
        let space = try randomSpace(seed, layers: 5)
        let costs = [try chain(space, seed), try chain(space, seed + 50)]
        let search = try Search(
            space: space,
            options: options {
                $0.algorithm = algorithm
                $0.seed = seed
                $0.jointStep = 15
                $0.samplesPerNat = 3
                $0.minimumSamples = 4
            })
        try search.add(try SearchBudget(.hard, costs[0], most: middle(costs[0])))
        try search.add(try SearchBudget(.hard, costs[1], most: middle(costs[1], 0.7)))
        #expect(search.progress.initialEntropy < search.distribution.entropy)
        for _ in 0..<40 {
            #expect(
                search.progress.nextSampleCount
                    == search.options.sampleCount(entropy: search.progress.entropy))
            let ask = try search.ask()
            for row in ask.architectures {
                #expect(try costs[0].cost(of: row) <= middle(costs[0]))
                #expect(try costs[1].cost(of: row) <= middle(costs[1], 0.7))
            }
            try search.tell(ask.number, logLikelihoods: ask.architectures.map(liking))
        }
        #expect(search.progress.form == .joint)
        // Entropy and result are q's, by the list of all encodings.
        var total = 0.0
        var sum = 0.0
        var networks: [[Int32]: Double] = [:]
        for row in allEncodings(space)
        where try costs[0].cost(of: row) <= middle(costs[0])
            && costs[1].cost(of: row) <= middle(costs[1], 0.7)
        {
            let log = try search.distribution.logProbability(row)
            total += exp(log)
            sum += exp(log) * log
            networks[canonicalByDefinition(row, space), default: 0] += exp(log)
        }
        #expect(abs(search.progress.entropy - (log(total) - sum / total)) < 1e-10)
        #expect(abs(search.progress.budgetLogProbability - log(total)) < 1e-10)
        let result = try search.result()
        #expect(result.isExact)
        let best = networks.values.max() ?? 0
        #expect(abs((networks[result.best.architecture] ?? 0) - best) <= 1e-12)
    }

    @Test func drawsAreAFunctionOfSeedStepAndSample() throws {
        let space = try randomSpace(2, layers: 5)
        let cost = try chain(space, 2)
        let plain = try Search(space: space, options: options { $0.minimumSamples = 5 })
        let wide = try Search(
            space: space,
            options: options {
                $0.minimumSamples = 40
                $0.seed = 0
            })
        for search in [plain, wide] { try search.add(try hard(cost)) }
        let (a, b) = (try plain.ask(), try wide.ask())
        for k in 0..<(a.sampleCount * space.variableCount) { #expect(a.samples[k] == b.samples[k]) }
    }

    // MARK: - Gradients

    /// The move is the gradient of Σ m_k (−log P(A_k)) + s log Z, by differences.
    @Test(arguments: objectives, [Baseline.none, .mean])
    func theGradientIsThatOfItsSurrogate(
        objective: BudgetObjective, baseline: Baseline
    ) throws {
        for (seed, joint, soft) in [
            (UInt64(1), false, 0.0), (3, true, 0.0), (1, true, 0.8), (4, false, 0.8),
        ] {
            let space = try randomSpace(seed, layers: 4)
            let cost = try chain(space, seed)
            let other = try chain(space, seed + 9)
            let search = try Search(
                space: space,
                options: options {
                    $0.seed = seed
                    $0.jointStep = joint ? 0 : -1
                    $0.minimumSamples = 9
                    $0.adamBeta1 = 0
                    $0.adamBeta2 = 0
                    $0.adamEpsilon = 1
                    $0.baseline = baseline
                    $0.budgetObjective = objective
                })
            try search.add(try hard(cost))
            let target = max(middle(other, 0.2), 1)
            if soft > 0 {
                try search.add(try SearchBudget(.soft, other, most: target, weight: soft))
            }
            let random = Philox(seed: seed, stream: .weights)
            let logits = (0..<search.distribution.logitCount).map {
                0.5 * random.normal(step: 2, index: $0)
            }
            try logits.withUnsafeBufferPointer { try search.setLogits($0) }

            let ask = try search.ask()
            let values = ask.architectures.map(liking)
            let count = Double(ask.sampleCount)
            let raw = (0..<ask.sampleCount).map { k in
                (0..<space.variableCount).map { ask.samples[k * space.variableCount + $0] }
            }
            // m_k from its definition, draw by draw.
            let all = raw.map { row in
                exp(3 * liking(canonicalByDefinition(row, space)))
            }
            let hinges = try raw.map {
                max(0, Double(try other.cost(of: $0)) / Double(target) - 1)
            }
            let (weight, hinge) = (all.reduce(0, +), hinges.reduce(0, +))
            let mean = baseline == .mean ? 1 / count : 0
            let m = raw.indices.map { k in
                all[k] / weight - mean
                    - (hinge > 0 ? soft * (hinges[k] / hinge - mean) : 0)
            }
            let s = m.reduce(0, +) - (objective == .within ? 1 : 0)
            let start = try search.distribution.snapshot()
            func surrogate(_ distribution: ArchitectureDistribution) throws -> Double {
                var sum = 0.0
                for (k, row) in raw.enumerated() {
                    sum -= m[k] * (try distribution.logProbability(row))
                }
                let q = try BudgetedDistribution(
                    distribution, [CostBudget(cost, most: middle(cost))])
                return sum + s * q.logProbability
            }
            let gradient = try firstGradient(search, ask, values)
            for i in gradient.indices {
                let logit = start.logits[i]
                start.logits[i] = logit + 1e-5
                start.normalise()
                let above = try surrogate(start)
                start.logits[i] = logit - 1e-5
                start.normalise()
                let below = try surrogate(start)
                start.logits[i] = logit
                start.normalise()
                #expect(abs((above - below) / 2e-5 - gradient[i]) < 1e-7)
            }
        }
    }

    /// With many draws the move is the gradient of the objective itself.
    @Test(arguments: objectives, [Baseline.none, .mean])
    func manyDrawsGiveTheObjectivesGradient(
        objective: BudgetObjective, baseline: Baseline
    ) throws {
        let layers = (0..<3).map {
            Layer("l\($0)", [Variable("v", (0..<3).map(Choice.integer))])
        }
        let space = try SearchSpace(name: "cube", layers: layers)
        let cost = try CostChain(space: space, choiceCosts: [1, 4, 6, 2, 3, 7, 1, 5, 6])
        let search = try Search(
            space: space,
            options: options {
                $0.algorithm = .parsec
                $0.sampleCount = 1 << 14
                $0.adamBeta1 = 0
                $0.adamBeta2 = 0
                $0.adamEpsilon = 1
                $0.baseline = baseline
                $0.budgetObjective = objective
            })
        try search.add(try SearchBudget(.hard, cost, most: 11))
        let ask = try search.ask()
        let p = try search.distribution.snapshot()
        let gradient = try firstGradient(search, ask, ask.architectures.map(liking))
        let rows = allEncodings(space)
        let inside = try rows.filter { try cost.cost(of: $0) <= 11 }
        #expect(inside.count > 3 && inside.count < rows.count)
        func value() throws -> Double {
            var good = 0.0
            var kept = 0.0
            for row in inside {
                let own = exp(try p.logProbability(row))
                kept += own
                good += own * exp(3 * liking(row))
            }
            return -log(good) + (objective == .conditioned ? log(kept) : 0)
        }
        for i in gradient.indices {
            p.logits[i] = 1e-5
            p.normalise()
            let above = try value()
            p.logits[i] = -1e-5
            p.normalise()
            let below = try value()
            p.logits[i] = 0
            p.normalise()
            #expect(abs((above - below) / 2e-5 - gradient[i]) < 0.015)
        }
    }

    // MARK: - Soft budgets

    /// A soft budget on the exact MACs is the cost term of the options.
    @Test func aSoftBudgetIsTheCostTerm() throws {
        let space = try smallNetworkSpace(2)
        let macs = try CostTable(space).chain(of: .macs)
        let target = middle(macs, 0.3)
        let built = try Search(
            space: space,
            options: options {
                $0.costWeight = 0.7
                $0.costTarget = Double(target)
                $0.minimumSamples = 8
            })
        let added = try Search(space: space, options: options { $0.minimumSamples = 8 })
        try added.add(try SearchBudget(.soft, macs, most: target, weight: 0.7))
        for _ in 0..<20 {
            for search in [built, added] {
                let ask = try search.ask()
                try search.tell(ask.number, logLikelihoods: ask.architectures.map(liking))
            }
        }
        for i in 0..<built.distribution.logitCount {
            #expect(abs(built.distribution.logits[i] - added.distribution.logits[i]) < 1e-9)
        }
    }

    // MARK: - State

    @Test(arguments: objectives) func aRestoredSearchGoesOnBitExactly(
        objective: BudgetObjective
    ) throws {
        let space = try smallNetworkSpace(1)
        let table = try CostTable(space)
        let search = try Search(
            space: space,
            options: options {
                $0.jointStep = 6
                $0.minimumSamples = 6
                $0.budgetObjective = objective
            })
        let macs = table.chain(of: .macs)
        let own = try chain(space, 5)
        try search.add(try SearchBudget(.hard, macs, least: middle(macs, 0.1), most: middle(macs)))
        try search.add(try SearchBudget(.soft, own, most: middle(own, 0.2), weight: 0.4))
        try search.add(try SearchBudget(.hard, own, most: middle(own, 0.9), resolution: 3))
        for step in 0..<12 {
            let copy = try restored(search)
            #expect(copy.progress == search.progress)
            #expect(copy.budgetList.count == 3)
            for one in [search, copy] {
                let ask = try one.ask()
                let again = one === copy ? try restored(one) : one
                let found = try again.openAsk(ask.number)
                try again.tell(ask.number, logLikelihoods: found.architectures.map(liking))
                if one === copy {
                    #expect(again.progress == search.progress, "step \(step)")
                    for i in 0..<search.distribution.logitCount {
                        #expect(again.distribution.logits[i] == search.distribution.logits[i])
                    }
                }
            }
        }
    }

    @Test func budgetsAreRefusedWithoutAChange() throws {
        let space = try randomSpace(2, layers: 4)
        let cost = try chain(space, 2)
        let search = try Search(space: space, options: options { _ in })
        let before = search.progress
        let error = #expect(throws: FPNASError.self) {
            try search.add(SearchBudget(.hard, cost, most: cost.range.lowerBound - 1))
        }
        #expect(error?.message.contains("the least costs \(cost.range.lowerBound)") == true)
        let other = try chain(try randomSpace(9), 1)
        #expect(throws: FPNASError.self) { try search.add(try hard(other)) }
        #expect(throws: FPNASError.self) { try SearchBudget(.soft, cost, most: 0) }
        #expect(throws: FPNASError.self) { try SearchBudget(.soft, cost, least: 1, most: 5) }
        for bad in [-1, Double.nan, .infinity] {
            #expect(throws: FPNASError.self) {
                try SearchBudget(.soft, cost, most: 5, weight: bad)
            }
        }
        #expect(search.progress == before)
        #expect(search.budgetList.isEmpty)
        _ = try search.ask()
        let late = #expect(throws: FPNASError.self) { try search.add(try hard(cost)) }
        #expect(late?.code == .state)
    }

    /// Logits under which doubles give the budget no probability are refused and change nothing.
    @Test func aWarmStartOutsideIsRefused() throws {
        let layers = (0..<2).map { Layer("l\($0)", [Variable("v", [.integer(0), .integer(1)])]) }
        let space = try SearchSpace(name: "pair", layers: layers)
        let cost = try CostChain(space: space, choiceCosts: [1, 5, 1, 5])
        let search = try Search(space: space, options: options { _ in })
        try search.add(try SearchBudget(.hard, cost, most: 2))
        let before = search.progress
        let error = #expect(throws: FPNASError.self) {
            try [0.0, 5e4, 0, 0].withUnsafeBufferPointer { try search.setLogits($0) }
        }
        #expect(error?.code == .infeasible)
        #expect(search.progress == before)
        #expect(search.distribution.logits[1] == 0)
        let ask = try search.ask()
        #expect(ask.architectures == [[0, 0]])
    }
}
