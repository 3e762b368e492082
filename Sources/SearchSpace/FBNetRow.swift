import Support

/// One row of a table of block groups, as the FBNetV2 and FP-NAS papers print their spaces.
struct FBNetRow {
    let channels: ClosedRange<Int>
    let step: Int
    let repeats: Int
    let stride: Int
    var expansions = [0.75, 1.5, 2.25, 3, 3.75, 4.5]

    private var choices: [Choice] {
        channels.filter { ($0 - channels.lowerBound) % step == 0 }.map(Choice.integer)
    }

    /// [FP-NAS table 1]
    static let fbnetV2F = Table(
        stem: 16,
        rows: [
            FBNetRow(channels: 12...16, step: 4, repeats: 1, stride: 1, expansions: [1]),
            FBNetRow(channels: 16...24, step: 4, repeats: 1, stride: 2),
            FBNetRow(channels: 16...24, step: 4, repeats: 2, stride: 1),
            FBNetRow(channels: 16...40, step: 8, repeats: 1, stride: 2),
            FBNetRow(channels: 16...40, step: 8, repeats: 2, stride: 1),
            FBNetRow(channels: 48...80, step: 8, repeats: 1, stride: 2),
            FBNetRow(channels: 48...80, step: 8, repeats: 2, stride: 1),
            FBNetRow(channels: 72...112, step: 8, repeats: 3, stride: 1),
            FBNetRow(channels: 112...184, step: 8, repeats: 1, stride: 2),
            FBNetRow(channels: 112...184, step: 8, repeats: 3, stride: 1),
        ], head: 1984)

    struct Table {
        let stem: Int
        let rows: [FBNetRow]
        let head: Int
    }

    /// The layers of a table: kernel {0, 3, 5}, {relu, swish}, the given attention, expansions and
    /// widths; one choice a row, or one for each block.
    static func layers(
        _ table: Table, _ attention: Attribute, eachBlock: Bool = false
    ) throws(FPNASError) -> [Layer] {
        let rounding: [(Attribute, AttributeValues)] = [
            (.widthRounding, .fixed(.text("8/0.95"))),
            (.squeezeRounding, .fixed(.text("8/0.95"))),
        ]
        var layers = [
            try Layer.block(
                "stem", .convolution, stride: 2,
                [(.activation, .fixed(.text("swish"))), (.channels, .fixed(.integer(table.stem)))])
        ]
        for (index, row) in table.rows.enumerated() {
            let attributes: [(Attribute, AttributeValues)] =
                [
                    (.kernel, .searched([0, 3, 5].map(Choice.integer))),
                    (.activation, .searched([.text("relu"), .text("swish")])),
                    (
                        attention,
                        .searched(
                            (attention == .splits ? [0, 1, 2, 4] : [0, 1]).map(Choice.integer))
                    ),
                    (.expansion, .searched(row.expansions.map(Choice.real))),
                    (.channels, .searched(row.choices)),
                ] + rounding
            if eachBlock {
                for block in 0..<row.repeats {
                    layers.append(
                        try Layer.block(
                            "row\(index + 1).\(block + 1)", .mbconv,
                            stride: block == 0 ? row.stride : 1, attributes))
                }
            } else {
                layers.append(
                    try Layer.block(
                        "row\(index + 1)", .mbconv, stride: row.stride, repeats: row.repeats,
                        attributes))
            }
        }
        layers.append(
            try Layer.block(
                "head", .convolution,
                [
                    (.kernel, .fixed(.integer(1))), (.activation, .fixed(.text("swish"))),
                    (.channels, .fixed(.integer(table.head))),
                ]))
        layers.append(try Layer.block("classifier", .classifier, []))
        return layers
    }

    // MARK: - Reconstructions
    //
    // The paper gives blocks, networks and median MACs (27 / 32 / 32, 2e32 / 1e36 / 1e36, 0.39 / 0.9 /
    // 1.1 G at 224 / 240 / 256 pixels); the rows were widened until they came near.

    /// 27 blocks; 2.0e32 networks, median 0.38 GMACs at 224 pixels.
    static let fpNASL0 = Table(
        stem: 16,
        rows: [
            FBNetRow(channels: 16...24, step: 4, repeats: 1, stride: 1, expansions: [1]),
            FBNetRow(channels: 24...40, step: 4, repeats: 1, stride: 2),
            FBNetRow(channels: 24...40, step: 4, repeats: 3, stride: 1),
            FBNetRow(channels: 40...80, step: 8, repeats: 1, stride: 2),
            FBNetRow(channels: 40...80, step: 8, repeats: 3, stride: 1),
            FBNetRow(channels: 80...144, step: 8, repeats: 1, stride: 2),
            FBNetRow(channels: 80...144, step: 8, repeats: 4, stride: 1),
            FBNetRow(channels: 112...184, step: 8, repeats: 5, stride: 1),
            FBNetRow(channels: 176...264, step: 8, repeats: 1, stride: 2),
            FBNetRow(channels: 176...264, step: 8, repeats: 4, stride: 1),
            FBNetRow(channels: 240...336, step: 16, repeats: 3, stride: 1),
        ], head: 1984)

    /// 32 blocks; 1.1e36 networks, median 0.88 GMACs at 240 pixels.
    static let fpNASL1 = Table(
        stem: 24,
        rows: [
            FBNetRow(channels: 16...32, step: 4, repeats: 2, stride: 1, expansions: [1]),
            FBNetRow(channels: 24...48, step: 4, repeats: 1, stride: 2),
            FBNetRow(channels: 24...48, step: 4, repeats: 3, stride: 1),
            FBNetRow(channels: 48...104, step: 8, repeats: 1, stride: 2),
            FBNetRow(channels: 48...104, step: 8, repeats: 3, stride: 1),
            FBNetRow(channels: 112...192, step: 8, repeats: 1, stride: 2),
            FBNetRow(channels: 112...192, step: 8, repeats: 5, stride: 1),
            FBNetRow(channels: 160...240, step: 8, repeats: 6, stride: 1),
            FBNetRow(channels: 240...352, step: 16, repeats: 1, stride: 2),
            FBNetRow(channels: 240...352, step: 16, repeats: 5, stride: 1),
            FBNetRow(channels: 336...448, step: 16, repeats: 3, stride: 1),
            FBNetRow(channels: 352...464, step: 16, repeats: 1, stride: 1),
        ], head: 1984)

    /// 32 blocks; 1.1e36 networks, median 1.09 GMACs at 256 pixels.
    static let fpNASL2 = Table(
        stem: 24,
        rows: [
            FBNetRow(channels: 16...32, step: 4, repeats: 2, stride: 1, expansions: [1]),
            FBNetRow(channels: 28...52, step: 4, repeats: 1, stride: 2),
            FBNetRow(channels: 28...52, step: 4, repeats: 3, stride: 1),
            FBNetRow(channels: 56...112, step: 8, repeats: 1, stride: 2),
            FBNetRow(channels: 56...112, step: 8, repeats: 3, stride: 1),
            FBNetRow(channels: 128...208, step: 8, repeats: 1, stride: 2),
            FBNetRow(channels: 128...208, step: 8, repeats: 5, stride: 1),
            FBNetRow(channels: 176...256, step: 8, repeats: 6, stride: 1),
            FBNetRow(channels: 256...368, step: 16, repeats: 1, stride: 2),
            FBNetRow(channels: 256...368, step: 16, repeats: 5, stride: 1),
            FBNetRow(channels: 352...464, step: 16, repeats: 3, stride: 1),
            FBNetRow(channels: 368...480, step: 16, repeats: 1, stride: 1),
        ], head: 1984)
}
