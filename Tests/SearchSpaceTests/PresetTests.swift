import SearchSpace
import Support
import Testing

@Suite struct PresetTests {
    private func space(_ preset: Preset) throws -> SearchSpace {
        let (shape, classes) = preset.publishedInput
        return try preset.space(input: shape, classes: classes)
    }

    /// Logits of both forms as the paper's tables give them. [FP-NAS table 2]
    @Test(arguments: [
        (Preset.fbnetV2F, 177, 3624), (.fbnetV2FFine, 312, 6792), (.fbnetV2FPlusPlus, 197, 7248),
        // And those of docs/spaces.md.
        (.mbconvSmall, 144, 1944), (.fpNASL0, 244, 11736), (.fpNASL1, 275, 13800),
        (.fpNASL2, 275, 13800), (.nasBench201, 30, 30), (.nasBenchMacro, 24, 24),
        (.darts, 152, 1960), (.ofaMobileNetV3, 135, 98415),
    ])
    func logitsAreThePublishedOnes(preset: Preset, factorised: Int, joint: Int) throws {
        let space = try space(preset)
        #expect(space.factorisedLogitCount == factorised)
        #expect(space.jointLogitCount == joint)
    }

    /// Exact numbers of encodings; those of published spaces with the published order of size.
    @Test(arguments: [
        (Preset.fbnetV2F, 2.7e24), (.fbnetV2FFine, 5.8e42), (.fbnetV2FPlusPlus, 2.7e24 * 1024),
        (.fpNASL0, 2.0e32), (.fpNASL1, 1.1e36), (.fpNASL2, 1.1e36), (.nasBench201, 15625),
        (.nasBenchMacro, 6561), (.darts, 1.0e18),
    ])
    func sizes(preset: Preset, size: Double) throws {
        let count = try space(preset).rawCount.approximation
        #expect(abs(count / size - 1) < 0.1, "\(count)")
    }

    @Test func cellCounts() throws {
        // 1.04e9 cells of each kind with the rule of two inputs a node. [method, DARTS]
        let darts = try space(.darts)
        let perCell = darts.layers[..<4].reduce(1.0) { product, layer in
            layer.variables.reduce(product) { $0 * Double($1.choices.count) }
        }
        #expect(perCell == 1_037_664_180)
        let depths = 81 + 729 + 6561  // blocks of 3 kernels and 3 expansions, 2 to 4 of them
        let once = try space(.ofaMobileNetV3).canonicalCount
        #expect(
            once == (0..<5).reduce(BigNatural(1)) { product, _ in product * BigNatural(depths) })
    }

    /// Blocks of the reconstructions.
    @Test(arguments: [(Preset.fpNASL0, 27), (.fpNASL1, 32), (.fpNASL2, 32)])
    func blocksOfReconstructions(preset: Preset, blocks: Int) throws {
        let space = try space(preset)
        let searched = space.layers.filter { !$0.variables.isEmpty }
        #expect(searched.reduce(0) { $0 + ($1.block?.repeats ?? 0) } == blocks)
        #expect(preset.isReconstruction)
    }

    /// Equal exactly for networks that compute the same: as many as the benchmark counts.
    @Test func hashesOfNASBenchMacro() throws {
        let space = try space(.nasBenchMacro)
        var hashes = Set<UInt64>()
        for number in 0..<6561 {
            var rest = number
            let row = (0..<8).map { _ in
                defer { rest /= 3 }
                return Int32(rest % 3)
            }
            hashes.insert(try space.networkHash(row))
        }
        #expect(hashes.count == 3969)
    }

    @Test func hashesOfNASBench201() throws {
        let space = try SearchSpace(
            name: "one cell a stage", cells: .nasBench201(channels: 4, cells: 1),
            input: ImageShape(height: 8, width: 8, channels: 3), classes: 10)
        var hashes = Set<UInt64>()
        var structures = Set<UInt64>()
        for number in 0..<15625 {
            var rest = number
            let row = (0..<6).map { _ in
                defer { rest /= 5 }
                return Int32(rest % 5)
            }
            hashes.insert(try space.networkHash(row))
            structures.insert(try space.network(row).structuralHash)
        }
        // The benchmark's number, and that of sums without order, nesting and zeros.
        #expect(hashes.count == 6466)
        #expect(structures.count == 4930)
    }

    @Test func everyPresetBuildsItsNetworks() throws {
        for preset in Preset.allCases {
            let space = try space(preset)
            let random = Philox(seed: 3, stream: .baselines)
            for draw in 0..<3 {
                let row = (0..<space.variableCount).map { v in
                    Int32(
                        random.integer(below: space.choiceCounts[v], step: UInt64(draw), index: v))
                }
                let network = try space.network(row)
                #expect(network.blocks.last?.kind == .classifier)
                // Every operator has the shape its inputs give it.
                let operators = network.operators
                for op in operators {
                    let shapes = op.inputs.map { $0 < 0 ? network.input : operators[$0].outShape }
                    #expect(shapes.allSatisfy { $0.height == op.inShape.height })
                    if case .sum = op.kind { #expect(shapes.allSatisfy { $0 == op.outShape }) }
                    if case .concatenation = op.kind {
                        #expect(shapes.reduce(0) { $0 + $1.channels } == op.outShape.channels)
                    }
                }
                let values = operators.last?.outShape
                #expect(values == ImageShape(height: 1, width: 1, channels: space.classes))
            }
        }
    }

    /// What a block cannot build is refused with its layer when the space is made.
    @Test func unusualBlocks() throws {
        func space(_ operation: Operation, _ attributes: [(Attribute, Choice)]) throws
            -> SearchSpace
        {
            try SearchSpace(
                name: "one",
                layers: [
                    .block("it", operation, attributes.map { ($0.0, .fixed($0.1)) }),
                    .block("classifier", .classifier, []),
                ], input: ImageShape(height: 6, width: 6, channels: 8), classes: 2)
        }
        let groups = #expect(throws: FPNASError.self) {
            try space(.convolution, [(.channels, .integer(6)), (.groups, .integer(4))])
        }
        #expect(groups?.message.contains("4 groups do not divide the widths 8 and 6") == true)
        let kernel = #expect(throws: FPNASError.self) {
            try space(
                .convolution,
                [(.channels, .integer(8)), (.kernel, .integer(9)), (.padding, .integer(0))])
        }
        #expect(kernel?.message.contains("does not fit into 6 x 6") == true)
    }

    /// Blocks of a stage have choices of their own, which exist as far as the stage is deep.
    @Test func depthDecidesWhatExists() throws {
        let space = try space(.ofaMobileNetV3)
        let first = space.layerStarts[2]
        #expect(space.variable(first).name == "repeats")
        var row = [Int32](repeating: 0, count: space.variableCount)
        for (depth, blocks) in [(0, 2), (1, 3), (2, 4)] {
            row[first] = Int32(depth)
            let network = try space.network(row)
            #expect(network.blocks.filter { $0.layer == 2 }.count == blocks)
            let active = space.activity(row)[space.variables(of: 2)].filter { $0 }.count
            #expect(active == 1 + 2 * blocks)
        }
        let kernel3 = space.variables(of: 2).first { space.variable($0).name == "kernel.3" }
        row[try #require(kernel3)] = 2
        #expect(try space.network(row).blocks.filter { $0.layer == 2 }[2].kernel == 7)
    }
}
