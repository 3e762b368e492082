import SearchSpace
import Support
import Testing

@testable import Supernet

/// The sandwich step against its parts, one by one.
@Suite struct SandwichTests {
    let space: SearchSpace
    let biggest: Network
    let children: [Sample]
    let batch: Buffer<Float>
    let targets = labels(20, classes: 4)

    init() throws {
        space = try smallSpace()
        let small = try space.network([Int32](repeating: 0, count: space.variableCount))
        biggest = try space.network(space.largestArchitecture())
        let first = try space.network(architecture(space, seed: 5))
        children = [
            Sample(small), Sample(first, multiplicity: 2),
            Sample(try space.network(architecture(space, seed: 8))),
        ]
        batch = try images(20, ImageShape(height: 8, width: 8, channels: 1))
    }

    func all(_ buffer: Buffer<Float>) -> [Float] { (0..<buffer.count).map { buffer[$0] } }

    func supernet(
        _ regularisation: Regularisation = Regularisation(), threads: Int = 1
    ) throws -> Supernet {
        let supernet = try Supernet(
            space: space, capacity: 20, seed: 9, threads: threads, regularisation: regularisation)
        supernet.scatter()
        return supernet
    }

    /// Σ over the children of the gradient against the teacher, one network a step.
    func childGradient(_ supernet: Supernet, teacher: [Float]) throws -> [Double] {
        var loss = Loss()
        loss.teacher = teacher
        loss.distillation = 1
        var sum = [Double](repeating: 0, count: supernet.parameters.count)
        for child in children {
            supernet.beginStep()
            try supernet.accumulate(
                child.network, images: batch, labels: targets, likelihoodScale: 0, loss: loss)
            for i in sum.indices {
                sum[i] += Double(child.multiplicity) * Double(supernet.gradient[i])
            }
        }
        return sum
    }

    @Test(arguments: [1, 3]) func theStepIsTheSumOfItsParts(threads: Int) throws {
        let supernet = try supernet(threads: threads)
        let teacher = try supernet.logits(biggest, images: batch, count: 20)
        var expected = try childGradient(supernet, teacher: teacher)
        supernet.beginStep()
        let big = try supernet.accumulate(biggest, images: batch, labels: targets)
        // The largest likelihood is divided out, so that a single network has the weight 1.
        for i in expected.indices { expected[i] += Double(supernet.gradient[i]) }
        supernet.beginStep()
        let results = try supernet.accumulateSandwich(
            biggest, children, images: batch, labels: targets)
        #expect(relativeDistance(all(supernet.gradient), expected.map { Float($0) }) < 1e-5)
        #expect(try #require(supernet.step).total == 5)
        #expect(results.count == 4 && results[0] == big)
        for (result, child) in zip(results.dropFirst(), children) {
            let alone = try supernet.evaluate(child.network, images: batch, labels: targets)
            #expect(abs(result.logLikelihood - alone.logLikelihood) < 1e-5)
            #expect(result.correct == alone.correct)
        }
    }

    /// Finite differences of Σ (cross-entropy against fixed soft labels) through the classifier.
    @Test func childrenLearnFromTheBiggestAlone() throws {
        let supernet = try supernet()
        let teacher = try supernet.logits(biggest, images: batch, count: 20)
        func softmax(_ x: [Float], _ i: Int) -> [Double] {
            let e = (0..<4).map { Elementary.exp(Double(x[4 * i + $0])) }
            return e.map { $0 / e.reduce(0, +) }
        }
        let slot = try #require(supernet.slot("classifier.0.bias"))
        for c in 0..<4 {
            var expected = 0.0
            for i in 0..<20 {
                let soft = softmax(teacher, i)[c]
                expected += (soft - (Int(targets[i]) == c ? 1 : 0)) / 20
                for child in children {
                    let own = try softmax(
                        supernet.logits(child.network, images: batch, count: 20), i)[c]
                    expected += Double(child.multiplicity) * (own - soft) / 20
                }
            }
            supernet.beginStep()
            _ = try supernet.accumulateSandwich(biggest, children, images: batch, labels: targets)
            #expect(abs(Double(supernet.gradient[slot.offset + c]) - expected) < 1e-5)
        }
    }

    /// Dropout, stochastic depth and smoothing reach the children only through the soft labels.
    @Test func onlyTheBiggestIsRegularised() throws {
        var regularisation = Regularisation()
        regularisation.dropout = 0.3
        regularisation.stochasticDepth = 0.5
        let dropping = try supernet(regularisation)
        try dropping.smoothLabels(0.2)
        dropping.beginStep()
        var teacher: [Float] = []
        let big = try dropping.accumulate(
            [Sample(biggest)], batch, 0, targets, 0, Loss(), regularised: true
        ) { pass, _ in teacher = dropping.logits(pass) }
        let bigGradient = all(dropping.gradient)
        // The children's gradient comes from a supernet that knows nothing of it.
        var expected = try childGradient(try supernet(), teacher: teacher)
        for i in expected.indices { expected[i] += Double(bigGradient[i]) }
        dropping.beginStep()
        let results = try dropping.accumulateSandwich(
            biggest, children, images: batch, labels: targets)
        #expect(relativeDistance(all(dropping.gradient), expected.map { Float($0) }) < 1e-5)
        #expect(results[0] == big[0])
        let plain = try supernet().evaluate(biggest, images: batch, labels: targets)
        #expect(results[0].logLikelihood != plain.logLikelihood)
        for (result, child) in zip(results.dropFirst(), children) {
            let alone = try dropping.evaluate(child.network, images: batch, labels: targets)
            #expect(abs(result.logLikelihood - alone.logLikelihood) < 1e-5)
        }
    }

    @Test func threadsAndRepetitionChangeNothing() throws {
        var regularisation = Regularisation()
        regularisation.dropout = 0.2
        regularisation.stochasticDepth = 0.2
        var parameters: [[Float]] = []
        for threads in [1, 3, 1] {
            let supernet = try supernet(regularisation, threads: threads)
            try supernet.decayOnly(biggest)
            for _ in 0..<3 {
                supernet.beginStep()
                _ = try supernet.accumulateSandwich(
                    biggest, children, images: batch, labels: targets)
                try supernet.finishStep(StepOptions(rate: 0.05, weightDecay: 1e-3))
            }
            parameters.append(all(supernet.parameters))
        }
        #expect(parameters[0] == parameters[1] && parameters[0] == parameters[2])
    }

    @Test func onlyTensorsOfTheBiggestDecay() throws {
        let supernet = try supernet()
        try supernet.decayOnly(biggest)
        let before = all(supernet.parameters)
        supernet.beginStep()
        try supernet.accumulate(biggest, images: batch, labels: targets)
        // Used is what has a gradient; without one, what moves has decayed.
        let used = supernet.slots.filter { slot in
            slot.decays && supernet.gradient(of: slot).contains { $0 != 0 }
        }
        for i in 0..<supernet.gradient.count { supernet.gradient[i] = 0 }
        try supernet.finishStep(StepOptions(rate: 1, momentum: 0, weightDecay: 0.5))
        for slot in supernet.slots {
            let factor: Float = used.contains(slot) ? 0.5 : 1
            let own = slot.offset..<(slot.offset + slot.rows * slot.line)
            #expect(
                own.allSatisfy { supernet.parameters[$0] == before[$0] * factor }, "\(slot.name)")
        }
        #expect(used.count > 10 && used.count < supernet.slots.count(where: \.decays))
    }

    @Test func theSumMovesTheWeights() throws {
        let supernet = try supernet()
        supernet.beginStep()
        _ = try supernet.accumulateSandwich(biggest, children, images: batch, labels: targets)
        let (before, gradient) = (all(supernet.parameters), all(supernet.gradient))
        let norm = try supernet.finishStep(StepOptions(rate: 0.01, momentum: 0), takesSum: true)
        let size = gradient.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
        #expect(abs(norm - size) < 1e-5 * size)
        for (i, g) in gradient.enumerated() {
            #expect(abs(supernet.parameters[i] - (before[i] - 0.01 * g)) <= 1e-6)
        }
    }

    @Test func theFailingChildIsNamed() throws {
        let supernet = try supernet()
        let slot = try #require(supernet.slots.first { $0.name.contains("depthwise3") })
        supernet.parameters[slot.offset] = .nan
        supernet.beginStep()
        let error = #expect(throws: FPNASError.self) {
            try supernet.accumulateSandwich(
                biggest, children, images: batch, labels: targets)
        }
        #expect(error?.code == .state)
        let k = try #require(supernet.failedNetwork)
        #expect(k >= 1 && k <= 3)
        supernet.abandonStep()
    }
}
