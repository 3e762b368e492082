import Support

/// The spaces that come with the library.
public enum Preset: String, CaseIterable, Sendable {
    /// FBNetV2-F's shape scaled to small images: nine searchable MBConv layers with kernel
    /// {0, 3, 5}, {relu, swish}, squeeze-and-excitation {0, 1}, its six expansions and three
    /// widths each. 1.0e21 encodings, 48.4 nats.
    case mbconvSmall = "mbconv-small"
    /// The FBNetV2 paper's largest space as FP-NAS tables it: ten groups of blocks, each of one
    /// choice. [FP-NAS table 1]
    case fbnetV2F = "fbnetv2-f"
    /// The same with a choice for every one of the 17 blocks.
    case fbnetV2FFine = "fbnetv2-f-fine"
    /// FBNetV2-F with splits {0, 1, 2, 4} in place of squeeze-and-excitation.
    case fbnetV2FPlusPlus = "fbnetv2-f++"
    /// Reconstructions: the paper gives the number of blocks, of networks and the median MACs, not
    /// the stages.
    case fpNASL0 = "fp-nas-l0"
    case fpNASL1 = "fp-nas-l1"
    case fpNASL2 = "fp-nas-l2"
    case nasBench201 = "nas-bench-201"
    case nasBenchMacro = "nas-bench-macro"
    case darts
    /// Once-for-all's MobileNetV3 at width 1. [Cai et al. 2020]
    case ofaMobileNetV3 = "ofa-mobilenetv3"
    /// The same at width 1.2, which its phones' latency tables are of.
    case ofaMobileNetV3Wide = "ofa-mobilenetv3-w1.2"

    /// The preset of that name, or an error that lists them all.
    public static func named(_ name: String) throws(FPNASError) -> Preset {
        guard let preset = Preset(rawValue: name) else {
            let all = allCases.map(\.rawValue).joined(separator: ", ")
            throw .invalid("there is no preset '\(name)'; there are: \(all)")
        }
        return preset
    }

    /// What the publication searches on.
    public var publishedInput: (shape: ImageShape, classes: Int) {
        func square(_ size: Int, _ channels: Int = 3) -> ImageShape {
            ImageShape(height: size, width: size, channels: channels)
        }
        switch self {
        case .mbconvSmall: return (square(16, 1), 10)
        case .fbnetV2F, .fbnetV2FFine, .fbnetV2FPlusPlus: return (square(128), 1000)
        case .fpNASL0, .ofaMobileNetV3, .ofaMobileNetV3Wide: return (square(224), 1000)
        case .fpNASL1: return (square(240), 1000)
        case .fpNASL2: return (square(256), 1000)
        case .nasBench201, .nasBenchMacro, .darts: return (square(32), 10)
        }
    }

    /// Whether the stages are ours, built to the published sizes.
    public var isReconstruction: Bool {
        [.fpNASL0, .fpNASL1, .fpNASL2].contains(self)
    }

    /// Builds the preset for images of the given shape.
    public func space(input: ImageShape, classes: Int) throws(FPNASError) -> SearchSpace {
        let layers: [Layer]
        switch self {
        case .mbconvSmall: layers = try Preset.mbconvSmallLayers(input)
        case .fbnetV2F: layers = try FBNetRow.layers(FBNetRow.fbnetV2F, .squeezeExcite)
        case .fbnetV2FFine:
            layers = try FBNetRow.layers(FBNetRow.fbnetV2F, .squeezeExcite, eachBlock: true)
        case .fbnetV2FPlusPlus: layers = try FBNetRow.layers(FBNetRow.fbnetV2F, .splits)
        case .fpNASL0: layers = try FBNetRow.layers(FBNetRow.fpNASL0, .splits)
        case .fpNASL1: layers = try FBNetRow.layers(FBNetRow.fpNASL1, .splits)
        case .fpNASL2: layers = try FBNetRow.layers(FBNetRow.fpNASL2, .splits)
        case .nasBenchMacro: layers = try Preset.nasBenchMacroLayers()
        case .ofaMobileNetV3: layers = try Preset.ofaLayers(width: 1)
        case .ofaMobileNetV3Wide: layers = try Preset.ofaLayers(width: 1.2)
        case .nasBench201:
            return try SearchSpace(
                name: rawValue, cells: .nasBench201(channels: 16, cells: 5), input: input,
                classes: classes)
        case .darts:
            return try SearchSpace(
                name: rawValue, cells: .darts(channels: 36, cells: 20), input: input,
                classes: classes)
        }
        return try SearchSpace(name: rawValue, layers: layers, input: input, classes: classes)
    }

    private static func mbconvSmallLayers(_ input: ImageShape) throws(FPNASError) -> [Layer] {
        // Larger images are halved once more at the stem, so the layers see about 16 × 16.
        let stemStride = min(input.height, input.width) > 20 ? 2 : 1
        let rows: [(stride: Int, channels: [Int])] = [
            (2, [8, 12, 16]), (1, [8, 12, 16]), (1, [12, 16, 20]),
            (2, [16, 24, 32]), (1, [16, 24, 32]), (1, [16, 24, 32]), (1, [24, 32, 40]),
            (1, [32, 48, 64]), (1, [32, 48, 64]),
        ]
        var layers = [
            try Layer.block(
                "stem", .convolution, stride: stemStride,
                [(.kernel, .fixed(.integer(3))), (.channels, .fixed(.integer(8)))])
        ]
        for (index, row) in rows.enumerated() {
            layers.append(
                try Layer.block(
                    "mbconv\(index + 1)", .mbconv, stride: row.stride,
                    [
                        (.kernel, .searched([0, 3, 5].map(Choice.integer))),
                        (.activation, .searched([.text("relu"), .text("swish")])),
                        (.squeezeExcite, .searched([0, 1].map(Choice.integer))),
                        (.expansion, .searched([0.75, 1.5, 2.25, 3, 3.75, 4.5].map(Choice.real))),
                        (.channels, .searched(row.channels.map(Choice.integer))),
                    ]))
        }
        layers.append(
            try Layer.block(
                "head", .convolution,
                [(.kernel, .fixed(.integer(1))), (.channels, .fixed(.integer(128)))]))
        layers.append(try Layer.block("classifier", .classifier, []))
        return layers
    }

    /// [Su et al. 2021]
    private static func nasBenchMacroLayers() throws(FPNASError) -> [Layer] {
        var layers = [
            try Layer.block("stem", .convolution, [(.channels, .fixed(.integer(32)))])
        ]
        var channels = 32
        for (stage, count) in [2, 3, 3].enumerated() {
            channels *= 2
            for block in 0..<count {
                var draft = LayerDraft("stage\(stage + 1).\(block + 1)", .skip)
                draft.stride = block == 0 ? 2 : 1
                draft.attributes = [(.channels, .fixed(.integer(channels)))]
                draft.alternatives = [
                    .init("identity", .skip),
                    .init(
                        "mb3_k3", .mbconv,
                        fixed: [.kernel: .integer(3), .expansion: .integer(3)]),
                    .init(
                        "mb6_k5", .mbconv,
                        fixed: [.kernel: .integer(5), .expansion: .integer(6)]),
                ]
                layers.append(try draft.layer())
            }
        }
        layers.append(
            try Layer.block(
                "head", .convolution,
                [(.kernel, .fixed(.integer(1))), (.channels, .fixed(.integer(1280)))]))
        layers.append(try Layer.block("classifier", .classifier, []))
        return layers
    }

    /// Five stages of two to four blocks, each with a kernel and an expansion of its own.
    private static func ofaLayers(width: Double) throws(FPNASError) -> [Layer] {
        let rounding = WidthRounding.multiple(of: 8, least: 0.9)
        func wide(_ channels: Int) -> Choice {
            .integer(rounding.round(Double(channels) * width))
        }
        let eights: [(Attribute, AttributeValues)] = [
            (.widthRounding, .fixed(.text("8/0.9"))), (.squeezeRounding, .fixed(.text("8/0.9"))),
            (.gate, .fixed(.text("hsigmoid"))),
        ]
        var layers = [
            try Layer.block(
                "stem", .convolution, stride: 2,
                [(.activation, .fixed(.text("hswish"))), (.channels, .fixed(wide(16)))]),
            try Layer.block("first", .mbconv, [(.channels, .fixed(wide(16)))]),
        ]
        let stages: [(channels: Int, stride: Int, squeezes: Bool, activation: String)] = [
            (24, 2, false, "relu"), (40, 2, true, "relu"), (80, 2, false, "hswish"),
            (112, 1, true, "hswish"), (160, 2, true, "hswish"),
        ]
        for (index, stage) in stages.enumerated() {
            var draft = LayerDraft("stage\(index + 1)", .mbconv)
            draft.stride = stage.stride
            draft.repeats = [2, 3, 4]
            draft.perBlock = [.kernel, .expansion]
            draft.attributes =
                [
                    (.kernel, .searched([3, 5, 7].map(Choice.integer))),
                    (.expansion, .searched([3, 4, 6].map(Choice.integer))),
                    (.channels, .fixed(wide(stage.channels))),
                    (.activation, .fixed(.text(stage.activation))),
                    (.squeezeExcite, .fixed(.integer(stage.squeezes ? 1 : 0))),
                ] + eights
            layers.append(try draft.layer())
        }
        let hswish = (Attribute.activation, AttributeValues.fixed(.text("hswish")))
        layers.append(
            try Layer.block(
                "expand", .convolution,
                [(.kernel, .fixed(.integer(1))), hswish, (.channels, .fixed(wide(960)))]))
        layers.append(
            try Layer.block(
                "mix", .linear,
                [hswish, (.bias, .fixed(.integer(0))), (.channels, .fixed(wide(1280)))]))
        layers.append(try Layer.block("classifier", .classifier, []))
        return layers
    }
}
