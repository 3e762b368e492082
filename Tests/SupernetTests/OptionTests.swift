import SearchSpace
import Support
import Testing

@testable import Supernet

/// Optimisers, averages, losses and regularisation against their formulas.
@Suite struct OptionTests {
    let space: SearchSpace
    let network: Network
    let batch: Buffer<Float>
    let targets = labels(20, classes: 4)

    init() throws {
        space = try smallSpace()
        network = try space.network(architecture(space, seed: 4))
        batch = try images(20, ImageShape(height: 8, width: 8, channels: 1))
    }

    func all(_ buffer: Buffer<Float>) -> [Float] { (0..<buffer.count).map { buffer[$0] } }

    @Test(arguments: [Optimiser.rmsProp, .adam]) func stepsFollowTheFormulas(
        optimiser: Optimiser
    ) throws {
        let supernet = try Supernet(space: space, capacity: 20, seed: 9)
        var w = all(supernet.parameters).map(Double.init)
        var v = [Double](repeating: 0, count: w.count)
        var s = v
        var a = w
        let decays = supernet.weights.decayingCount
        var options = StepOptions(rate: 0.01, momentum: 0.8, weightDecay: 0.02)
        options.optimiser = optimiser
        options.averaging = 0.6
        for t in 1...4 {
            supernet.beginStep()
            try supernet.accumulate(network, images: batch, labels: targets)
            let gradient = all(supernet.gradient)
            try supernet.finishStep(options)
            for i in w.indices {
                let decay = i < decays ? 0.02 : 0
                var g = Double(gradient[i])
                if optimiser == .rmsProp {
                    g += decay * w[i]
                    s[i] = 0.9 * s[i] + 0.1 * g * g
                    v[i] = 0.8 * v[i] + g / (s[i].squareRoot() + 1e-3)
                    w[i] -= 0.01 * v[i]
                } else {
                    v[i] = 0.8 * v[i] + 0.2 * g
                    s[i] = 0.999 * s[i] + 0.001 * g * g
                    let first = v[i] / (1 - [0.8, 0.64, 0.512, 0.4096][t - 1])
                    let power = (0..<t).reduce(1.0) { p, _ in p * 0.999 }
                    let second = s[i] / (1 - power)
                    w[i] -= 0.01 * (first / (second.squareRoot() + 1e-8) + decay * w[i])
                }
                let keep = min(0.6, Double(1 + t) / Double(10 + t))
                a[i] = keep * a[i] + (1 - keep) * w[i]
            }
            // Where the gradient is rounding noise, Adam makes whole steps of it.
            let worst = zip(all(supernet.parameters), w).reduce(0) {
                max($0, abs(Double($1.0) - $1.1))
            }
            #expect(worst < 2e-4, "\(t)")
        }
        try supernet.withAverage {
            let worst = zip(all(supernet.parameters), a).reduce(0) {
                max($0, abs(Double($1.0) - $1.1))
            }
            #expect(worst < 2e-4)
        }
        // The state holds all of it.
        var writer = ByteWriter()
        try supernet.save(to: &writer)
        let other = try Supernet(space: space, capacity: 20, seed: 1)
        var reader = ByteReader(writer.bytes[...], name: "state")
        try other.restore(from: &reader)
        try reader.finish()
        for one in [supernet, other] {
            one.beginStep()
            try one.accumulate(network, images: batch, labels: targets)
            try one.finishStep(options)
        }
        #expect(all(supernet.parameters) == all(other.parameters))
    }

    @Test func weightsOfImagesAreRepetitions() throws {
        let supernet = try Supernet(space: space, capacity: 20, seed: 9)
        supernet.scatter()
        // Running statistics would be needed for images left out; weights 1 and 3 need none, as
        // the batch stays the same and only the loss is a weighted mean.
        let weights = (0..<20).map { Float([1, 3, 0, 2][$0 % 4]) }
        supernet.beginStep()
        let weighted = try supernet.accumulate(
            network, images: batch, labels: targets, loss: Loss(weights: weights))
        let gradient = all(supernet.gradient)
        var expected = [Double](repeating: 0, count: gradient.count)
        var likelihood = 0.0
        for i in 0..<20 where weights[i] > 0 {
            var single = [Float](repeating: 0, count: 20)
            single[i] = 1
            supernet.beginStep()
            let result = try supernet.accumulate(
                network, images: batch, labels: targets, loss: Loss(weights: single))
            let share = Double(weights[i]) / 30
            likelihood += share * result.logLikelihood
            for j in expected.indices { expected[j] += share * Double(supernet.gradient[j]) }
        }
        #expect(abs(likelihood - weighted.logLikelihood) < 1e-6)
        #expect(relativeDistance(gradient, expected.map { Float($0) }) < 1e-5)
        #expect(throws: FPNASError.self) {
            try supernet.accumulate(
                network, images: batch, labels: targets, loss: Loss(weights: [1]))
        }
    }

    @Test func distillationGradientIsThatOfTheDivergence() throws {
        let supernet = try Supernet(space: space, capacity: 20, seed: 9)
        supernet.scatter()
        let other = try space.network(architecture(space, seed: 5))
        let teacher = try supernet.logits(other, images: batch, count: 20)
        let logits = try supernet.logits(network, images: batch, count: 20)
        var loss = Loss()
        loss.teacher = teacher
        loss.distillation = 0.7
        loss.temperature = 3
        supernet.beginStep()
        try supernet.accumulate(network, images: batch, labels: targets, loss: loss)
        let slot = try #require(supernet.slot("classifier.0.bias"))
        func softmax(_ x: [Float], _ i: Int, _ t: Double) -> [Double] {
            let e = (0..<4).map { Elementary.exp(Double(x[4 * i + $0]) / t) }
            return e.map { $0 / e.reduce(0, +) }
        }
        // ∂/∂bias is the mean of the gradients of the logits.
        for c in 0..<4 {
            var expected = 0.0
            for i in 0..<20 {
                let hard = softmax(logits, i, 1)[c] - (Int(targets[i]) == c ? 1 : 0)
                let soft = softmax(logits, i, 3)[c] - softmax(teacher, i, 3)[c]
                expected += (0.3 * hard + 0.7 * 3 * soft) / 20
            }
            #expect(abs(Double(supernet.gradient[slot.offset + c]) - expected) < 1e-5)
        }
    }

    @Test func dropoutIsUnbiasedAndOnlyOfTraining() throws {
        var regularisation = Regularisation()
        regularisation.dropout = 0.4
        let plain = try Supernet(networks: [network], capacity: 20, seed: 9)
        let dropping = try Supernet(
            networks: [network], capacity: 20, seed: 9, threads: 2,
            regularisation: regularisation)
        let one = try plain.evaluate(network, images: batch, labels: targets)
        let two = try dropping.evaluate(network, images: batch, labels: targets)
        #expect(one == two)
        // The gradient of the classifier's weights is that of the dropped inputs: a channel is
        // without gradient only where it was dropped in all images, and the loss changes with the
        // step.
        var losses: [Double] = []
        for _ in 0..<40 {
            dropping.beginStep()
            losses.append(
                try dropping.accumulate(network, images: batch, labels: targets).logLikelihood)
            try dropping.finishStep(StepOptions(rate: 0))
        }
        #expect(Set(losses).count == 40)
        let mean = losses.reduce(0, +) / 40
        #expect(abs(mean - one.logLikelihood) < 0.05)
    }

    @Test(arguments: ["auto", "leading"]) func stochasticDepthLeavesBlocksOut(
        shortcut: String
    ) throws {
        let isLeading = shortcut == "leading"
        let layers = try [
            Layer.block("stem", .convolution, [(.channels, .fixed(8))]),
            .block(
                "a", .mbconv,
                [
                    (.kernel, .fixed(3)), (.expansion, .fixed(2)),
                    (.channels, .fixed(isLeading ? 11 : 8)), (.shortcut, .fixed(.text(shortcut))),
                ]),
            .block("classifier", .classifier, []),
        ]
        let space = try SearchSpace(
            name: "depth", layers: layers, input: ImageShape(height: 8, width: 8, channels: 1),
            classes: 4)
        let network = try space.network([])
        var regularisation = Regularisation()
        regularisation.stochasticDepth = 0.9
        let supernet = try Supernet(
            networks: [network], capacity: 20, seed: 9, regularisation: regularisation)
        let plain = try Supernet(networks: [network], capacity: 20, seed: 9)
        #expect(
            try supernet.evaluate(network, images: batch, labels: targets)
                == plain.evaluate(network, images: batch, labels: targets))
        // The rate of layer 1 of 3 is 0.6: gradients of the branch come from the images that kept
        // it, and the finite difference agrees with the same masks.
        supernet.scatter()
        supernet.beginStep()
        try supernet.accumulate(network, images: batch, labels: targets)
        let slot = try #require(supernet.slot("layer1.0.project"))
        let gradient = supernet.gradient(of: slot)
        #expect(gradient.contains { $0 != 0 })
        func loss(_ h: Float) throws -> Double {
            for (i, g) in gradient.enumerated() {
                supernet.parameters[
                    slot.offset + i / slot.columns * slot.line + i % slot.columns] += h * g
            }
            supernet.beginStep()
            return -(try supernet.accumulate(network, images: batch, labels: targets))
                .logLikelihood
        }
        let size = gradient.reduce(0) { $0 + Double($1) * Double($1) }
        let h = Float(0.02 / size.squareRoot())
        let up = try loss(h)
        let down = try loss(-2 * h)
        #expect(abs((up - down) / Double(2 * h) - size) < 0.03 * size)
    }

    /// Whether widths happen to be equal or not, there is a shortcut in all networks of the space.
    @Test(arguments: [false, true]) func lastScalesOfSearchedWidths(leading: Bool) throws {
        var regularisation = Regularisation()
        regularisation.zeroesLastGamma = true
        let supernet = try Supernet(
            space: try smallSpace(leading: leading), capacity: 8, seed: 1,
            regularisation: regularisation)
        let last = supernet.slots.filter { $0.name.hasSuffix(".project.gamma") }
        #expect(last.count == 3)
        for slot in last {
            // The second of two blocks of one width has its input's anyway.
            let hasAlways = leading || slot.name.hasPrefix("two.1")
            #expect(supernet.parameters[slot.offset] == (hasAlways ? 0 : 1), "\(slot.name)")
        }
    }

    /// A mixture whose blocks begin as nothing says the same whatever it makes of their kernels.
    @Test func lastScalesOfAMixture() throws {
        let space = try smallSpace(leading: true)
        let mixed = try MixedNetwork(space)
        let batch = try images(8, try #require(space.input))
        for zeroes in [true, false] {
            var regularisation = Regularisation()
            regularisation.zeroesLastGamma = zeroes
            let supernet = try Supernet(
                mixed: mixed, capacity: 8, seed: 1, regularisation: regularisation)
            // It begins as nothing too.
            for slot in supernet.slots where slot.name.hasPrefix("classifier") {
                supernet.fill(slot) { 40 * uniform(7, $0) }
            }
            var losses: [Double] = []
            for seed in 0..<3 {
                var coefficients = mixture(space, seed: 5)
                let other = mixture(space, seed: 20 + seed)
                for (v, variable) in space.layers.flatMap(\.variables).enumerated()
                where variable.name == "kernel" {
                    for c in 0..<space.choiceCounts[v] {
                        let place = space.factorisedOffsets[v] + c
                        coefficients[place] = other[place]
                    }
                }
                losses.append(
                    try supernet.evaluate(
                        mixed, coefficients: coefficients, images: batch,
                        labels: labels(8, classes: space.classes)
                    ).logLikelihood)
            }
            let apart = (losses.max() ?? 0) - (losses.min() ?? 0)
            #expect(zeroes ? apart < 1e-5 : apart > 1e-3, "\(zeroes) \(losses)")
        }
    }

    @Test func lastScalesBeginAtZero() throws {
        var regularisation = Regularisation()
        regularisation.zeroesLastGamma = true
        let residual = try ReferenceNetworks.space("residual")
        let network = try residual.0.network(residual.1)
        let supernet = try Supernet(
            networks: [network], capacity: 8, seed: 1, regularisation: regularisation)
        for slot in supernet.slots where slot.name.hasSuffix(".gamma") {
            let isLast = slot.name.contains("project")
            #expect(supernet.parameters[slot.offset] == (isLast ? 0 : 1), "\(slot.name)")
        }
    }
}
