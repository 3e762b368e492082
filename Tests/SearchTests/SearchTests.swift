import ArchitectureDistribution
import Glibc
import Search
import SearchSpace
import Support
import TestSupport
import Testing

private func bytes(_ search: Search) -> [UInt8] {
    var writer = ByteWriter()
    search.encode(into: &writer)
    return writer.bytes
}

private func restored(_ search: Search) throws -> Search {
    let data = bytes(search)
    var reader = ByteReader(data[...], name: "test")
    let copy = try Search(space: search.space, from: &reader)
    try reader.finish()
    return copy
}

/// A separable objective: the more high choices, the better.
private func value(_ architecture: [Int32]) -> Double { -0.2 * Double(architecture.reduce(0, +)) }

private func step(_ search: Search) throws {
    let ask = try search.ask()
    try search.tell(ask.number, logLikelihoods: ask.architectures.map(value))
}

private func toy(layers: Int = 6) throws -> SearchSpace {
    try SearchSpace(
        name: "toy",
        layers: (0..<layers).map { l in
            Layer(
                "l\(l)",
                [
                    Variable("a", (0..<4).map(Choice.integer)),
                    Variable("b", (0..<3).map(Choice.integer)),
                ])
        })
}

@Suite struct SearchTests {
    private func options(_ change: (inout SearchOptions) -> Void = { _ in }) -> SearchOptions {
        var options = SearchOptions()
        options.seed = 3
        options.learningRate = 0.1
        options.likelihoodScale = 5
        change(&options)
        return options
    }

    @Test func aSeedFixesTheTrajectory() throws {
        let a = try Search(space: try toy(), options: options())
        let b = try Search(space: try toy(), options: options())
        let c = try Search(space: try toy(), options: options { $0.seed = 4 })
        for _ in 0..<30 {
            try step(a)
            try step(b)
            try step(c)
            #expect(bytes(a) == bytes(b))
        }
        #expect(bytes(a) != bytes(c))
    }

    @Test(arguments: [-1, 20]) func theOptimumIsFound(jointStep: Int) throws {
        let search = try Search(
            space: try toy(),
            options: options {
                $0.jointStep = jointStep; $0.minimumSamples = 6
            })
        for _ in 0..<250 { try step(search) }
        #expect(try search.distribution.mode().architecture == [Int32](repeating: 0, count: 12))
        #expect(search.progress.entropy < 0.5 * search.progress.initialEntropy)
        #expect(search.progress.form == (jointStep < 0 ? .factorised : .joint))
    }

    /// A search that never switches goes the same way up to the tell of the switch.
    @Test func theSwitchKeepsEntropyAndSampleCount() throws {
        let joint = try Search(space: try toy(), options: options { $0.jointStep = 10 })
        let factorised = try Search(space: try toy(), options: options())
        for _ in 0..<10 {
            #expect(joint.progress.form == .factorised)
            try step(joint)
            try step(factorised)
        }
        #expect(joint.progress.form == .joint && factorised.progress.form == .factorised)
        #expect(joint.progress.entropy < joint.progress.initialEntropy)
        #expect(abs(joint.progress.entropy - factorised.progress.entropy) < 1e-12)
        #expect(joint.progress.nextSampleCount == factorised.progress.nextSampleCount)
        #expect(try joint.distribution.divergence(from: factorised.distribution) < 1e-12)
        try step(joint)
        #expect(joint.progress.steps == 11)
    }

    @Test func parsecKeepsItsSampleCountAndRandomNeverMoves() throws {
        let parsec = try Search(
            space: try toy(),
            options: options {
                $0.algorithm = .parsec; $0.sampleCount = 9
            })
        let random = try Search(
            space: try toy(),
            options: options {
                $0.algorithm = .random; $0.sampleCount = 5
            })
        for _ in 0..<20 {
            try step(parsec)
            try step(random)
            #expect(parsec.progress.sampleCount == 9)
        }
        #expect(parsec.progress.samplesDrawn == 180)
        #expect(parsec.progress.entropy < parsec.progress.initialEntropy)
        #expect(random.progress.entropy == random.progress.initialEntropy)
        #expect(!random.bestArchitecture.isEmpty)
    }

    @Test func warmUpLeavesTheDistributionAlone() throws {
        let search = try Search(space: try toy(), options: options { $0.warmUpSteps = 3 })
        for _ in 0..<3 { try step(search) }
        #expect(search.progress.entropy == search.progress.initialEntropy)
        try step(search)
        #expect(search.progress.entropy != search.progress.initialEntropy)
    }

    /// On a flat likelihood the printed equation drifts and the baseline stands still.
    @Test func theMeanBaselineDoesNotDrift() throws {
        func entropy(_ baseline: Baseline) throws -> Double {
            let search = try Search(
                space: try toy(),
                options: options {
                    $0.baseline = baseline; $0.learningRate = 0.05
                })
            for _ in 0..<200 {
                let ask = try search.ask()
                try search.tell(ask.number, logLikelihoods: ask.architectures.map { _ in -1 })
            }
            return search.progress.entropy / search.progress.initialEntropy
        }
        #expect(try entropy(.mean) > 0.999)
        #expect(try entropy(.none) < 0.9)
    }

    // MARK: - Asks

    @Test func asksMayBePartialLateAndOutOfOrder() throws {
        let search = try Search(space: try toy(), options: options { $0.minimumSamples = 5 })
        let first = try search.ask()
        let second = try search.ask()
        #expect(first.number == 0 && second.number == 1 && search.openAskNumbers == [0, 1])
        let before = search.progress.entropy
        try search.tell(1, networks: [1], logLikelihoods: [-1])
        #expect(search.progress.steps == 0 && search.progress.entropy == before)
        let rest = second.architectures.indices.filter { $0 != 1 }
        try search.tell(1, networks: rest, logLikelihoods: rest.map { -Double($0) })
        #expect(search.progress.steps == 1 && search.progress.entropy != before)
        #expect(search.openAskNumbers == [0])
        try search.tell(0, networks: [0, 2], logLikelihoods: [-1, -.infinity])
        try search.close(0)
        #expect(search.progress.steps == 2 && search.openAskNumbers.isEmpty)
        #expect(search.progress.evaluations == second.architectures.count + 2)
        let third = try search.ask()
        try search.close(third.number)
        #expect(search.progress.steps == 2)
    }

    @Test func multiplicitiesSumToTheSampleCount() throws {
        let space = try SearchSpace(
            name: "tiny", layers: [Layer("a", [Variable("v", [.integer(0), .integer(1)])])])
        let search = try Search(
            space: space,
            options: options {
                $0.algorithm = .parsec; $0.sampleCount = 10
            })
        let ask = try search.ask()
        #expect(ask.multiplicities.reduce(0, +) == 10)
        #expect(ask.architectures.count <= 2)
        #expect(Set(ask.architectures).count == ask.architectures.count)
    }

    @Test func badTellsChangeNothing() throws {
        let search = try Search(space: try toy(), options: options { $0.minimumSamples = 5 })
        try step(search)
        let ask = try search.ask()
        try search.tell(ask.number, networks: [0], logLikelihoods: [-1])
        let before = bytes(search)
        let count = ask.architectures.count
        func refuses(
            _ number: UInt64, _ networks: [Int]?, _ values: [Double], _ costs: [Double]? = nil
        ) {
            #expect(throws: FPNASError.self) {
                try search.tell(number, networks: networks, logLikelihoods: values, costs: costs)
            }
            #expect(bytes(search) == before)
        }
        refuses(ask.number, nil, [Double](repeating: -1, count: count))
        refuses(ask.number, [1], [.nan])
        refuses(ask.number, [1], [.infinity])
        refuses(ask.number, [1, 2], [-1])
        refuses(ask.number, [1, 1], [-1, -1])
        refuses(ask.number, [0], [-1])
        refuses(ask.number, [count], [-1])
        refuses(ask.number, [-1], [-1])
        refuses(ask.number, [1], [-1], [-2])
        refuses(ask.number, [1], [-1], [.nan])
        refuses(ask.number, [1], [-1], [1, 2])
        refuses(0, nil, [-1])
        refuses(99, nil, [-1])
        #expect(throws: FPNASError.self) { try search.close(0) }
        #expect(bytes(search) == before)
    }

    @Test func likelihoodsOfZeroForAllCarryNoPreference() throws {
        let search = try Search(space: try toy(), options: options())
        let ask = try search.ask()
        try search.tell(ask.number, logLikelihoods: ask.architectures.map { _ in -.infinity })
        #expect(search.progress.steps == 1 && search.progress.effectiveSamples == 0)
        #expect(search.progress.entropy == search.progress.initialEntropy)
    }

    @Test func toldCostsPushTowardsTheTarget() throws {
        let search = try Search(
            space: try toy(),
            options: options {
                $0.costWeight = 1; $0.costTarget = 5; $0.likelihoodScale = 0
            })
        for _ in 0..<200 {
            let ask = try search.ask()
            try search.tell(
                ask.number, logLikelihoods: ask.architectures.map { _ in 0 },
                costs: ask.architectures.map { Double($0.reduce(0, +)) })
        }
        #expect(try search.distribution.mode().architecture.reduce(0, +) <= 5)
        let ask = try search.ask()
        #expect(throws: FPNASError.self) {  // the space is abstract: costs must be told
            try search.tell(ask.number, logLikelihoods: ask.architectures.map { _ in 0 })
        }
    }

    // MARK: - Stopping

    @Test func stopReasons() throws {
        let steps = try Search(space: try toy(), options: options { $0.maximumSteps = 2 })
        try step(steps)
        #expect(steps.progress.stopReason == .none)
        try step(steps)
        #expect(steps.progress.stopReason == .maximumSteps)
        let entropy = try Search(space: try toy(), options: options { $0.stopEntropy = 1000 })
        #expect(entropy.progress.stopReason == .entropy)
    }

    @Test func collapseToSkipsIsSeen() throws {
        let space = try smallNetworkSpace(1)
        let search = try Search(space: space, options: options { $0.stopsOnCollapse = true })
        #expect(abs(search.progress.skipProbability - 1.0 / 3) < 1e-12)
        var logits = [Double](repeating: 0, count: space.factorisedLogitCount)
        for v in 0..<space.variableCount where space.variable(v).name == "kernel" {
            logits[space.factorisedOffsets[v]] = 5
        }
        try logits.withUnsafeBufferPointer { try search.setLogits($0) }
        #expect(search.progress.stopReason == .collapse)
    }

    // MARK: - Checkpoints

    @Test(arguments: [0, 3, 10, 17]) func aRestoredSearchGoesOnBitExactly(at moment: Int) throws {
        let space = try randomSpace(3)
        let settings = options {
            $0.jointStep = 8; $0.minimumSamples = 4
        }
        let whole = try Search(space: space, options: settings)
        var parts = try Search(space: space, options: settings)
        for i in 0..<25 {
            for search in [whole, parts] {
                let late = try search.ask()
                try step(search)
                try search.tell(late.number, networks: [0], logLikelihoods: [-0.5])
            }
            if i == moment { parts = try restored(parts) }
            for search in [whole, parts] {
                if let number = search.openAskNumbers.first { try search.close(number) }
            }
            #expect(bytes(whole) == bytes(parts))
        }
        #expect(whole.progress == parts.progress)
    }

    @Test func damagedStatesAreRefusedAndNeverTrap() throws {
        let search = try Search(
            space: try randomSpace(3), options: options { $0.minimumSamples = 4 })
        try step(search)
        _ = try search.ask()
        let data = bytes(search)
        for count in 0..<data.count {
            var reader = ByteReader(data[..<count], name: "test")
            #expect(throws: FPNASError.self) { try Search(space: search.space, from: &reader) }
        }
        let random = Philox(seed: 1, stream: .baselines)
        for i in 0..<3000 {
            var flipped = data
            let bit = random.integer(below: data.count * 8, step: 0, index: i)
            flipped[bit / 8] ^= 1 << (bit % 8)
            var reader = ByteReader(flipped[...], name: "test")
            if let survivor = try? Search(space: search.space, from: &reader) {
                for number in survivor.openAskNumbers { try? survivor.close(number) }
                for _ in 0..<3 { try? step(survivor) }
            }
        }
    }
}
