import SearchSpace
import Support
import TestSupport
import Testing

@Suite struct SearchSpaceTests {
    @Test(arguments: UInt64(0)..<40) func canonicalFormAndCountsMatchTheirDefinition(seed: UInt64)
        throws
    {
        let space = try randomSpace(seed)
        let rows = allEncodings(space)
        #expect(space.rawCount.description == String(rows.count))
        var canonical = Set<[Int32]>()
        for row in rows {
            var own = row
            space.canonicalise(&own)
            #expect(own == canonicalByDefinition(row, space))
            var again = own
            space.canonicalise(&again)
            #expect(again == own)
            let activity = space.activity(row)
            #expect(zip(own, activity).allSatisfy { $0 == 0 || $1 })
            canonical.insert(own)
        }
        #expect(space.canonicalCount.description == String(canonical.count))
    }

    @Test(arguments: UInt64(0)..<20) func optionsListEveryDistinctChoiceOnce(seed: UInt64) throws {
        let space = try randomSpace(seed)
        var expected = Set<[Int32]>()
        for row in allEncodings(space) {
            var own = row
            space.canonicalise(&own)
            expected.insert(own)
        }
        var product = 1
        for layer in 0..<space.layerCount {
            let options = try space.options(ofLayer: layer)
            product *= options.count
            #expect(Set(options).count == options.count)
            let range = space.variables(of: layer)
            let seen = Set(expected.map { Array($0[range]) })
            #expect(Set(options.map { $0.map { max($0, 0) } }) == seen)
        }
        #expect(product == expected.count)
    }

    @Test func bigNumbersMultiplyExactly() {
        var product = BigNatural(1)
        for factor in [999_999_999, 1_000_000_007, Int.max, 123_456_789, 10] {
            product = product * BigNatural(factor)
        }
        // By Python: 999999999 * 1000000007 * (2**63 - 1) * 123456789 * 10
        #expect(product.description == "11386879022546076450111701377252603748702739390")
        #expect(BigNatural(0).description == "0")
        #expect((BigNatural(999_999_999) + BigNatural(1)).description == "1000000000")
        #expect((BigNatural(1) * BigNatural(0)).description == "0")
    }

    @Test func presetHasTheShapeOfTheDocs() throws {
        let space = try Preset.mbconvSmall.space(
            input: ImageShape(height: 16, width: 16, channels: 1), classes: 10)
        // 216^9, and (3 · 49)^9 networks.
        #expect(space.rawCount.description == "1023490369077469249536")
        #expect(space.canonicalCount.description == "32052064847671367667")
        #expect(space.factorisedLogitCount == 144)
        #expect(space.jointLogitCount == 1944)
        #expect(space.layers.filter { !$0.variables.isEmpty }.count >= 8)
        let large = try Preset.mbconvSmall.space(
            input: ImageShape(height: 32, width: 32, channels: 3), classes: 10)
        #expect(large.layers[0].block?.stride == 2)
        #expect(throws: FPNASError.self) { try Preset.named("none") }
    }

    /// −2^63 has no magnitude among the integers.
    @Test func wholeNumbersAreOneChoiceAndTheExtremesToo() {
        #expect(Variable("v", [.real(3)]).choices == [.integer(3)])
        #expect(Variable("v", [.real(-0.0)]).choices == [.integer(0)])
        for value in [-0x1p63, 0x1p63, 0x1p53, 1e300, -1e300, .infinity, 0.5] {
            #expect(Variable("v", [.real(value)]).choices == [.real(value)])
        }
        #expect(Variable("v", [.real(0x1p53 - 1)]).choices == [.integer(1 << 53 - 1)])
    }

    // MARK: - Refusals

    private func refuses(_ part: String, _ make: () throws -> SearchSpace) {
        let error = #expect(throws: FPNASError.self) { _ = try make() }
        #expect(error?.message.contains(part) == true, "\(error?.message ?? "no error")")
    }

    private let binary = [Choice.integer(0), .integer(1)]

    @Test func badSpacesAreRefusedWithTheirPlace() {
        refuses("no layers") { try SearchSpace(name: "s", layers: []) }
        refuses("no variables") { try SearchSpace(name: "s", layers: [Layer("a", [])]) }
        refuses("'a'") {
            try SearchSpace(
                name: "s", layers: [Layer("a", [Variable("v", binary)]), Layer("a", [])])
        }
        refuses("two variables 'v'") {
            try SearchSpace(
                name: "s", layers: [Layer("a", [Variable("v", binary), Variable("v", binary)])])
        }
        refuses("1 to 65536 choices, got 0") {
            try SearchSpace(name: "s", layers: [Layer("a", [Variable("v", [])])])
        }
        refuses("twice") {
            try SearchSpace(
                name: "s", layers: [Layer("a", [Variable("v", [.integer(3), .real(3)])])])
        }
        refuses("nan") {
            try SearchSpace(name: "s", layers: [Layer("a", [Variable("v", [.real(.nan)])])])
        }
        for condition in [
            Condition(variable: 1, choices: [0]), Condition(variable: -1, choices: [0]),
            Condition(variable: 0, choices: [2]), Condition(variable: 0, choices: [-1]),
        ] {
            refuses("'a.w'") {
                try SearchSpace(
                    name: "s",
                    layers: [
                        Layer("a", [Variable("v", binary), Variable("w", binary, when: condition)])
                    ])
            }
        }
    }

    @Test func badNetworksAreRefusedWithTheirPlace() throws {
        let input = ImageShape(height: 8, width: 8, channels: 1)
        func network(_ layers: [Layer], _ shape: ImageShape? = nil, classes: Int = 2) throws
            -> SearchSpace
        {
            try SearchSpace(
                name: "s", layers: layers, input: shape ?? input, classes: classes)
        }
        let classifier = try Layer.block("end", .classifier, [])
        func conv(_ attributes: [(Attribute, AttributeValues)], stride: Int = 1, repeats: Int = 1)
            throws -> Layer
        {
            try .block("c", .convolution, stride: stride, repeats: repeats, attributes)
        }
        let widths = AttributeValues.searched([.integer(4), .integer(8)])
        refuses("ends with its only classifier") { try network([try conv([(.channels, widths)])]) }
        refuses("no channels") {
            try network([try conv([(.kernel, .searched([.integer(3)]))]), classifier])
        }
        refuses("kernel '16'") {
            try network([
                try conv([(.kernel, .searched([.integer(16)])), (.channels, widths)]), classifier,
            ])
        }
        refuses("kernel '0'") {
            try network([
                try conv([(.kernel, .fixed(.integer(0))), (.channels, widths)]), classifier,
            ])
        }
        refuses("channels '0'") {
            try network([try conv([(.channels, .searched([.integer(0)]))]), classifier])
        }
        refuses("no free attribute 'expansion'") {
            try network([try conv([(.channels, widths), (.expansion, widths)]), classifier])
        }
        refuses("stride") { try network([try conv([(.channels, widths)], stride: 9), classifier]) }
        refuses("repeats") {
            try network([try conv([(.channels, widths)], repeats: 0), classifier])
        }
        refuses("classes") {
            try network([try conv([(.channels, widths)]), classifier], classes: 1)
        }
        refuses("input") {
            try network(
                [try conv([(.channels, widths)]), classifier],
                ImageShape(height: 0, width: 8, channels: 1))
        }
        refuses("no operation") {
            try network([Layer("a", [Variable("v", binary)]), classifier])
        }
        refuses("no input") {
            try SearchSpace(name: "s", layers: [try conv([(.channels, widths)])])
        }
    }

    @Test func aResolutionShrinksAllThatFollows() throws {
        func space(_ factors: [Int], stride: Int = 1, repeats: Int = 1) throws -> SearchSpace {
            try SearchSpace(
                name: "s",
                layers: [
                    .block(
                        "size", .resolution, stride: stride, repeats: repeats,
                        [(.factor, .searched(factors.map(Choice.integer)))]),
                    .block("stem", .convolution, [(.channels, .fixed(.integer(4)))]),
                    .block("classifier", .classifier, []),
                ], input: ImageShape(height: 9, width: 6, channels: 2), classes: 2)
        }
        let all = try space([1, 2, 3])
        let sizes = try (0..<3).map { choice in
            let blocks = try all.network([Int32(choice)]).blocks
            #expect(blocks[0].kind == (choice == 0 ? .identity : .pool))
            #expect(blocks[0].outChannels == 2)
            return [blocks[1].inHeight, blocks[1].inWidth, blocks[1].outHeight]
        }
        #expect(sizes == [[9, 6, 9], [4, 3, 4], [3, 2, 3]])
        // Nothing is left of a factor of 1.
        let fixed = try space([1]).network([0]).structuralHash
        #expect(try all.network([0]).structuralHash == fixed)
        #expect(try all.network([1]).structuralHash != fixed)
        #expect(all.largestArchitecture() == [0])
        refuses("factor '9'") { try space([1, 9]) }
        refuses("factor '0'") { try space([0]) }
        refuses("'size': images of 9 x 6 cannot shrink 7 times") { try space([1, 7]) }
        refuses("neither stride nor repeats, got 2 and 1") { try space([1], stride: 2) }
        refuses("neither stride nor repeats, got 1 and 2") { try space([1], repeats: 2) }
    }

    @Test func badEncodingsAreRefused() throws {
        let space = try randomSpace(1)
        let row = [Int32](repeating: 0, count: space.variableCount)
        #expect(throws: Never.self) { try space.check(row) }
        #expect(throws: FPNASError.self) { try space.check(row + [0]) }
        for v in 0..<space.variableCount {
            for bad in [Int32(-1), Int32(space.choiceCounts[v]), .max, .min] {
                var other = row
                other[v] = bad
                let error = #expect(throws: FPNASError.self) { try space.check(other) }
                #expect(error?.message.contains(space.place(of: v)) == true)
            }
        }
    }

    // MARK: - Networks

    @Test func networksFollowTheRules() throws {
        let space = try Preset.mbconvSmall.space(
            input: ImageShape(height: 16, width: 16, channels: 1), classes: 10)
        var architecture = [Int32](repeating: 0, count: space.variableCount)
        // All kernels 0: an identity where width and size stay, a projection elsewhere.
        var blocks = try space.network(architecture).blocks
        #expect(blocks[1].kind == .projection && blocks[1].stride == 2 && blocks[1].outHeight == 8)
        #expect(blocks[2].kind == .identity)
        #expect(blocks[3].kind == .projection && blocks[3].stride == 1)
        #expect(blocks.last?.kind == .classifier && blocks.last?.outChannels == 10)
        // mbconv2: kernel 5, swish, squeeze, expansion 1.5, same width.
        for (offset, choice) in [2, 1, 1, 1, 0].enumerated() {
            architecture[space.layerStarts[2] + offset] = Int32(choice)
        }
        blocks = try space.network(architecture).blocks
        let block = blocks[2]
        #expect(block.kind == .mbconv && block.kernel == 5 && block.activation == .swish)
        #expect(block.hiddenChannels == 12 && block.squeezeChannels == 3)
        #expect(block.hasResidual && block.hasExpansion)
        let largest = try space.network(space.largestArchitecture())
        #expect(largest.blocks.filter { $0.kind == .mbconv }.count == 9)
        #expect(throws: FPNASError.self) {
            try randomSpace(1).network(
                [Int32](repeating: 0, count: try randomSpace(1).variableCount))
        }
    }
}
