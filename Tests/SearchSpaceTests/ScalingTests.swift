import SearchSpace
import Support
import Testing

@Suite struct ScalingTests {
    private let input = ImageShape(height: 224, width: 224, channels: 3)

    /// The published factors. [Tan & Le 2019; their code's table of parameters]
    @Test(arguments: [
        (0.0, 1.0, 1.0, 220), (0.5, 1.1, 1.0, 240), (1.0, 1.2, 1.1, 260),
    ])
    func efficientNetsFactors(phi: Double, depth: Double, width: Double, size: Int) throws {
        let rule = try CompoundScaling(depth: 1.2, width: 1.1, resolution: 1.15)
        let scaling = try rule.scaling(phi: phi, of: input)
        #expect(scaling.depth == depth && scaling.width == width)
        #expect(scaling.height == size && scaling.columns == size)
    }

    @Test func withoutRoundingPowersAreAsTheyAre() throws {
        let rule = try CompoundScaling(depth: 1.2, width: 1.1, resolution: 1.15)
        let scaling = try rule.scaling(phi: 2, of: input, coefficientStep: 0, sizeStep: 0)
        #expect(abs(scaling.depth - 1.44) < 1e-14 && abs(scaling.width - 1.21) < 1e-14)
        #expect(scaling.height == 296)  // 224 · 1.3225 = 296.24
    }

    @Test(arguments: [0.1, 0.05, 0.3]) func candidatesAreTheWholeGrid(step: Double) throws {
        let found = try CompoundScaling.candidates(step: step)
        var expected: [[Double]] = []
        for a in 0..<200 {
            for b in 0..<200 {
                for c in 0..<200 {
                    let row = [a, b, c].map { (100 + Double($0) * (step * 100).rounded()) / 100 }
                    let product = row[0] * row[1] * row[1] * row[2] * row[2]
                    if abs(product - 2) <= 0.1 + 1e-12 { expected.append(row) }
                }
            }
        }
        #expect(found.map { [$0.depth, $0.width, $0.resolution] } == expected)
        #expect((step == 0.05) == expected.contains([1.2, 1.1, 1.15]))
        for candidate in found { #expect(abs(candidate.costFactor - 2) <= 0.1 + 1e-12) }
    }

    private func stage(_ repeats: [Int], _ channels: [Int]) throws -> SearchSpace {
        var stage = LayerDraft("stage", .mbconv)
        stage.stride = 2
        stage.repeats = repeats
        stage.attributes = [
            (.channels, .searched(channels.map(Choice.integer))),
            (.kernel, .searched([.integer(0), .integer(5)])),
            (.expansion, .searched([.integer(3), .integer(6)])),
        ]
        return try SearchSpace(
            name: "base",
            layers: [
                try Layer.block("stem", .convolution, [(.channels, .fixed(.integer(16)))]),
                try stage.layer(), try Layer.block("classifier", .classifier, []),
            ], input: ImageShape(height: 32, width: 32, channels: 3), classes: 10)
    }

    @Test func oneNetworkOfASpaceIsScaled() throws {
        let space = try stage([2, 3], [24, 40])
        let row: [Int32] = [1, 1, 1, 0]  // three blocks, kernel 5, 40 channels, expansion 3
        let same = try space.scaled(row, by: NetworkScaling())
        #expect(same.variableCount == 0)
        #expect(try same.networkHash([]) == space.networkHash(row))
        let larger = try space.scaled(
            row, by: NetworkScaling(depth: 1.4, width: 1.3, height: 48, columns: 40))
        let block = try #require(larger.layers[1].block)
        #expect(block.repeats == 5)  // ⌈4.2⌉
        #expect(block.fixed[.channels] == .integer(56))  // 52, to a multiple of 8
        #expect(larger.layers[0].block?.repeats == 1)
        #expect(larger.layers[0].block?.fixed[.channels] == .integer(24))  // 20.8: 16 is below 0.9
        #expect(larger.input == ImageShape(height: 48, width: 40, channels: 3))
        // A skipped stage stays one.
        let skipped = try space.scaled([0, 0, 1, 1], by: NetworkScaling(depth: 2))
        #expect(skipped.layers[1].block?.fixed[.kernel] == .integer(0))
        _ = try skipped.network([])
    }

    @Test func whatCannotBeScaledIsRefused() throws {
        let space = try stage([2], [24])
        let row = [Int32](repeating: 0, count: space.variableCount)
        for bad in [
            NetworkScaling(depth: 0), NetworkScaling(width: .nan), NetworkScaling(depth: 101),
            NetworkScaling(height: 0), NetworkScaling(height: 5000),
        ] { #expect(throws: FPNASError.self) { try space.scaled(row, by: bad) } }
        #expect(throws: FPNASError.self) { try space.scaled([], by: NetworkScaling()) }
        let abstract = try SearchSpace(
            name: "a", layers: [Layer("l", [Variable("v", [.integer(1)])])])
        #expect(throws: FPNASError.self) { try abstract.scaled([0], by: NetworkScaling()) }
        let (shape, classes) = Preset.darts.publishedInput
        let cells = try Preset.darts.space(input: shape, classes: classes)
        let first = [Int32](repeating: 0, count: cells.variableCount)
        #expect(throws: FPNASError.self) { try cells.scaled(first, by: NetworkScaling()) }
        let rule = try CompoundScaling(depth: 1.2, width: 1.1, resolution: 1.15)
        for bad in [Double.nan, .infinity, 9, -9] {
            #expect(throws: FPNASError.self) { try rule.scaling(phi: bad, of: input) }
        }
        #expect(throws: FPNASError.self) {
            try CompoundScaling(depth: 0.9, width: 1, resolution: 1)
        }
        for bad in [0, -1, Double.nan] {
            #expect(throws: FPNASError.self) { try CompoundScaling.candidates(step: bad) }
        }
        #expect(throws: FPNASError.self) {
            try CompoundScaling.candidates(step: 0.001, product: 8, tolerance: 4)
        }
    }
}
