import SearchSpace
import Support
import TestSupport
import Testing

@Suite struct BlockKeyTests {
    /// A space whose layers have every kind of block of a chain, with many settings.
    private func mixed() throws -> SearchSpace {
        func ints(_ values: Int...) -> AttributeValues { .searched(values.map(Choice.integer)) }
        func texts(_ values: String...) -> AttributeValues { .searched(values.map(Choice.text)) }
        return try SearchSpace(
            name: "mixed",
            layers: [
                .block(
                    "stem", .convolution, stride: 2,
                    [
                        (.kernel, ints(1, 3)), (.channels, ints(8, 12)), (.groups, ints(1, 2)),
                        (.padding, ints(1, 2)), (.normalisation, ints(0, 1)),
                        (.activation, texts("relu6", "none", "hswish")),
                    ]),
                .block(
                    "mb", .mbconv, stride: 2, repeats: 2,
                    [
                        (.kernel, ints(0, 3, 5)), (.splits, ints(0, 1, 2)),
                        (.expansion, ints(1, 2)), (.channels, .fixed(.integer(12))),
                        (.expandAlways, ints(0, 1)), (.gate, texts("sigmoid", "hsigmoid")),
                    ]),
                .block(
                    "fused", .fusedMBConv,
                    [
                        (.kernel, .fixed(.integer(3))), (.squeezeExcite, ints(0, 1)),
                        (.expansion, ints(1, 2)), (.channels, ints(8, 12)),
                    ]),
                .block(
                    "bottleneck", .bottleneck, stride: 2,
                    [(.channels, ints(16, 32)), (.shortcut, texts("auto", "none", "pool"))]),
                .block("basic", .basic, [(.channels, ints(16, 32))]),
                .block(
                    "leading", .mbconv, stride: 2,
                    [
                        (.kernel, ints(0, 3)), (.channels, ints(12, 16, 20)),
                        (.shortcut, texts("leading", "auto")),
                    ]),
                .block(
                    "pool", .pool, [(.kernel, ints(0, 2)), (.pool, texts("average", "maximum"))]),
                .block(
                    "head", .pooledHead,
                    [(.channels, .fixed(.integer(24))), (.expansion, ints(1, 3))]),
                .block("classifier", .classifier, []),
            ], input: ImageShape(height: 20, width: 18, channels: 4), classes: 5)
    }

    private func networks() throws -> [Network] {
        var networks: [Network] = []
        for space in [try mixed(), try smallNetworkSpace(1)] {
            let random = Philox(seed: 5, stream: .baselines)
            for sample in 0..<300 {
                let row = space.choiceCounts.enumerated().map { v, count in
                    Int32(random.integer(below: count, step: UInt64(sample), index: v))
                }
                networks.append(try space.network(row))
            }
        }
        return networks
    }

    /// Blocks of one key have the same operators, and others have not.
    @Test func aKeySaysWhatABlockComputes() throws {
        var operatorsOfKey: [String: [NetworkOperator]] = [:]
        var keyOfOperators: [[NetworkOperator]: String] = [:]
        for block in try networks().flatMap(\.blocks).flatMap(\.parts) {
            let operators = block.operators
            #expect(!operators.isEmpty)
            #expect(
                operatorsOfKey.updateValue(operators, forKey: block.key) ?? operators == operators)
            let key = keyOfOperators.updateValue(block.key, forKey: operators) ?? block.key
            #expect(key == block.key)
        }
        #expect(operatorsOfKey.count > 100)
    }

    /// Taking heads apart changes no operator, only what it belongs to.
    @Test func partsDoWhatTheBlockDoes() throws {
        for block in try networks().flatMap(\.blocks) {
            let parts = block.parts.flatMap(\.operators)
            // The pool of a single pixel changes nothing.
            let operators = block.operators.filter {
                $0.kind != .globalPool || $0.inShape.height > 1 || $0.inShape.width > 1
            }
            #expect(parts.map(\.kind) == operators.map(\.kind))
            #expect(parts.map(\.outShape) == operators.map(\.outShape))
            #expect(parts.map(\.activation) == operators.map(\.activation))
            #expect(parts.map(\.hasBias) == operators.map(\.hasBias))
        }
    }

    @Test func keysAreReadBack() throws {
        for block in try networks().flatMap(\.blocks).flatMap(\.parts) {
            let read = try NetworkBlock(key: block.key)
            #expect(read == block, "\(read) of \(block.key)")
            #expect(read == block.placeless && read.key == block.key)
            #expect(read.operators == block.operators)
        }
    }

    @Test func anExample() throws {
        let key =
            "mbconv in=56x56x32 out=28x28x48 hidden=96 kernel=5 stride=2 act=relu se=24 "
            + "gate=hsigmoid"
        let block = try NetworkBlock(key: key)
        #expect(block.hiddenChannels == 96 && block.groups == 96 && block.padding == 2)
        #expect(block.hasExpansion && block.squeezeChannels == 24 && block.gate == .hsigmoid)
        #expect(
            block.family == "mbconv in=56x56 out=28x28 kernel=5 stride=2 act=relu se gate=hsigmoid")
    }

    @Test(arguments: [
        ("", "no kind"), ("blob in=1x1x1 out=1x1x1", "no kind"),
        ("conv in=8x8x1 kernel=3", "'out="), ("conv in=8x8 out=8x8x2 kernel=3", "'in="),
        ("conv in=8x8x01 out=8x8x2 kernel=3", "'in="), ("conv in=8x8x1 out=8x8x2", "no 'kernel'"),
        ("conv in=8x8x1 out=8x8x2 kernel=x", "'kernel'"),
        ("conv in=8x8x1 out=8x8x2 kernel=3 kernel=3", "twice"),
        ("conv in=8x8x1 out=8x8x2 kernel=3 hidden=4", "'hidden'"),
        ("conv in=8x8x1 out=8x8x2 kernel=3 act=tanh", "act=tanh"),
        ("conv in=8x8x1 out=8x8x2 kernel=3 stride=99999999999999999999", "stride="),
        ("conv in=8x8x1 out=8x8x2 stride=2 kernel=3", "has to be written"),
        ("conv in=8x8x1 out=8x8x2 kernel=3 padding=1", "has to be written"),
        ("mbconv in=8x8x1 out=8x8x2 hidden=4 kernel=3 split=1:4", "split=1:4"),
        ("conv  in=8x8x1 out=8x8x2 kernel=3", "has ''"),
        ("linear in=8x8x99999999999 out=1x1x2", "'in="),
    ]) func badKeysAreRefused(key: String, part: String) {
        let error = #expect(throws: FPNASError.self) { try NetworkBlock(key: key) }
        #expect(error?.message.contains(part) == true, "\(error?.message ?? "")")
    }
}
