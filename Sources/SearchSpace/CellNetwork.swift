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

    /// Every block of the network of an architecture, which is valid.
    func blocks(
        of space: SearchSpace, _ architecture: [Int32], input: ImageShape, classes: Int
    ) throws(FPNASError) -> [NetworkBlock] {
        var builder = CellBuilder(input)
        switch self {
        case .nasBench201(let channels, let cells):
            builder.nasBench201(architecture.map(Int.init), channels: channels, cells: cells)
        case .darts(let channels, let cells):
            builder.darts(architecture.map(Int.init), channels: channels, cells: cells)
        }
        builder.classifier(classes)
        return builder.blocks
    }
}

/// Strings blocks together.
private struct CellBuilder {
    private(set) var blocks: [NetworkBlock] = []
    private let input: ImageShape
    /// Counts the blocks of each layer, so that each has a position of its own.
    private var positions: [Int: Int] = [:]

    init(_ input: ImageShape) { self.input = input }

    func shape(_ index: Int) -> ImageShape { index < 0 ? input : blocks[index].outShape }

    /// `position` names a place whose blocks share weights; by default the next of the layer.
    mutating func add(
        _ kind: NetworkBlock.Kind, layer: Int = -1, position: Int? = nil, from inputs: [Int],
        _ set: (inout NetworkBlock) -> Void = { _ in }
    ) -> Int {
        let next = positions[layer, default: 0]
        if position == nil { positions[layer] = next + 1 }
        var block = NetworkBlock(
            kind, layer: layer, position: position ?? next, inputs: inputs,
            shape(inputs.first ?? -1))
        block.activation = .none
        switch kind {
        case .sum, .concatenation, .zero, .identity, .pool: block.hasNormalisation = false
        default: break
        }
        set(&block)
        blocks.append(block)
        return blocks.count - 1
    }

    mutating func convolution(
        _ kind: NetworkBlock.Kind, layer: Int = -1, _ x: Int, kernel: Int, stride: Int = 1,
        channels: Int, norm: Bool = true
    ) -> Int {
        add(kind, layer: layer, from: [x]) { b in
            b.kernel = kernel
            b.stride = stride
            b.padding = kernel / 2
            b.outChannels = channels
            b.hasNormalisation = norm
            b.halve(by: stride)
        }
    }

    mutating func classifier(_ classes: Int) {
        _ = add(.classifier, from: [blocks.count - 1]) { b in
            b.outChannels = classes
            b.outHeight = 1
            b.outWidth = 1
            b.hasBias = true
            b.hasNormalisation = false
        }
    }

    // MARK: - NAS-Bench-201

    mutating func nasBench201(_ edges: [Int], channels: Int, cells: Int) {
        var x = convolution(.convolution, -1, kernel: 3, channels: channels)
        for stage in 0..<3 {
            if stage > 0 {
                x = residual(x, channels: channels << stage)
            }
            for _ in 0..<cells {
                var nodes = [x]
                for target in 1...3 {
                    var terms: [Int] = []
                    for source in 0..<target {
                        let layer = target * (target - 1) / 2 + source
                        terms.append(edge(edges[layer], layer, nodes[source]))
                    }
                    nodes.append(target == 1 ? terms[0] : add(.sum, from: terms))
                }
                x = nodes[3]
            }
        }
        // The last normalisation and activation, in front of the pool.
        _ = add(.sum, from: [x]) { b in
            b.activation = .relu
            b.hasNormalisation = true
        }
    }

    /// Two 3×3 convolutions, and beside them an average pool and a 1×1 convolution.
    private mutating func residual(_ x: Int, channels: Int) -> Int {
        var y = convolution(.reluConvolution, x, kernel: 3, stride: 2, channels: channels)
        y = convolution(.reluConvolution, y, kernel: 3, channels: channels)
        let pooled = add(.pool, from: [x]) { b in
            b.kernel = 2
            b.stride = 2
            b.halve(by: 2)
        }
        let shortcut = convolution(
            .convolution, pooled, kernel: 1, channels: channels, norm: false)
        return add(.sum, from: [y, shortcut])
    }

    private mutating func edge(_ operation: Int, _ layer: Int, _ x: Int) -> Int {
        switch operation {
        case 0: return add(.zero, layer: layer, from: [x])
        case 1: return add(.identity, layer: layer, from: [x])
        case 2, 3:
            return convolution(
                .reluConvolution, layer: layer, x, kernel: operation == 2 ? 1 : 3,
                channels: shape(x).channels)
        default: return pool(.average, layer, nil, x, stride: 1)
        }
    }

    private mutating func pool(
        _ kind: PoolKind, _ layer: Int, _ position: Int?, _ x: Int, stride: Int
    ) -> Int {
        add(.pool, layer: layer, position: position, from: [x]) { b in
            b.poolKind = kind
            b.kernel = 3
            b.stride = stride
            b.padding = 1
            b.halve(by: stride)
        }
    }

    // MARK: - DARTS

    mutating func darts(_ choices: [Int], channels: Int, cells: Int) {
        var width = channels
        let stem = convolution(.convolution, -1, kernel: 3, channels: 3 * channels)
        var previous = stem
        var last = stem
        var previousIsReduced = false
        for cell in 0..<cells {
            let reduces = cells >= 3 && (cell == cells / 3 || cell == 2 * cells / 3)
            if reduces { width *= 2 }
            // Inputs of other sizes and widths are brought to the cell's.
            var nodes = [
                previousIsReduced
                    ? add(.factorisedReduction, from: [previous]) { b in
                        b.outChannels = width
                        b.stride = 2
                        b.halve(by: 2)
                    }
                    : convolution(.reluConvolution, previous, kernel: 1, channels: width),
                convolution(.reluConvolution, last, kernel: 1, channels: width),
            ]
            for node in 0..<CellNetwork.dartsNodes {
                let layer = (reduces ? CellNetwork.dartsNodes : 0) + node
                let pair = CellNetwork.pairs(node)[choices[3 * layer]]
                let terms = [(pair.0, choices[3 * layer + 1]), (pair.1, choices[3 * layer + 2])]
                    .map { source, operation in
                        // Every pair of nodes has weights of its own, as in a DARTS supernet.
                        dartsEdge(
                            operation, layer, 8 * cell + source, nodes[source],
                            stride: reduces && source < 2 ? 2 : 1)
                    }
                nodes.append(add(.sum, from: terms))
            }
            previous = last
            previousIsReduced = reduces
            last = add(.concatenation, from: Array(nodes.suffix(CellNetwork.dartsNodes))) { b in
                b.outChannels = CellNetwork.dartsNodes * width
            }
        }
    }

    private mutating func dartsEdge(
        _ operation: Int, _ layer: Int, _ position: Int, _ x: Int, stride: Int
    ) -> Int {
        switch operation {
        case 0, 1:
            return pool(
                operation == 0 ? .maximum : .average, layer, position, x, stride: stride)
        case 2:
            guard stride == 2 else {
                return add(.identity, layer: layer, position: position, from: [x])
            }
            return add(.factorisedReduction, layer: layer, position: position, from: [x]) { b in
                b.stride = 2
                b.halve(by: 2)
            }
        default:
            let dilated = operation >= 5
            let kernel = operation % 2 == 1 ? 3 : 5
            return add(
                dilated ? .dilated : .separable, layer: layer, position: position, from: [x]
            ) { b in
                b.kernel = kernel
                b.stride = stride
                b.dilation = dilated ? 2 : 1
                b.padding = (kernel / 2) * b.dilation
                b.halve(by: stride)
            }
        }
    }
}

extension NetworkBlock {
    /// Output rows and columns ⌈n / stride⌉.
    fileprivate mutating func halve(by stride: Int) {
        outHeight = (inHeight + stride - 1) / stride
        outWidth = (inWidth + stride - 1) / stride
    }
}
