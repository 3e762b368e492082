import ArchitectureCost
import ArchitectureDistribution
import SearchSpace
import Support
import TestSupport
import Testing

@testable import Search

/// Evolution and policy gradients against Tests/reference/strategy_reference.py, and by themselves.
@Suite struct StrategyTests {
    private struct Reference {
        var asks: [String] = []
        var logits: [Double] = []
    }

    private static func references() throws -> [String: Reference] {
        let folder = #filePath.split(separator: "/").dropLast().joined(separator: "/")
        let text = String(decoding: try Files.read("/\(folder)/strategies.txt"), as: UTF8.self)
        var found: [String: Reference] = [:]
        var name = ""
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ", maxSplits: 1).map(String.init)
            switch words[0] {
            case "run":
                name = words[1]
                found[name] = Reference()
            case "ask": found[name]?.asks.append(words[1])
            case "logits":
                found[name]?.logits = words[1].split(separator: " ").compactMap { Double($0) }
            default: break
            }
        }
        return found
    }

    private static func cost(_ row: [Int32]) -> Double {
        Double(row.enumerated().reduce(0) { $0 + (Int($1.1) + 1) * ($1.0 + 1) })
    }

    private static func value(_ row: [Int32]) -> Double {
        -Double(row.enumerated().reduce(0) { $0 + (7 * Int($1.1) + 3 * $1.0) % 5 }) / 16
    }

    private static func text(_ ask: Ask) -> String {
        zip(ask.architectures, ask.multiplicities).map { row, n in
            row.map(String.init).joined() + ":\(n)"
        }.joined(separator: " ")
    }

    static let runs: [(name: String, lag: Int, change: @Sendable (inout SearchOptions) -> Void)] = [
        (
            "evolution", 0,
            {
                $0.algorithm = .evolution; $0.seed = 7; $0.sampleCount = 1
                $0.populationSize = 10; $0.tournamentSize = 3
            }
        ),
        (
            "evolution-lagging", 1,
            {
                $0.algorithm = .evolution; $0.seed = 1 << 33 + 5; $0.sampleCount = 4
                $0.populationSize = 15; $0.tournamentSize = 6
            }
        ),
        (
            "evolution-costs", 0,
            {
                $0.algorithm = .evolution; $0.seed = 9; $0.sampleCount = 3
                $0.populationSize = 12; $0.tournamentSize = 4; $0.warmUpSteps = 4
                $0.costWeight = 2; $0.costTarget = 50
            }
        ),
        (
            "reinforce", 0,
            {
                $0.seed = 11; $0.sampleCount = 6
            }
        ),
        (
            "reinforce-product", 0,
            {
                $0.seed = 12; $0.sampleCount = 5; $0.reward = .product; $0.rewardExponent = -0.5
                $0.costTarget = 60; $0.baselineDecay = 0.7; $0.entropyWeight = 0.02
                $0.jointStep = 20
            }
        ),
        (
            "reinforce-clipped", 1,
            {
                $0.seed = 13; $0.sampleCount = 8; $0.clipRange = 0.05; $0.clipEpochs = 3
                $0.entropyWeight = 0.01
            }
        ),
        (
            "reinforce-hinge", 0,
            {
                $0.seed = 14; $0.sampleCount = 4; $0.costTarget = 50; $0.costWeight = 0.5
                $0.baselineDecay = 0
            }
        ),
    ]

    private static func search(_ index: Int) throws -> Search {
        var options = SearchOptions()
        options.algorithm = .reinforce
        options.learningRate = 0.1
        runs[index].change(&options)
        return try Search(space: try TrajectoryTests.space(), options: options)
    }

    private static func tell(_ search: Search, _ ask: Ask) throws {
        try search.tell(
            ask.number, logLikelihoods: ask.architectures.map(value),
            costs: search.options.usesCosts ? ask.architectures.map(cost) : nil)
    }

    private func restored(_ search: Search) throws -> Search {
        var writer = ByteWriter()
        search.encode(into: &writer)
        var reader = ByteReader(writer.bytes[...], name: "test")
        let copy = try Search(space: search.space, from: &reader)
        try reader.finish()
        return copy
    }

    /// Every ask of the reference, with a checkpoint and a resume every few of them.
    @Test(arguments: runs.indices) func strategiesEqualTheReference(index: Int) throws {
        let reference = try #require(try StrategyTests.references()[StrategyTests.runs[index].name])
        #expect(reference.asks.count >= 30)
        var search = try StrategyTests.search(index)
        var open: [UInt64] = []
        for (number, text) in reference.asks.enumerated() {
            let ask = try search.ask()
            open.append(ask.number)
            #expect(StrategyTests.text(ask) == text)
            if number % 7 == 3 { search = try restored(search) }
            guard open.count > StrategyTests.runs[index].lag else { continue }
            try StrategyTests.tell(search, try search.openAsk(open.removeFirst()))
        }
        for number in open { try StrategyTests.tell(search, try search.openAsk(number)) }
        guard !reference.logits.isEmpty else {
            #expect(search.distribution.logits.elements.allSatisfy { $0 == 0 })
            return
        }
        let logits = search.distribution.logits.elements
        #expect(logits.count == reference.logits.count)
        for (ours, theirs) in zip(logits, reference.logits) { #expect(abs(ours - theirs) < 1e-9) }
    }

    // MARK: - Policy gradient

    /// The mean of many draws against ∂E[R]/∂α over all encodings.
    @Test(arguments: [Reward.told, .product]) func theGradientIsThatOfTheExpectedReward(
        reward: Reward
    ) throws {
        let space = try SearchSpace(
            name: "small",
            layers: (0..<3).map { Layer("l\($0)", [Variable("v", (0..<3).map(Choice.integer))]) })
        var options = SearchOptions()
        options.algorithm = .reinforce
        options.reward = reward
        options.costTarget = 9
        options.rewardExponent = -0.4
        options.sampleCount = SearchOptions.sampleLimit
        // The first update then moves by rate · g / (|g| + 1).
        options.adamBeta1 = 0
        options.adamBeta2 = 0
        options.adamEpsilon = 1
        let search = try Search(space: space, options: options)
        let start = [0.3, -0.2, 0.1, 0, 0.5, -0.4, 0.2, 0.2, -0.6]
        try unsafe start.withUnsafeBufferPointer { try unsafe search.setLogits($0) }
        let ask = try search.ask()
        try search.tell(
            ask.number, logLikelihoods: ask.architectures.map(StrategyTests.value),
            costs: ask.architectures.map(StrategyTests.cost))
        let moved = zip(start, search.distribution.logits.elements).map { a, b in
            let step = (a - b) / options.learningRate
            return step / (1 - abs(step))
        }

        let whole = try ArchitectureDistribution(space: space, form: .factorised)
        try unsafe start.withUnsafeBufferPointer { try unsafe whole.setLogits($0) }
        var expected = [Double](repeating: 0, count: 9)
        for code in 0..<27 {
            let row = [code / 9, code / 3 % 3, code % 3].map { Int32($0) }
            let p = Elementary.exp(try whole.logProbability(row))
            let cost = StrategyTests.cost(row)
            let reward =
                reward == .told
                ? StrategyTests.value(row)
                : Elementary.exp(StrategyTests.value(row) - 0.4 * Elementary.log(cost / 9))
            for v in 0..<3 {
                for c in 0..<3 {
                    let score = (Int(row[v]) == c ? 1 : 0) - whole.probabilities[3 * v + c]
                    expected[3 * v + c] -= p * reward * score
                }
            }
        }
        for (a, b) in zip(moved, expected) { #expect(abs(a - b) < 0.003) }
        #expect(expected.contains { abs($0) > 0.02 })
    }

    @Test(arguments: [DistributionForm.factorised, .joint])
    func theEntropysGradientIsItsDifference(form: DistributionForm) throws {
        let space = try randomSpace(5)
        let distribution = try ArchitectureDistribution(space: space, form: form)
        let random = Philox(seed: 2, stream: .baselines)
        var logits = (0..<distribution.logitCount).map { random.normal(step: 0, index: $0) }
        func entropy() throws -> Double {
            try unsafe logits.withUnsafeBufferPointer { try unsafe distribution.setLogits($0) }
            return distribution.entropy
        }
        _ = try entropy()
        let gradient = try Buffer<Double>(logits.count, of: "test")
        unsafe distribution.addEntropyGradient(factor: 2, to: gradient.pointer)
        for i in logits.indices {
            let middle = logits[i]
            logits[i] = middle + 1e-5
            let above = try entropy()
            logits[i] = middle - 1e-5
            let below = try entropy()
            logits[i] = middle
            #expect(abs(gradient[i] - (above - below) / 1e-5) < 1e-8)
        }
    }

    /// A likelihood of zero is no reason to lose the logits.
    @Test func zeroLikelihoodsAreTheLeastOfTheirAsk() throws {
        var options = SearchOptions()
        options.algorithm = .reinforce
        options.sampleCount = 8
        let search = try Search(space: try TrajectoryTests.space(), options: options)
        let dead = try search.ask()
        try search.tell(dead.number, logLikelihoods: dead.architectures.map { _ in -.infinity })
        #expect(search.distribution.logits.elements.allSatisfy { $0 == 0 })
        let ask = try search.ask()
        try search.tell(
            ask.number,
            logLikelihoods: ask.architectures.indices.map { $0 == 0 ? -.infinity : -Double($0) })
        #expect(search.distribution.logits.elements.allSatisfy { $0.isFinite })
        #expect(search.distribution.logits.elements.contains { $0 != 0 })
    }

    /// Log-likelihoods at the end of what doubles hold.
    @Test(arguments: Algorithm.allCases) func wildValuesLeaveNumbers(algorithm: Algorithm) throws {
        var options = SearchOptions()
        options.algorithm = algorithm
        options.sampleCount = 6
        options.populationSize = 10
        options.clipRange = 0.2
        options.entropyWeight = 1
        let search = try Search(space: try TrajectoryTests.space(), options: options)
        for step in 0..<8 {
            let ask = try search.ask()
            let wild: [Double] = [-1.7e308, 1.7e308, -1e-308, 0, -.infinity]
            let values = ask.architectures.indices.map { wild[($0 + step) % 5] }
            try search.tell(ask.number, logLikelihoods: values)
            #expect(search.distribution.logits.elements.allSatisfy { $0.isFinite })
            #expect(search.progress.entropy.isFinite)
        }
    }

    // MARK: - Evolution

    /// A child differs in one variable that exists and in what comes to exist by it.
    @Test(arguments: UInt64(1)..<6) func childrenAreNeighboursOfMembers(seed: UInt64) throws {
        let space = try randomSpace(seed, layers: 4)
        var options = SearchOptions()
        options.algorithm = .evolution
        options.seed = seed
        options.sampleCount = 3
        options.populationSize = 9
        options.tournamentSize = 2
        let search = try Search(space: space, options: options)
        var born: [[Int32]] = []
        for step in 0..<40 {
            let ask = try search.ask()
            for row in ask.architectures {
                var canonical = row
                space.canonicalise(&canonical)
                #expect(row == canonical)
                guard step >= 3 else { continue }
                let hasParent = born.suffix(9).contains { isNeighbour(row, $0, space) }
                #expect(hasParent)
            }
            try search.tell(ask.number, logLikelihoods: ask.architectures.map(StrategyTests.value))
            for (row, n) in zip(ask.architectures, ask.multiplicities) {
                born += [[Int32]](repeating: row, count: n)
            }
        }
    }

    private func isNeighbour(_ child: [Int32], _ parent: [Int32], _ space: SearchSpace) -> Bool {
        let (now, before) = (space.activity(child), space.activity(parent))
        var changes = 0
        for v in child.indices where now[v] && before[v] && child[v] != parent[v] { changes += 1 }
        return changes == 1
    }

    /// Also where hardly any neighbour keeps the budget, and where none does.
    @Test(arguments: UInt64(1)..<5, [0.0, 0.02, 0.5])
    func evolutionKeepsHardBudgets(seed: UInt64, share: Double) throws {
        let space = try randomSpace(seed, layers: 4)
        let random = Philox(seed: seed, stream: .dataSplit)
        let chain = try CostChain(
            space: space,
            choiceCosts: (0..<space.factorisedLogitCount).map {
                1 + random.integer(below: 30, step: 0, index: $0)
            })
        let most = chain.range.lowerBound + Int(share * Double(chain.range.count - 1))
        var options = SearchOptions()
        options.algorithm = .evolution
        options.sampleCount = 5
        options.populationSize = 10
        options.tournamentSize = 3
        let search = try Search(space: space, options: options)
        try search.add(try SearchBudget(.hard, chain, most: most))
        var seen = Set<[Int32]>()
        for _ in 0..<30 {
            let ask = try search.ask()
            for row in ask.architectures {
                #expect(try chain.cost(of: row) <= most)
                seen.insert(row)
            }
            try search.tell(ask.number, logLikelihoods: ask.architectures.map(StrategyTests.value))
        }
        if share == 0.5 { #expect(seen.count > 4) }  // the smallest of these has 6
    }

    @Test func damagedPopulationsAreRefused() throws {
        let search = try StrategyTests.search(0)
        for _ in 0..<12 { try StrategyTests.tell(search, try search.ask()) }
        var writer = ByteWriter()
        search.encode(into: &writer)
        // The fitnesses end before the number of open asks.
        for (bits, place) in [(UInt8(0x7F), 1), (0xFF, 1)] {
            var bytes = writer.bytes
            let end = bytes.count - 8
            bytes[end - place] = bits
            bytes[end - place - 1] = 0xF8  // NaN, or its negative
            var reader = ByteReader(bytes[...], name: "test")
            #expect(throws: FPNASError.self) { try Search(space: search.space, from: &reader) }
        }
    }
}
