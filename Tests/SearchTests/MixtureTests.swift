import ArchitectureCost
import ArchitectureDistribution
import SearchSpace
import Support
import TestSupport
import Testing

@testable import Search

/// Mixtures against Tests/reference/mixture_reference.py, and their costs.
@Suite struct MixtureTests {
    private struct Reference {
        var coefficients: [(step: Int, temperature: Double, values: [Double])] = []
        var logits: [Double] = []
    }

    private static func references() throws -> [String: Reference] {
        let folder = #filePath.split(separator: "/").dropLast().joined(separator: "/")
        let text = String(decoding: try Files.read("/\(folder)/mixtures.txt"), as: UTF8.self)
        var found: [String: Reference] = [:]
        var name = ""
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ")
            let numbers = words.dropFirst().compactMap { Double($0) }
            switch words[0] {
            case "run":
                name = String(words[1])
                found[name] = Reference()
            case "coefficients":
                found[name]?.coefficients.append(
                    (Int(numbers[0]), numbers[1], Array(numbers.dropFirst(2))))
            case "logits": found[name]?.logits = numbers
            default: break
            }
        }
        return found
    }

    static let runs: [(name: String, steps: Int, options: MixtureOptions)] = {
        var fast = MixtureOptions(.darts)
        fast.learningRate = 0.1
        fast.adamBeta1 = 0.9
        fast.adamBeta2 = 0.99
        fast.weightDecay = 0
        var gumbel = MixtureOptions(.fbnetV2)
        gumbel.seed = 1 << 35 + 3
        var cold = MixtureOptions(.fbnetV2)
        cold.seed = 4
        cold.learningRate = 0.05
        cold.weightDecay = 0
        cold.initialTemperature = 2
        cold.temperatureDecay = 0.5
        cold.minimumTemperature = 0.3
        cold.stepsPerEpoch = 7
        return [
            ("darts", 50, MixtureOptions(.darts)), ("darts-fast", 50, fast),
            ("fbnetv2", 60, gumbel), ("fbnetv2-cold", 60, cold),
        ]
    }()

    private static func gradient(_ m: [Double]) -> [Double] {
        m.enumerated().map { i, value in
            Double(i % 5 + 1) / 4 * (value - Double(i * 7 % 11) / 11)
        }
    }

    private static func coefficients(_ mixture: Mixture) -> [Double] {
        unsafe Array(mixture.coefficients)
    }

    private static func tell(_ mixture: Mixture, _ values: [Double]) throws {
        try unsafe values.withUnsafeBufferPointer {
            try unsafe mixture.tell(UInt64(mixture.steps), $0)
        }
    }

    private static func restored(_ mixture: Mixture) throws -> Mixture {
        var writer = ByteWriter()
        mixture.encode(into: &writer)
        var reader = ByteReader(writer.bytes[...], name: "test")
        let copy = try Mixture(space: mixture.space, from: &reader)
        try reader.finish()
        return copy
    }

    @Test(arguments: 0..<4) func mixturesEqualPyTorch(index: Int) throws {
        let (name, steps, options) = MixtureTests.runs[index]
        let reference = try #require(try MixtureTests.references()[name])
        var mixture = try Mixture(space: try TrajectoryTests.space(), options: options)
        for step in 0..<steps {
            let own = MixtureTests.coefficients(mixture)
            if let known = reference.coefficients.first(where: { $0.step == step }) {
                #expect(abs(mixture.temperature - known.temperature) < 1e-12)
                #expect(own.count == known.values.count)
                for (a, b) in zip(own, known.values) { #expect(abs(a - b) < 1e-11) }
            }
            try MixtureTests.tell(mixture, MixtureTests.gradient(own))
            if step % 11 == 5 { mixture = try MixtureTests.restored(mixture) }
        }
        let logits = mixture.distribution.logits.elements
        #expect(reference.coefficients.count >= 5 && logits.count == reference.logits.count)
        for (a, b) in zip(logits, reference.logits) { #expect(abs(a - b) < 1e-10) }
    }

    @Test func wrongTellsChangeNothing() throws {
        let mixture = try Mixture(
            space: try TrajectoryTests.space(), options: MixtureOptions(.fbnetV2))
        let before = MixtureTests.coefficients(mixture)
        let count = before.count
        for bad in [
            [Double](repeating: 0, count: count - 1),
            [Double](repeating: .nan, count: count), [Double](repeating: 1e101, count: count),
        ] { #expect(throws: FPNASError.self) { try MixtureTests.tell(mixture, bad) } }
        let good = [Double](repeating: 1e100, count: count)
        let error = #expect(throws: FPNASError.self) {
            try unsafe good.withUnsafeBufferPointer { try unsafe mixture.tell(1, $0) }
        }
        #expect(error?.code == .state)
        #expect(MixtureTests.coefficients(mixture) == before && mixture.steps == 0)
        var wild = good
        wild[0] = -1e100
        for _ in 0..<3 { try MixtureTests.tell(mixture, wild) }
        let sums = MixtureTests.coefficients(mixture).reduce(0, +)
        #expect(abs(sums - Double(mixture.space.variableCount)) < 1e-12)
    }

    // MARK: - Costs

    /// Three convolutions and an MBConv whose hidden width is a multiple of what comes in.
    private static func network() throws -> SearchSpace {
        func widths(_ values: [Int]) -> (Attribute, AttributeValues) {
            (.channels, .searched(values.map(Choice.integer)))
        }
        return try SearchSpace(
            name: "chain",
            layers: [
                try Layer.block("a", .convolution, [widths([8, 16, 24])]),
                try Layer.block("b", .convolution, stride: 2, [widths([8, 32])]),
                try Layer.block(
                    "c", .mbconv,
                    [
                        (.kernel, .searched([.integer(0), .integer(3), .integer(5)])),
                        (.expansion, .searched([.integer(2), .integer(4)])), widths([8, 32]),
                    ]),
                try Layer.block("classifier", .classifier, []),
            ], input: ImageShape(height: 8, width: 8, channels: 3), classes: 10)
    }

    private static func set(_ mixture: Mixture, _ logits: [Double]) throws {
        try unsafe logits.withUnsafeBufferPointer { try unsafe mixture.setLogits($0) }
    }

    @Test(arguments: [MixtureAlgorithm.darts, .fbnetV2], [MixtureCost.expected, .effective])
    func costGradientsAreDifferences(algorithm: MixtureAlgorithm, form: MixtureCost) throws {
        let space = try MixtureTests.network()
        let mixture = try Mixture(space: space, options: MixtureOptions(algorithm))
        let random = Philox(seed: 3, stream: .baselines)
        for metric in [CostMetric.macs, .parameters] {
            let chain = try CostTable(space).chain(of: metric)
            var logits = (0..<space.factorisedLogitCount).map { random.normal(step: 0, index: $0) }
            try MixtureTests.set(mixture, logits)
            let (value, gradient) = try mixture.cost(chain, form)
            for i in logits.indices {
                let middle = logits[i]
                logits[i] = middle + 1e-5
                try MixtureTests.set(mixture, logits)
                let above = try mixture.cost(chain, form).value
                logits[i] = middle - 1e-5
                try MixtureTests.set(mixture, logits)
                let below = try mixture.cost(chain, form).value
                logits[i] = middle
                #expect(abs(gradient[i] - (above - below) / 2e-5) < 1e-6 * value)
            }
        }
    }

    /// Of convolutions the effective cost is a formula of mean widths.
    @Test func effectiveShapesAreMeanWidths() throws {
        let space = try MixtureTests.network()
        let mixture = try Mixture(space: space, options: MixtureOptions(.darts))
        // Layer c skips: 8 or 32 in and out, an identity or a 1×1 convolution, on 4×4.
        let logits = [0.3, -0.5, 0.2, 0.4, -0.1] + [60, -60, -60] + [0, 0] + [0.7, 0]
        try MixtureTests.set(mixture, logits)
        let m = MixtureTests.coefficients(mixture)
        let a = 8 * m[0] + 16 * m[1] + 24 * m[2]
        let b = 8 * m[3] + 32 * m[4]
        let c = 8 * m[10] + 32 * m[11]
        let chain = try CostTable(space).chain(of: .macs)
        let stem = 64.0 * 9 * 3 * a
        let second = 16.0 * 9 * a * b
        let change = m[3] * m[11] + m[4] * m[10]  // P of a 1×1 convolution of 8·32 weights
        let expected = stem + second + 16 * 8 * 32 * change + 10 * c
        let value = try mixture.cost(chain, .effective).value
        #expect(abs(value - expected) < 1e-9 * expected)
        #expect(abs(try mixture.cost(chain, .expected).value - expected) < 1e-9 * expected)
    }

    /// Where a width is certain there is nothing to average; elsewhere the convex cost of an MBConv
    /// is less at the mean, or interpolated equal.
    @Test func effectiveAndExpectedCostsAgreeOnCertainWidths() throws {
        let space = try MixtureTests.network()
        let mixture = try Mixture(space: space, options: MixtureOptions(.darts))
        let chain = try CostTable(space).chain(of: .macs)
        try MixtureTests.set(
            mixture, [0, 60, 0, 0, 60] + [0.1, 0.4, -0.3] + [0.2, 0] + [-0.5, 0.5])
        let sure = try mixture.cost(chain, .expected).value
        #expect(abs(try mixture.cost(chain, .effective).value - sure) < 1e-9 * sure)
        let abstract = try Mixture(
            space: try TrajectoryTests.space(), options: MixtureOptions(.darts))
        #expect(throws: FPNASError.self) { try abstract.cost(chain, .effective) }
    }

    @Test func theResultIsTheLargestLogitsCanonical() throws {
        let mixture = try Mixture(
            space: try TrajectoryTests.space(), options: MixtureOptions(.fbnetV2))
        var logits = [Double](repeating: 0, count: mixture.distribution.logitCount)
        #expect(mixture.result() == [Int32](repeating: 0, count: mixture.space.variableCount))
        logits[4] = 2  // b's second choice, which does not exist under a's first
        logits[8] = 1  // c's last
        try MixtureTests.set(mixture, logits)
        #expect(Array(mixture.result().prefix(3)) == [0, 0, 3])
        logits[2] = 1
        try MixtureTests.set(mixture, logits)
        #expect(Array(mixture.result().prefix(3)) == [2, 1, 3])
    }

    // MARK: - DARTS's rule

    /// The rule as the authors' code has it, on random weights.
    @Test(arguments: UInt64(0)..<10) func twoInputsOfEveryNodeStay(seed: UInt64) throws {
        let random = Philox(seed: seed, stream: .baselines)
        // Few values, so that equals occur.
        let weights = (0..<224).map { Double(random.integer(below: 6, step: 0, index: $0)) }
        var expected: [Int32] = []
        var offset = 0
        for _ in 0..<2 {
            for node in 0..<4 {
                let edges = (0..<(node + 2)).map { edge in
                    Array(weights[(offset + 8 * edge)..<(offset + 8 * edge + 8)])
                }
                offset += 8 * edges.count
                let strongest = edges.map { $0[1...].max() ?? 0 }
                var order = Array(edges.indices)
                order.sort { (strongest[$0], $1) > (strongest[$1], $0) }
                let kept = order.prefix(2).sorted()
                // Pairs in the order (0, 1), (0, 2), (1, 2), (0, 3), …
                let pair = kept[1] * (kept[1] - 1) / 2 + kept[0]
                expected.append(Int32(pair))
                for edge in kept {
                    let operation = edges[edge][1...].firstIndex(of: strongest[edge]) ?? 0
                    expected.append(Int32(operation - 1))
                }
            }
        }
        let found = try CellNetwork.dartsArchitecture(edgeWeights: weights)
        #expect(found == expected)
        let (shape, classes) = Preset.darts.publishedInput
        let space = try Preset.darts.space(input: shape, classes: classes)
        try space.check(found)
        #expect(throws: FPNASError.self) {
            try CellNetwork.dartsArchitecture(edgeWeights: weights + [0])
        }
    }
}
