import Search
import SearchSpace
import Support
import TestSupport
import Testing

/// What a search achieves, and what it must not depend on.
@Suite struct LearningTests {
    /// Twelve variables of three choices; choice 2 of each is best, and each counts by itself.
    private func space() throws -> SearchSpace {
        try SearchSpace(
            name: "separable",
            layers: (0..<6).map { l in
                Layer(
                    "l\(l)", ["a", "b"].map { Variable($0, (0..<3).map(Choice.integer)) })
            })
    }

    private func value(_ row: [Int32]) -> Double {
        -row.enumerated().reduce(0) { $0 + Double(2 - $1.1) * (0.02 + 0.01 * Double($1.0)) }
    }

    private func bytes(_ search: Search) -> [UInt8] {
        var writer = ByteWriter()
        search.encode(into: &writer)
        return writer.bytes
    }

    private func run(_ algorithm: Algorithm, seed: UInt64, samples: Int) throws -> Search {
        var options = SearchOptions()
        options.algorithm = algorithm
        options.seed = seed
        options.samplesPerNat = 0.6
        options.sampleCount = 8
        options.learningRate = 0.1
        options.likelihoodScale = 10
        let search = try Search(space: try space(), options: options)
        while search.progress.samplesDrawn < samples {
            let ask = try search.ask()
            try search.tell(ask.number, logLikelihoods: ask.architectures.map(value))
        }
        return search
    }

    /// With as many draws, the mode of a search is better than the best of random draws, and its
    /// distance to the optimum, which is 0, less than a quarter on average.
    @Test func searchesBeatRandomDraws() throws {
        var wins = 0
        var best = 0.0
        var modes = 0.0
        for seed in UInt64(0)..<10 {
            let random = try run(.random, seed: seed, samples: 600)
            #expect(value(random.bestArchitecture) == random.progress.bestLogLikelihood)
            best += 2 * random.progress.bestLogLikelihood
            for algorithm in [Algorithm.fpNAS, .parsec] {
                let search = try run(algorithm, seed: seed, samples: 600)
                let mode = value(try search.distribution.mode().architecture)
                modes += mode
                if mode > random.progress.bestLogLikelihood { wins += 1 }
            }
        }
        #expect(wins >= 19)
        #expect(modes > best / 4)
    }

    /// On a flat likelihood the mean baseline leaves every logit where it is when all networks
    /// are distinct, and the printed equation falls at once.
    @Test(arguments: [Baseline.mean, .none]) func aFlatLikelihoodMovesNothingByItself(
        baseline: Baseline
    ) throws {
        var options = SearchOptions()
        options.baseline = baseline
        let search = try Search(space: try space(), options: options)
        for _ in 0..<100 {
            let ask = try search.ask()
            try search.tell(ask.number, logLikelihoods: ask.architectures.map { _ in -2.5 })
        }
        let fall = 1 - search.progress.entropy / search.progress.initialEntropy
        #expect(baseline == .mean ? fall < 1e-9 : fall > 0.02)
        let largest = search.distribution.logits.elements.map(abs).max() ?? 0
        #expect(baseline == .mean ? largest < 1e-6 : largest > 0.1)
    }

    @Test(arguments: [0.25, 0.5, 0.9]) func theEffectiveShareIsReached(share: Double) throws {
        var options = SearchOptions()
        options.algorithm = .parsec
        options.sampleCount = 16
        options.effectiveSampleShare = share
        options.learningRate = 0.02
        let search = try Search(space: try space(), options: options)
        var factors: [Double] = []
        for unit in [1.0, 1000] {  // the unit of the likelihoods does not matter
            let ask = try search.ask()
            try search.tell(
                ask.number, logLikelihoods: ask.architectures.map { value($0) * unit })
            #expect(abs(search.progress.effectiveSamples - share * 16) < 1e-6)
            factors.append(search.progress.likelihoodScale)
        }
        #expect(factors[0] > 100 * factors[1])
    }

    /// The order in which an ask's networks are told, and in how many parts, changes no bit.
    @Test func partsAndTheirOrderDoNotMatter() throws {
        var options = SearchOptions()
        options.minimumSamples = 9
        options.likelihoodScale = 7
        let whole = try Search(space: try randomSpace(6), options: options)
        let parts = try Search(space: try randomSpace(6), options: options)
        for round in 0..<20 {
            let ask = try whole.ask()
            let same = try parts.ask()
            let values = ask.architectures.map { -Double($0.reduce(0, +)) - 0.1 }
            try whole.tell(ask.number, logLikelihoods: values)
            for network in same.architectures.indices.reversed() {
                let missing = same.missingCount
                try parts.tell(
                    same.number, networks: [network], logLikelihoods: [values[network]])
                #expect(same.missingCount == missing - 1)
            }
            #expect(parts.progress.steps == round + 1)
            #expect(parts.progress == whole.progress)
            #expect(
                Array(parts.distribution.logits.elements)
                    == Array(whole.distribution.logits.elements))
        }
    }

    /// Equal draws told as one network weigh as much as if each had been a network of its own.
    @Test func multiplicitiesCountAsDraws() throws {
        let logs = [-0.4, -0.4, -0.4, -1.0, -0.7, -0.7]
        let excesses = [0.5, 0.5, 0.5, 0.0, 2.0, 2.0]
        for baseline in [Baseline.none, .mean] {
            let apart = SampleCoefficients.coefficients(
                weights: SampleCoefficients.weights(logs, [1, 1, 1, 1, 1, 1], scale: 3),
                excesses: excesses, multiplicities: [1, 1, 1, 1, 1, 1], costWeight: 0.8,
                baseline: baseline)
            let weights = SampleCoefficients.weights([-0.4, -1.0, -0.7], [3, 1, 2], scale: 3)
            let merged = SampleCoefficients.coefficients(
                weights: weights, excesses: [0.5, 0.0, 2.0], multiplicities: [3, 1, 2],
                costWeight: 0.8, baseline: baseline)
            let sums = [apart[0...2].reduce(0, +), apart[3], apart[4...5].reduce(0, +)]
            for (a, b) in zip(merged, sums) { #expect(abs(a - b) < 1e-15) }
            #expect(
                abs(
                    SampleCoefficients.effectiveSampleSize(weights, [3, 1, 2])
                        - SampleCoefficients.effectiveSampleSize(
                            SampleCoefficients.weights(logs, [1, 1, 1, 1, 1, 1], scale: 3),
                            [1, 1, 1, 1, 1, 1])) < 1e-12)
        }
    }

    /// Late tells of several open asks: an interrupted search goes on as one that was not.
    @Test(arguments: 0..<12) func openAsksSurviveACheckpoint(moment: Int) throws {
        var options = SearchOptions()
        options.minimumSamples = 5
        options.jointStep = 6
        options.costWeight = 0.3
        options.costTarget = 2
        let space = try randomSpace(9)
        func drive(interrupted: Bool) throws -> [UInt8] {
            var search = try Search(space: space, options: options)
            var waiting: [UInt64] = []
            for turn in 0..<30 {
                waiting.append(try search.ask().number)
                // Up to three wait; the middle one is told first, its first network ahead.
                if waiting.count == 3 {
                    let number = waiting.remove(at: 1)
                    let ask = try search.openAsk(number)
                    let values = ask.architectures.map { -Double($0.reduce(0, +)) }
                    let costs = ask.architectures.map { Double($0.reduce(0, +)) }
                    try search.tell(
                        number, networks: [0], logLikelihoods: [values[0]], costs: [costs[0]])
                    if interrupted && turn % 12 == moment {
                        let data = bytes(search)
                        var reader = ByteReader(data[...], name: "test")
                        search = try Search(space: space, from: &reader)
                        try reader.finish()
                        #expect(bytes(search) == data)
                    }
                    let rest = Array(values.indices.dropFirst())
                    if !rest.isEmpty && search.openAskNumbers.contains(number) {
                        try search.tell(
                            number, networks: rest, logLikelihoods: rest.map { values[$0] },
                            costs: rest.map { costs[$0] })
                    }
                }
            }
            return bytes(search)
        }
        #expect(try drive(interrupted: true) == drive(interrupted: false))
    }
}
