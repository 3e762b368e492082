import SearchSpace
import Support
import Testing

@testable import Supernet

@Suite struct TrainingTests {
    let space: SearchSpace
    let batch: Buffer<Float>
    let targets = labels(20, classes: 4)

    init() throws {
        space = try smallSpace()
        batch = try images(20, ImageShape(height: 8, width: 8, channels: 1))
    }

    func network(_ seed: Int) throws -> Network {
        try space.network(architecture(space, seed: seed))
    }

    func make(threads: Int = 1) throws -> Supernet {
        let supernet = try Supernet(space: space, capacity: 20, seed: 9, threads: threads)
        supernet.scatter()
        return supernet
    }

    func all(_ buffer: Buffer<Float>) -> [Float] { (0..<buffer.count).map { buffer[$0] } }

    @Test func onePassSumEqualsTwoPasses() throws {
        let supernet = try make()
        let scale = 40.0
        let samples: [(Network, Int)] = try [(network(1), 1), (network(2), 3), (network(3), 2)]
        // Two passes: likelihoods first, then each gradient alone with its exact weight.
        let likelihoods = try samples.map {
            try supernet.evaluate($0.0, images: batch, labels: targets).logLikelihood
        }
        let peak = try #require(likelihoods.max())
        let raw = zip(likelihoods, samples).map {
            Double($1.1) * Elementary.exp(scale * ($0 - peak))
        }
        var expected = [Double](repeating: 0, count: supernet.gradient.count)
        for (sample, weight) in zip(samples, raw) {
            supernet.beginStep()
            try supernet.accumulate(sample.0, images: batch, labels: targets)
            for i in expected.indices {
                expected[i] += weight / raw.reduce(0, +) * Double(supernet.gradient[i])
            }
        }
        // In both orders, so that the maximum both stays and moves.
        for order in [[0, 1, 2], [2, 1, 0]] {
            supernet.beginStep()
            for i in order {
                try supernet.accumulate(
                    samples[i].0, images: batch, labels: targets, multiplicity: samples[i].1,
                    likelihoodScale: scale)
            }
            let total = try #require(supernet.step).total
            let sum = all(supernet.gradient).map { $0 / Float(total) }
            #expect(relativeDistance(sum, expected.map { Float($0) }) < 1e-5)
        }
    }

    @Test(arguments: [false, true]) func sliceEqualsNetworkAlone(leading: Bool) throws {
        let space = try smallSpace(leading: leading)
        let supernet = try Supernet(space: space, capacity: 20, seed: 9)
        supernet.scatter()
        for seed in 1...12 {
            let network = try space.network(architecture(space, seed: seed))
            let alone = try Supernet(networks: [network], capacity: 20, seed: 1)
            for slot in alone.slots {
                let number = try #require(slot.name.first { $0.isNumber }?.wholeNumberValue)
                let rest = slot.name.drop { $0 != "." }
                let shared = try #require(supernet.slot("\(space.layers[number].name)\(rest)"))
                // The rows of a k×k convolution are leading input channels of every tap.
                let block = try #require(network.blocks.first { $0.layer == number })
                let isKernel = block.kind == .convolution && slot.rows > 1
                let taps = isKernel ? block.kernel * block.kernel : 1
                for row in 0..<slot.rows {
                    let perTap = slot.rows / taps
                    let from = row / perTap * (shared.rows / taps) + row % perTap
                    for column in 0..<slot.columns {
                        alone.parameters[slot.offset + row * slot.line + column] =
                            supernet.parameters[shared.offset + from * shared.line + column]
                    }
                }
            }
            let one = try supernet.evaluate(network, images: batch, labels: targets)
            let two = try alone.evaluate(network, images: batch, labels: targets)
            #expect(abs(one.logLikelihood - two.logLikelihood) < 1e-5)
        }
    }

    @Test func threadsDoNotMatter() throws {
        let supernets = try [1, 2, 5].map { try make(threads: $0) }
        for supernet in supernets {
            for step in 0..<3 {
                supernet.beginStep()
                for seed in 0..<3 {
                    try supernet.accumulate(
                        network(10 * step + seed), images: batch, labels: targets,
                        likelihoodScale: 10)
                }
                try supernet.finishStep(StepOptions(rate: 0.05, weightDecay: 1e-4, maximumNorm: 1))
            }
        }
        let first = all(supernets[0].parameters)
        #expect(first == all(supernets[1].parameters))
        #expect(first == all(supernets[2].parameters))
    }

    @Test func stepFollowsTheFormula() throws {
        let supernet = try make()
        let before = all(supernet.parameters)
        supernet.beginStep()
        try supernet.accumulate(network(4), images: batch, labels: targets, multiplicity: 3)
        let gradient = all(supernet.gradient).map { $0 / 3 }
        let norm = gradient.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
        let options = StepOptions(
            rate: 0.1, momentum: 0.5, weightDecay: 0.01, maximumNorm: norm / 2)
        let reported = try supernet.finishStep(options)
        #expect(abs(reported - norm) < 1e-5 * norm)
        for slot in supernet.slots {
            for i in slot.offset..<(slot.offset + slot.rows * slot.line) {
                let decay = slot.decays ? 0.01 * before[i] : 0
                let expected = before[i] - 0.1 * (gradient[i] / 2 + decay)
                #expect(abs(supernet.parameters[i] - expected) < 1e-5)
            }
        }
        #expect(supernet.slots.contains { $0.decays } && supernet.slots.contains { !$0.decays })
    }

    @Test func trainingLowersTheLoss() throws {
        let supernet = try Supernet(space: space, capacity: 20, seed: 3)
        let network = try network(6)
        let first = try supernet.evaluate(network, images: batch, labels: targets).logLikelihood
        #expect(abs(first + 1.386) < 0.2)  // near uniform over four classes
        for step in 0..<60 {
            supernet.beginStep()
            try supernet.accumulate(network, images: batch, labels: targets)
            try supernet.finishStep(
                StepOptions(rate: cosineRate(initial: 0.1, step: step, of: 60), maximumNorm: 5))
        }
        let last = try supernet.evaluate(network, images: batch, labels: targets)
        #expect(last.logLikelihood > -0.1)
        #expect(last.correct == 20)
    }

    @Test func smoothedTargetsChangeTheGradientNotTheLikelihood() throws {
        let supernet = try make()
        let network = try network(2)
        supernet.beginStep()
        let plain = try supernet.accumulate(network, images: batch, labels: targets)
        let gradient = all(supernet.gradient)
        try supernet.smoothLabels(0.1)
        supernet.beginStep()
        let smoothed = try supernet.accumulate(network, images: batch, labels: targets)
        #expect(plain == smoothed)
        // ∂/∂bias = mean softmax − target, so the difference is 0.1·(frequency − 1/4).
        let slot = try #require(supernet.slot("classifier.0.bias"))
        for c in 0..<4 {
            let frequency = Float(targets.filter { $0 == c }.count) / 20
            let difference = supernet.gradient[slot.offset + c] - gradient[slot.offset + c]
            #expect(abs(difference - 0.1 * (frequency - 0.25)) < 1e-6)
        }
    }

    @Test func runningStatisticsOfTheSameBatchGiveTheSameResult() throws {
        let supernet = try make()
        let network = try network(3)
        try supernet.beginStatistics()
        try supernet.gatherStatistics(network, images: batch, count: 20)
        try supernet.gatherStatistics(network, images: batch, count: 20)
        try supernet.finishStatistics()
        let own = try supernet.evaluate(network, images: batch, labels: targets)
        let running = try supernet.evaluate(
            network, images: batch, labels: targets, statistics: .running)
        #expect(abs(own.logLikelihood - running.logLikelihood) < 1e-4)
        // With running statistics an image's result does not depend on its batch.
        var sum = 0.0
        for i in 0..<20 {
            sum += try supernet.evaluate(
                network, images: batch, first: i, labels: [targets[i]], statistics: .running
            ).logLikelihood
        }
        #expect(abs(sum / 20 - running.logLikelihood) < 1e-5)
    }

    @Test func stateIsExact() throws {
        let one = try make()
        func train(_ supernet: Supernet, from seed: Int) throws {
            for step in 0..<2 {
                supernet.beginStep()
                try supernet.accumulate(network(seed + step), images: batch, labels: targets)
                try supernet.finishStep(StepOptions(rate: 0.05))
            }
        }
        try train(one, from: 0)
        var writer = ByteWriter()
        try one.save(to: &writer)
        let two = try Supernet(space: space, capacity: 20, seed: 1)
        var reader = ByteReader(writer.bytes[...], name: "state")
        try two.restore(from: &reader)
        try reader.finish()
        try train(one, from: 5)
        try train(two, from: 5)
        #expect(all(one.parameters) == all(two.parameters))
        var short = ByteReader(writer.bytes.dropLast(9), name: "state")
        #expect(throws: FPNASError.self) { try two.restore(from: &short) }
    }

    @Test func initialWeightsArePure() throws {
        let one = try Supernet(space: space, capacity: 1, seed: 4)
        let two = try Supernet(space: space, capacity: 9, seed: 4, threads: 2)
        let other = try Supernet(space: space, capacity: 1, seed: 5)
        #expect(all(one.parameters) == all(two.parameters))
        #expect(all(one.parameters) != all(other.parameters))
        let slot = try #require(one.slot("two.0.expand"))
        let values = (0..<(slot.rows * slot.columns)).map {
            one.parameters[slot.offset + $0 / slot.columns * slot.line + $0 % slot.columns]
        }
        let square = values.reduce(0) { $0 + $1 * $1 } / Float(values.count)
        #expect(abs(square - 2 / Float(slot.rows)) < 0.15 * 2 / Float(slot.rows))
    }

    @Test func searchNeedsLittleMoreMemoryThanTheLargestNetwork() throws {
        let space = try Preset.mbconvSmall.space(
            input: ImageShape(height: 16, width: 16, channels: 1), classes: 10)
        let largest = try space.network(space.largestArchitecture())
        let alone = try Supernet(networks: [largest], capacity: 100, seed: 1)
        let shared = try Supernet(space: space, capacity: 100, seed: 1)
        // Activations, and of the weights the values, the gradient and the momentum.
        func floats(_ supernet: Supernet) -> Double {
            Double(supernet.arena.count + 3 * supernet.weights.count)
        }
        #expect(floats(shared) <= 1.25 * floats(alone))
        #expect(alone.capacity == shared.capacity)
    }
}
