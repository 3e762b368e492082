import Support

/// A network made of copies of searched cells: its layers choose what is in a cell, the rest is
/// fixed.
public enum CellNetwork: Hashable, Sendable {
    /// Three stages of `cells` cells at `channels`, 2·`channels` and 4·`channels`, with a residual
    /// block between them. Six layers of one variable, the edges 0→1, 0→2, 1→2, 0→3, 1→3, 2→3;
    /// all cells are alike. [Dong & Yang 2020]
    case nasBench201(channels: Int, cells: Int)
    /// `cells` cells, of which those at 1/3 and 2/3 halve the image and double the width. Eight
    /// layers, the intermediate nodes of the normal and of the reduction cell; each has a variable
    /// for its pair of inputs and two for the operations on them. [Liu et al. 2019]
    case darts(channels: Int, cells: Int)

    static let nasBench201Operations = [
        "none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3",
    ]
    static let dartsOperations = [
        "max_pool_3x3", "avg_pool_3x3", "skip_connect", "sep_conv_3x3", "sep_conv_5x5",
        "dil_conv_3x3", "dil_conv_5x5",
    ]
    static let dartsNodes = 4

    public var name: String {
        switch self {
        case .nasBench201: return "nas-bench-201"
        case .darts: return "darts"
        }
    }

    public var channels: Int {
        switch self {
        case .nasBench201(let channels, _), .darts(let channels, _): return channels
        }
    }

    public var cells: Int {
        switch self {
        case .nasBench201(_, let cells), .darts(_, let cells): return cells
        }
    }

    /// The cell network of that name, or an error that lists them all.
    public static func named(
        _ name: String, channels: Int, cells: Int
    ) throws(FPNASError) -> CellNetwork {
        switch name {
        case "nas-bench-201": return .nasBench201(channels: channels, cells: cells)
        case "darts": return .darts(channels: channels, cells: cells)
        default:
            throw .invalid(
                "there is no cell network '\(name)'; there are: \(names.joined(separator: ", "))")
        }
    }

    public static let names = ["nas-bench-201", "darts"]

    /// The layers that choose the cells.
    public var layers: [Layer] {
        switch self {
        case .nasBench201:
            return (1...3).flatMap { target in
                (0..<target).map { source in
                    Layer(
                        "edge\(source)\(target)",
                        [
                            Variable(
                                "op", CellNetwork.nasBench201Operations.map(Choice.text))
                        ])
                }
            }
        case .darts:
            return ["normal", "reduce"].flatMap { cell in
                (0..<CellNetwork.dartsNodes).map { node in
                    let pairs = CellNetwork.pairs(node)
                    let operations = CellNetwork.dartsOperations.map(Choice.text)
                    return Layer(
                        "\(cell)\(node)",
                        [
                            Variable("inputs", pairs.map { .text("\($0.0),\($0.1)") }),
                            Variable("first", operations), Variable("second", operations),
                        ])
                }
            }
        }
    }

    /// Pairs of inputs of an intermediate node: the outputs of the two cells before, 0 and 1, and
    /// the nodes before.
    static func pairs(_ node: Int) -> [(Int, Int)] {
        (1..<(node + 2)).flatMap { second in (0..<second).map { ($0, second) } }
    }

    func check() throws(FPNASError) {
        guard (1...4096).contains(channels), (1...256).contains(cells) else {
            throw .invalid(
                "a cell network must have 1 to 4096 channels and 1 to 256 cells, got \(channels) "
                    + "and \(cells)")
        }
    }

    /// Every block of the network of an architecture, which is valid; without one, all that any
    /// has, side by side, and the nodes that mix them.
    func build(
        _ architecture: [Int32]?, input: ImageShape, classes: Int
    ) -> (blocks: [NetworkBlock], mixtures: [CellMixture]) {
        var builder = CellBuilder(input, architecture?.map(Int.init))
        switch self {
        case .nasBench201(let channels, let cells):
            builder.nasBench201(channels: channels, cells: cells)
        case .darts(let channels, let cells):
            builder.darts(channels: channels, cells: cells)
        }
        builder.classifier(classes)
        return (builder.blocks, builder.mixtures)
    }
}
