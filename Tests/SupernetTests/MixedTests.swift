import SearchSpace
import Support
import Testing

@testable import Supernet

/// A mixed network against the networks it is made of, and its derivatives against differences.
@Suite struct MixedTests {
    /// What `smallSpace` has not: alternatives, searched depth with a kernel for every block, Split-
    /// Attention, groups of fixed width, fused blocks, residual blocks with an activation behind the
    /// sum, pools, a pooled head, and layers without a choice.
    static func variedSpace() throws -> SearchSpace {
        var deep = LayerDraft("deep", .mbconv)
        deep.repeats = [1, 2, 3]
        deep.perBlock = [.kernel]
        deep.attributes = [
            (.kernel, .searched([3, 5])), (.expansion, .searched([1, 2])),
            (.channels, .searched([8, 16])),
        ]
        var either = LayerDraft("either", .skip)
        either.attributes = [(.channels, .searched([8, 12]))]
        either.alternatives = [
            .init("nothing", .skip), .init("dense", .convolution, fixed: [.kernel: 1]),
            .init("split", .mbconv, fixed: [.splits: 2, .expansion: 2]),
            .init("fused", .fusedMBConv, fixed: [.expansion: 2, .squeezeExcite: 1]),
            .init("basic", .basic),
        ]
        return try SearchSpace(
            name: "varied",
            layers: [
                .block("stem", .convolution, [(.channels, .searched([6, 8]))]),
                deep.layer(),
                either.layer(),
                .block("pool", .pool, stride: 2, [(.kernel, .fixed(2))]),
                .block(
                    "neck", .bottleneck,
                    [
                        (.channels, .searched([8, 12])), (.expansion, .searched([.real(0.5), 1])),
                        (.squeezeExcite, .searched([0, 1])),
                    ]),
                .block(
                    "grouped", .mbconv,
                    [
                        (.groupWidth, .fixed(4)), (.expansion, .searched([1, 2])),
                        (.kernel, .searched([0, 3])), (.channels, .fixed(12)),
                    ]),
                .block(
                    "head", .pooledHead,
                    [(.expansion, .searched([1, 2])), (.channels, .searched([5, 9]))]),
                .block("classifier", .classifier, []),
            ], input: ImageShape(height: 8, width: 8, channels: 1), classes: 4)
    }

    /// Shortcuts on the channels that both have: as terms of a layer's sum, inside of a block, with a
    /// stride, and layers that are nothing else.
    static func leadingSpace() throws -> SearchSpace {
        let leading = (Attribute.shortcut, AttributeValues.fixed(.text("leading")))
        let swish = (Attribute.activation, AttributeValues.fixed(.text("swish")))
        return try SearchSpace(
            name: "leading",
            layers: [
                .block("stem", .convolution, [swish, (.channels, .searched([5, 9, 12]))]),
                .block(
                    "one", .mbconv, repeats: 2,
                    [
                        leading, swish, (.kernel, .searched([0, 3, 5])),
                        (.squeezeExcite, .searched([0, 1])), (.expansion, .searched([1, 2])),
                        (.channels, .searched([4, 7, 11])),
                    ]),
                .block("only", .mbconv, [leading, (.kernel, .fixed(0)), (.channels, .fixed(9))]),
                .block(
                    "down", .mbconv, stride: 2,
                    [
                        leading, swish, (.kernel, .searched([0, 3])),
                        (.channels, .searched([6, 10])),
                    ]),
                .block("basic", .basic, [leading, swish, (.channels, .searched([6, 8]))]),
                .block(
                    "cut", .mbconv,
                    [leading, (.kernel, .fixed(0)), (.channels, .searched([4, 7]))]),
                .block(
                    "neck", .bottleneck, [leading, swish, (.channels, .searched([8, 12]))]),
                .block("fused", .fusedMBConv, [leading, swish, (.channels, .searched([6, 10]))]),
                .block("classifier", .classifier, []),
            ], input: ImageShape(height: 8, width: 7, channels: 1), classes: 4)
    }

    private static let spaces: [@Sendable () throws -> SearchSpace] = [
        { try smallSpace() }, { try variedSpace() }, { try leadingSpace() },
        { try cellSpace(.nasBench201(channels: 4, cells: 1)) },
        // Of three cells the second and the third reduce.
        { try cellSpace(.darts(channels: 2, cells: 3)) },
        { try resolutionSpace() }, { try headSpace() }, { try leadingResolutionSpace() },
    ]

    /// Images of 12, 6 and 4 pixels through everything a chain has, and then halved twice.
    static func resolutionSpace() throws -> SearchSpace {
        var deep = LayerDraft("deep", .mbconv)
        deep.repeats = [1, 2]
        deep.attributes = [
            (.kernel, .searched([0, 3])), (.squeezeExcite, .searched([0, 1])),
            (.expansion, .searched([1, 2])), (.channels, .searched([6, 9])),
        ]
        return try SearchSpace(
            name: "resolutions",
            layers: [
                .block("size", .resolution, [(.factor, .searched([1, 2, 3]))]),
                .block("stem", .convolution, [(.channels, .searched([6, 8]))]),
                .block(
                    "wide", .mbconv, stride: 2,
                    [(.kernel, .searched([0, 5])), (.splits, .fixed(2)), (.channels, .fixed(8))]),
                deep.layer(),
                .block("basic", .basic, stride: 2, [(.channels, .searched([8, 9]))]),
                .block("classifier", .classifier, []),
            ], input: ImageShape(height: 12, width: 12, channels: 2), classes: 4)
    }

    /// Leading shortcuts on images of two sizes, with a stride too.
    static func leadingResolutionSpace() throws -> SearchSpace {
        let leading = (Attribute.shortcut, AttributeValues.fixed(.text("leading")))
        return try SearchSpace(
            name: "leading resolutions",
            layers: [
                .block("size", .resolution, [(.factor, .searched([1, 2]))]),
                .block("stem", .convolution, [(.channels, .searched([5, 8]))]),
                .block(
                    "one", .mbconv,
                    [leading, (.kernel, .searched([0, 3])), (.channels, .searched([4, 7]))]),
                .block(
                    "down", .mbconv, stride: 2,
                    [leading, (.kernel, .searched([0, 3])), (.channels, .searched([6, 9]))]),
                .block("classifier", .classifier, []),
            ], input: ImageShape(height: 8, width: 8, channels: 1), classes: 4)
    }

    /// A size chosen in the middle, no image as large as what comes in, and a head that pools.
    static func headSpace() throws -> SearchSpace {
        try SearchSpace(
            name: "head",
            layers: [
                .block("stem", .convolution, [(.channels, .searched([4, 6]))]),
                .block("size", .resolution, [(.factor, .searched([4, 2]))]),
                .block("one", .mbconv, [(.kernel, .searched([0, 3])), (.channels, .fixed(6))]),
                .block(
                    "head", .pooledHead,
                    [(.expansion, .fixed(2)), (.channels, .searched([5, 9]))]),
                .block("classifier", .classifier, []),
            ], input: ImageShape(height: 8, width: 8, channels: 1), classes: 4)
    }

    @Test(arguments: 0..<8) func oneChoiceEachIsThatNetwork(space number: Int) throws {
        let space = try MixedTests.spaces[number]()
        let mixed = try MixedNetwork(space)
        let count = 17
        let supernet = try Supernet(mixed: mixed, capacity: count, seed: 3, threads: 1)
        supernet.scatter()
        let batch = try images(count, try #require(space.input))
        let targets = labels(count, classes: space.classes)
        for seed in 0..<25 {
            let choices = architecture(space, seed: 30 + seed)
            let plain = try supernet.evaluate(
                try space.network(choices), images: batch, labels: targets)
            let mixedResult = try supernet.evaluate(
                mixed, coefficients: oneHot(space, choices), images: batch, labels: targets)
            #expect(
                abs(plain.logLikelihood - mixedResult.logLikelihood) < 1e-5
                    && plain.logLikelihood < 0,
                "\(choices): \(plain.logLikelihood) \(mixedResult.logLikelihood)")
            #expect(plain.correct == mixedResult.correct)
        }
    }

    @Test(arguments: 0..<8) func factorsHaveTheDerivativesOfDifferences(space number: Int) throws {
        let space = try MixedTests.spaces[number]()
        let mixed = try MixedNetwork(space)
        var coefficients = mixture(space, seed: 7)
        // A choice of probability 0 is no special case.
        coefficients[space.factorisedOffsets[1]] = 0
        let pull = (0..<mixed.rowLength).map { uniform(8, $0) }
        func value(_ coefficients: [Double]) throws -> Double {
            zip(try MixedCoefficients(mixed, coefficients).factors, pull).reduce(0) {
                $0 + $1.0 * $1.1
            }
        }
        let gradient = try MixedCoefficients(mixed, coefficients).gradient(of: pull)
        for i in coefficients.indices {
            // Where a variable's sum is held, as a softmax does: other ways differ in what the
            // width of a layer that has only one weighs.
            guard
                let v = space.factorisedOffsets.lastIndex(where: { $0 <= i }),
                space.choiceCounts[v] > 1
            else { continue }
            let other = i == space.factorisedOffsets[v] ? i + 1 : i - 1
            func moved(_ h: Double) throws -> Double {
                var values = coefficients
                values[i] += h
                values[other] -= h
                return try value(values)
            }
            let difference = try (moved(1e-5) - moved(-1e-5)) / 2e-5
            #expect(
                abs(difference - (gradient[i] - gradient[other])) < 1e-7 * (1 + abs(difference)))
        }
    }

    @Test(arguments: 0..<8) func theLossHasTheDerivativesOfDifferences(space number: Int) throws {
        let space = try MixedTests.spaces[number]()
        let mixed = try MixedNetwork(space)
        let count = 17
        let supernet = try Supernet(mixed: mixed, capacity: count, seed: 3, threads: 2)
        supernet.scatter()
        let batch = try images(count, try #require(space.input))
        let targets = labels(count, classes: space.classes)
        let coefficients = mixture(space, seed: 9)
        func loss(_ coefficients: [Double]) throws -> Double {
            -(try supernet.evaluate(
                mixed, coefficients: coefficients, images: batch, labels: targets
            ).logLikelihood)
        }
        supernet.beginStep()
        let result = try supernet.accumulate(
            mixed, coefficients: coefficients, images: batch, labels: targets)
        #expect(abs(result.batch.logLikelihood + (try loss(coefficients))) < 1e-9)
        // Every variable, along its own gradient without the part that changes its sum.
        for v in 0..<space.variableCount where space.choiceCounts[v] > 1 {
            let range = space.factorisedOffsets[v]..<space.factorisedOffsets[v + 1]
            let mean =
                range.reduce(0) { $0 + result.coefficientGradient[$1] } / Double(range.count)
            let direction = range.map { result.coefficientGradient[$0] - mean }
            let size = direction.reduce(0) { $0 + $1 * $1 }.squareRoot()
            func moved(_ h: Double) throws -> Double {
                var values = coefficients
                for (i, d) in zip(range, direction) { values[i] += h * d / max(size, 1e-12) }
                return try loss(values)
            }
            // Cells are full of relus, whose kinks only a small step steps over.
            let h = space.cells == nil ? 2e-3 : 2e-4
            let difference = try (moved(h) - moved(-h)) / (2 * h)
            #expect(abs(difference - size) <= 1e-2 * size + 1e-3, "\(v): \(difference) \(size)")
        }
        try compareWeights(supernet, loss: { try loss(coefficients) })
    }

    /// The weights' gradients that lie in the accumulator, tensor by tensor.
    private func compareWeights(_ supernet: Supernet, loss: () throws -> Double) throws {
        for slot in supernet.slots {
            let gradient = supernet.gradient(of: slot)
            let size = gradient.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
            let saved = (0..<(slot.rows * slot.line)).map { supernet.parameters[slot.offset + $0] }
            func moved(_ h: Double) throws -> Double {
                for i in gradient.indices {
                    let at = i / slot.columns * slot.line + i % slot.columns
                    supernet.parameters[slot.offset + at] =
                        saved[at] + Float(h * Double(gradient[i]) / max(size, 1e-9))
                }
                return try loss()
            }
            let h = 2e-4 * (slot.deviation ?? 0.3) * Double(gradient.count).squareRoot()
            let difference = try (moved(h) - moved(-h)) / (2 * h)
            for (i, value) in saved.enumerated() { supernet.parameters[slot.offset + i] = value }
            #expect(
                abs(difference - size) <= 3e-2 * size + 1e-3,
                "\(slot.name): \(difference) \(size)")
        }
    }

    /// L_val(w − ξ∇_w L_train(w, m), m) itself, differentiated by numbers.
    @Test func theUnrolledGradientIsThatOfTheUnrolledLoss() throws {
        // Smooth all through: kinks of relu would be all one sees.
        let swish = (Attribute.activation, AttributeValues.fixed(.text("swish")))
        let space = try SearchSpace(
            name: "tiny",
            layers: [
                .block("stem", .convolution, [swish, (.channels, .searched([3, 4]))]),
                .block(
                    "one", .mbconv,
                    [swish, (.kernel, .searched([0, 3, 5])), (.channels, .fixed(4))]
                ),
                .block("classifier", .classifier, []),
            ], input: ImageShape(height: 5, width: 5, channels: 1), classes: 3)
        let mixed = try MixedNetwork(space)
        let count = 12
        let supernet = try Supernet(mixed: mixed, capacity: count, seed: 3, threads: 1)
        supernet.scatter()
        let train = MixedBatch(
            try images(count, try #require(space.input)), labels(count, classes: space.classes))
        let validation = MixedBatch(
            try images(count, try #require(space.input), number: 2000),
            labels(count, classes: space.classes))
        let coefficients = mixture(space, seed: 4)
        let rate = 0.3
        let before = (0..<supernet.parameters.count).map { supernet.parameters[$0] }
        func unrolled(_ coefficients: [Double]) throws -> Double {
            supernet.beginStep()
            _ = try supernet.accumulate(
                mixed, coefficients: coefficients, images: train.images, labels: train.labels)
            for i in before.indices {
                supernet.parameters[i] = before[i] - Float(rate) * supernet.gradient[i]
            }
            supernet.abandonStep()
            defer { for i in before.indices { supernet.parameters[i] = before[i] } }
            return
                -(try supernet.evaluate(
                    mixed, coefficients: coefficients, images: validation.images,
                    labels: validation.labels
                ).logLikelihood)
        }
        let found = try supernet.unrolledGradient(
            mixed, coefficients, rate: rate, train: train, validation: validation
        ).coefficientGradient
        #expect((0..<before.count).allSatisfy { supernet.parameters[$0] == before[$0] })
        supernet.beginStep()
        let first = try supernet.accumulate(
            mixed, coefficients: coefficients, images: validation.images,
            labels: validation.labels
        ).coefficientGradient
        var apart = 0.0
        for i in coefficients.indices {
            let v = try #require(space.factorisedOffsets.lastIndex { $0 <= i })
            guard space.choiceCounts[v] > 1 else { continue }
            let other = i == space.factorisedOffsets[v] ? i + 1 : i - 1
            func moved(_ h: Double) throws -> Double {
                var values = coefficients
                values[i] += h
                values[other] -= h
                return try unrolled(values)
            }
            let difference = try (moved(4e-3) - moved(-4e-3)) / 8e-3
            let derivative = found[i] - found[other]
            #expect(
                abs(difference - derivative) < 2e-2 * abs(derivative) + 1e-3,
                "\(i): \(difference) \(derivative)")
            apart = max(apart, abs(first[i] - first[other] - derivative))
        }
        // The second-order term is there to be seen.
        #expect(apart > 1e-2)
    }

    /// In cells, whose relus bend too often for differences of the unrolled loss: the formula, term by
    /// term, from first-order gradients.
    @Test func theUnrolledGradientOfCellsIsItsFormula() throws {
        let space = try cellSpace(.nasBench201(channels: 4, cells: 1))
        let mixed = try MixedNetwork(space)
        let (count, rate) = (12, 0.3)
        let supernet = try Supernet(mixed: mixed, capacity: count, seed: 3, threads: 1)
        supernet.scatter()
        let input = try #require(space.input)
        let targets = labels(count, classes: space.classes)
        let train = MixedBatch(try images(count, input), targets)
        let validation = MixedBatch(try images(count, input, number: 2000), targets)
        let coefficients = mixture(space, seed: 4)
        let before = (0..<supernet.parameters.count).map { supernet.parameters[$0] }
        /// Gradients by coefficients and by weights at weights moved along a direction.
        func gradients(
            _ batch: MixedBatch, _ factor: Double, _ direction: [Float]
        ) throws -> (coefficients: [Double], weights: [Float]) {
            for i in before.indices {
                supernet.parameters[i] = before[i] + Float(factor) * direction[i]
            }
            supernet.beginStep()
            let result = try supernet.accumulate(
                mixed, coefficients: coefficients, images: batch.images, labels: batch.labels)
            supernet.abandonStep()
            for i in before.indices { supernet.parameters[i] = before[i] }
            return (
                result.coefficientGradient,
                (0..<supernet.gradient.count).map { supernet.gradient[$0] }
            )
        }
        let descent = try gradients(train, 0, before).weights
        let ahead = try gradients(validation, -rate, descent)
        let norm = ahead.weights.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
        let step = 0.01 / norm
        let above = try gradients(train, step, ahead.weights).coefficients
        let below = try gradients(train, -step, ahead.weights).coefficients
        let found = try supernet.unrolledGradient(
            mixed, coefficients, rate: rate, train: train, validation: validation
        ).coefficientGradient
        for i in found.indices {
            let expected = ahead.coefficients[i] - rate * (above[i] - below[i]) / (2 * step)
            #expect(abs(found[i] - expected) < 1e-4 * (1 + abs(expected)))
        }
        #expect(zip(found, ahead.coefficients).contains { abs($0 - $1) > 1e-2 })
    }

    @Test func threadsChangeNothing() throws {
        let space = try smallSpace()
        let mixed = try MixedNetwork(space)
        let count = 33
        let batch = try images(count, try #require(space.input))
        let targets = labels(count, classes: space.classes)
        var results: [[Double]] = []
        for threads in [1, 3] {
            let supernet = try Supernet(mixed: mixed, capacity: count, seed: 3, threads: threads)
            supernet.beginStep()
            results.append(
                try supernet.accumulate(
                    mixed, coefficients: mixture(space, seed: 9), images: batch, labels: targets
                ).coefficientGradient)
            results.append(
                (0..<supernet.gradient.count).map { Double(supernet.gradient[$0]) })
        }
        #expect(results[0] == results[2] && results[1] == results[3])
    }

    @Test func whatCannotBeMixedIsRefusedByName() throws {
        func refused(_ layers: [Layer]) -> String? {
            let error = #expect(throws: FPNASError.self) {
                try MixedNetwork(
                    SearchSpace(
                        name: "x", layers: layers + [.block("classifier", .classifier, [])],
                        input: ImageShape(height: 8, width: 8, channels: 4), classes: 3))
            }
            return error?.message
        }
        let sizes = try Layer.block(
            "sizes", .convolution,
            [
                (.kernel, .searched([1, 3])), (.padding, .fixed(0)), (.channels, .fixed(8)),
            ])
        #expect(
            refused([sizes])?.contains("layer 'sizes': its choices lead to images of 8 x 8") == true
        )
        let groups = try Layer.block(
            "groups", .convolution, [(.groups, .fixed(4)), (.channels, .searched([8, 16]))])
        let narrow = try Layer.block("narrow", .convolution, [(.channels, .searched([4, 8]))])
        #expect(refused([narrow, groups])?.contains("layer 'groups'") == true)
        let abstract = try SearchSpace(name: "bare", layers: [Layer("a", [Variable("k", [1, 2])])])
        #expect(throws: FPNASError.self) { try MixedNetwork(abstract) }
        #expect(throws: FPNASError.self) {
            try MixedCoefficients(MixedNetwork(smallSpace()), [0.5])
        }
    }
}
