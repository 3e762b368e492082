/// A candidate of a node: an operation on one of its inputs.
struct CellTerm {
    let block: Int
    /// The layer that chooses it.
    let layer: Int
    /// Its place among what the layer chooses from (`CellNetwork.options`), which is the sum of
    /// these.
    let options: [Int]
}

/// A node that mixes candidates, in the order of its inputs.
struct CellMixture {
    let block: Int
    let terms: [CellTerm]
}

/// Strings blocks together: of one architecture, or of all at once.
struct CellBuilder {
    private(set) var blocks: [NetworkBlock] = []
    private(set) var mixtures: [CellMixture] = []
    private let input: ImageShape
    /// Of one architecture its choices.
    private let choices: [Int]?
    /// Counts the blocks of each layer, so that each has a position of its own.
    private var positions: [Int: Int] = [:]

    init(_ input: ImageShape, _ choices: [Int]?) {
        self.input = input
        self.choices = choices
    }

    func shape(_ index: Int) -> ImageShape { index < 0 ? input : blocks[index].outShape }

    /// `position` names a place whose blocks share weights; by default the next of the layer.
    private mutating func add(
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

    private mutating func convolution(
        _ kind: NetworkBlock.Kind, layer: Int = -1, position: Int? = nil, _ x: Int, kernel: Int,
        stride: Int = 1, channels: Int, norm: Bool = true
    ) -> Int {
        add(kind, layer: layer, position: position, from: [x]) { b in
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

    /// A node that mixes its terms.
    private mutating func mix(_ terms: [CellTerm], position: Int? = nil) -> Int {
        let node = add(.sum, position: position, from: terms.map(\.block))
        mixtures.append(CellMixture(block: node, terms: terms))
        return node
    }

    // MARK: - NAS-Bench-201

    mutating func nasBench201(channels: Int, cells: Int) {
        var x = convolution(.convolution, -1, kernel: 3, channels: channels)
        for stage in 0..<3 {
            if stage > 0 {
                x = residual(x, channels: channels << stage)
            }
            for cell in 0..<cells {
                var nodes = [x]
                for target in 1...3 {
                    nodes.append(node(target, nodes, position: stage * cells + cell))
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

    private mutating func node(_ target: Int, _ nodes: [Int], position: Int) -> Int {
        let first = target * (target - 1) / 2
        guard let choices else {
            var terms: [CellTerm] = []
            for source in 0..<target {
                // The first operation is zero: a term that is not there.
                for operation in 1..<CellNetwork.nasBench201Operations.count {
                    terms.append(
                        CellTerm(
                            block: edge(operation, first + source, position, nodes[source]),
                            layer: first + source, options: [operation]))
                }
            }
            // A node of one edge is no sum in a network.
            return mix(terms, position: target == 1 ? 0 : nil)
        }
        var terms: [Int] = []
        for source in 0..<target {
            let layer = first + source
            terms.append(edge(choices[layer], layer, position, nodes[source]))
        }
        return target == 1 ? terms[0] : add(.sum, from: terms)
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

    private mutating func edge(
        _ operation: Int, _ layer: Int, _ position: Int, _ x: Int
    ) -> Int {
        switch operation {
        case 0: return add(.zero, layer: layer, position: position, from: [x])
        case 1: return add(.identity, layer: layer, position: position, from: [x])
        case 2, 3:
            return convolution(
                .reluConvolution, layer: layer, position: position, x,
                kernel: operation == 2 ? 1 : 3, channels: shape(x).channels)
        default: return pool(.average, layer, position, x, stride: 1)
        }
    }

    private mutating func pool(
        _ kind: PoolKind, _ layer: Int, _ position: Int, _ x: Int, stride: Int
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

    mutating func darts(channels: Int, cells: Int) {
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
                nodes.append(dartsNode(node, nodes, cell, reduces: reduces))
            }
            previous = last
            previousIsReduced = reduces
            last = add(.concatenation, from: Array(nodes.suffix(CellNetwork.dartsNodes))) { b in
                b.outChannels = CellNetwork.dartsNodes * width
            }
        }
    }

    private mutating func dartsNode(
        _ node: Int, _ nodes: [Int], _ cell: Int, reduces: Bool
    ) -> Int {
        let layer = (reduces ? CellNetwork.dartsNodes : 0) + node
        let pairs = CellNetwork.pairs(node)
        // Every pair of nodes has weights of its own, as in a DARTS supernet.
        func edge(_ operation: Int, _ source: Int) -> Int {
            dartsEdge(
                operation, layer, 8 * cell + source, nodes[source],
                stride: reduces && source < 2 ? 2 : 1)
        }
        guard let choices else {
            var terms: [CellTerm] = []
            for source in nodes.indices {
                for operation in CellNetwork.dartsOperations.indices {
                    terms.append(
                        CellTerm(
                            block: edge(operation, source), layer: layer,
                            options: CellNetwork.dartsOptions(node, source, operation)))
                }
            }
            return mix(terms)
        }
        let pair = pairs[choices[3 * layer]]
        let terms = [
            edge(choices[3 * layer + 1], pair.0), edge(choices[3 * layer + 2], pair.1),
        ]
        return add(.sum, from: terms)
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
