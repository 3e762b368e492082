import SearchSpace
import Support

/// The networks of Tests/reference/network_reference.py.
enum ReferenceNetworks {
    static let names = [
        "splits", "fused", "residual", "grouped", "pools", "leading", "nas-bench-201-a",
        "nas-bench-201-b", "darts",
    ]
    static let input = ImageShape(height: 9, width: 7, channels: 2)

    static func space(_ name: String) throws -> (SearchSpace, [Int32]) {
        switch name {
        case "splits": return try chain(splits())
        case "fused": return try chain(fused())
        case "residual": return try chain(residual())
        case "grouped": return try chain(grouped())
        case "pools": return try chain(pools())
        case "leading": return try chain(leading())
        case "nas-bench-201-a":
            return try cells(.nasBench201(channels: 4, cells: 1), [3, 1, 2, 4, 3, 1])
        case "nas-bench-201-b":
            return try cells(.nasBench201(channels: 4, cells: 1), [1, 1, 1, 0, 3, 4])
        default:
            return try cells(
                .darts(channels: 4, cells: 3),
                // Inputs 0,1: 0; 0,2: 1; 1,2: 2; 0,3: 3; 1,3: 4; 2,3: 5; 0,4: 6; ...
                [
                    0, 3, 4, 1, 2, 5, 4, 0, 6, 8, 1, 2,
                    0, 2, 6, 1, 4, 0, 4, 1, 2, 0, 5, 0,
                ])
        }
    }

    private static func cells(_ cells: CellNetwork, _ architecture: [Int32]) throws -> (
        SearchSpace, [Int32]
    ) {
        let space = try SearchSpace(name: cells.name, cells: cells, input: input, classes: 3)
        return (space, architecture)
    }

    private static func chain(_ layers: [Layer]) throws -> (SearchSpace, [Int32]) {
        let space = try SearchSpace(
            name: "chain", layers: layers + [.block("classifier", .classifier, [])], input: input,
            classes: 3)
        return (space, [Int32](repeating: 0, count: space.variableCount))
    }

    private static func layer(
        _ name: String, _ operation: Operation, stride: Int = 1, repeats: Int = 1,
        _ attributes: [(Attribute, Choice)]
    ) throws -> Layer {
        try .block(
            name, operation, stride: stride, repeats: repeats,
            attributes.map { ($0.0, .fixed($0.1)) })
    }

    private static func splits() throws -> [Layer] {
        try [
            layer("stem", .convolution, [(.activation, .text("relu6")), (.channels, 6)]),
            // The wider option comes second, so that its weights are larger than those in use.
            .block(
                "two", .mbconv,
                [
                    (.kernel, .fixed(3)), (.activation, .fixed(.text("swish"))),
                    (.splits, .searched([2, 0, 1, 4])), (.expansion, .searched([2, .real(3.5)])),
                    (.channels, .fixed(6)),
                ]),
            layer(
                "four", .mbconv, stride: 2,
                [
                    (.kernel, 5), (.activation, .text("hswish")), (.splits, 4),
                    (.expansion, .real(1.5)), (.channels, 8),
                ]),
            layer(
                "hard", .mbconv,
                [
                    (.kernel, 3), (.activation, .text("hswish")), (.squeezeExcite, 1),
                    (.gate, .text("hsigmoid")), (.channels, 8),
                ]),
            layer(
                "head", .pooledHead,
                [(.activation, .text("hswish")), (.expansion, .real(1.5)), (.channels, 10)]),
        ]
    }

    private static func fused() throws -> [Layer] {
        try [
            layer("stem", .convolution, [(.activation, .text("swish")), (.channels, 6)]),
            layer(
                "a", .fusedMBConv, stride: 2,
                [
                    (.activation, .text("swish")), (.squeezeExcite, 1), (.expansion, 2),
                    (.channels, 7),
                ]),
            layer("b", .fusedMBConv, [(.channels, 7)]),
            .block(
                "c", .fusedMBConv,
                [
                    (.kernel, .fixed(5)), (.activation, .fixed(.text("relu6"))),
                    (.expansion, .fixed(2)), (.channels, .searched([7, 9])),
                ]),
        ]
    }

    private static func residual() throws -> [Layer] {
        try [
            layer("stem", .convolution, [(.kernel, 5), (.channels, 8)]),
            layer("a", .basic, repeats: 2, [(.channels, 8)]),
            .block("b", .basic, stride: 2, [(.channels, .searched([12, 20]))]),
            layer(
                "c", .bottleneck,
                [(.squeezeExcite, 1), (.groups, 2), (.expansion, .real(0.5)), (.channels, 16)]),
            layer("d", .basic, stride: 2, [(.shortcut, .text("pool")), (.channels, 10)]),
        ]
    }

    private static func grouped() throws -> [Layer] {
        try [
            layer("stem", .convolution, [(.kernel, 4), (.padding, 2), (.channels, 8)]),
            layer(
                "a", .convolution, stride: 2,
                [(.groups, 4), (.activation, .text("swish")), (.channels, 12)]),
            layer(
                "b", .mbconv, [(.kernel, 3), (.expansion, 2), (.groupWidth, 2), (.channels, 12)]),
            .block(
                "c", .mbconv,
                [
                    (.kernel, .fixed(5)), (.activation, .fixed(.text("relu6"))),
                    (.expansion, .fixed(2)), (.groups, .fixed(4)),
                    (.channels, .searched([16, 24])),
                ]),
            layer(
                "d", .convolution,
                [
                    (.padding, 0), (.normalisation, 0), (.activation, .text("hswish")),
                    (.channels, 10),
                ]),
            layer("e", .convolution, [(.groups, 10), (.channels, 10)]),
            layer("f", .convolution, [(.kernel, 1), (.bias, 1), (.channels, 9)]),
        ]
    }

    /// Shortcuts between all kinds of widths, and skips that are nothing else.
    private static func leading() throws -> [Layer] {
        let leading = (Attribute.shortcut, Choice.text("leading"))
        let swish = (Attribute.activation, Choice.text("swish"))
        return try [
            layer("stem", .convolution, [(.activation, .text("swish")), (.channels, 6)]),
            .block(
                "wider", .mbconv,
                [
                    (.kernel, .fixed(3)), (.activation, .fixed(.text("swish"))),
                    (.expansion, .fixed(2)), (.channels, .searched([11, 13])),
                    (.shortcut, .fixed(.text("leading"))),
                ]),
            layer("less", .mbconv, [(.kernel, 0), (.channels, 7), leading]),
            layer(
                "half", .fusedMBConv, stride: 2,
                [(.activation, .text("relu6")), (.expansion, 2), (.channels, 9), leading]),
            layer("same", .mbconv, [(.kernel, 5), (.channels, 9), leading, swish]),
            layer("narrower", .basic, [(.channels, 6), leading, swish]),
            layer("more", .mbconv, stride: 2, [(.kernel, 0), (.channels, 10), leading]),
            layer(
                "last", .bottleneck, repeats: 2,
                [(.expansion, .real(0.5)), (.channels, 12), leading, swish]),
        ]
    }

    private static func pools() throws -> [Layer] {
        try [
            layer("stem", .convolution, [(.activation, .text("swish")), (.channels, 6)]),
            layer("p", .pool, stride: 2, [(.kernel, 3), (.pool, .text("maximum"))]),
            layer("a", .convolution, [(.kernel, 1), (.activation, .text("none")), (.channels, 7)]),
            layer("q", .pool, [(.kernel, 3)]),
            layer("b", .convolution, stride: 2, [(.channels, 9)]),
            layer("g", .pool, [(.kernel, 0)]),
            layer("c", .linear, [(.activation, .text("relu")), (.channels, 11)]),
            layer("d", .linear, [(.activation, .text("swish")), (.bias, 0), (.channels, 8)]),
        ]
    }
}
