import Support

/// The spaces that come with the library.
public enum Preset: String, CaseIterable, Sendable {
    /// FBNetV2-F's shape scaled to small images: nine searchable MBConv layers with kernel
    /// {0, 3, 5}, {relu, swish}, squeeze-and-excitation {0, 1}, its six expansions and three
    /// widths each. 1.0e21 encodings, 48.4 nats.
    case mbconvSmall = "mbconv-small"

    /// The preset of that name, or an error that lists them all.
    public static func named(_ name: String) throws(FPNASError) -> Preset {
        guard let preset = Preset(rawValue: name) else {
            let all = allCases.map(\.rawValue).joined(separator: ", ")
            throw .invalid("there is no preset '\(name)'; there are: \(all)")
        }
        return preset
    }

    /// Builds the preset for images of the given shape.
    public func space(input: ImageShape, classes: Int) throws(FPNASError) -> SearchSpace {
        switch self {
        case .mbconvSmall: return try Preset.makeMBConvSmall(input: input, classes: classes)
        }
    }

    private static func makeMBConvSmall(
        input: ImageShape, classes: Int
    ) throws(FPNASError) -> SearchSpace {
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
        return try SearchSpace(
            name: Preset.mbconvSmall.rawValue, layers: layers, input: input, classes: classes)
    }
}
