extension CellNetwork {
    /// What each layer chooses from, as products of choices: (variable of the layer, choice).
    ///
    /// An operation of an edge is one choice. In a DARTS cell an operation on an input takes two:
    /// a pair of inputs that holds it, and the operation on the pair's first or second.
    func options(ofLayer layer: Int) -> [[(variable: Int, choice: Int)]] {
        switch self {
        case .nasBench201:
            return CellNetwork.nasBench201Operations.indices.map { [(0, $0)] }
        case .darts:
            return CellNetwork.pairs(layer % CellNetwork.dartsNodes).indices.flatMap { pair in
                (1...2).flatMap { place in
                    CellNetwork.dartsOperations.indices.map { [(0, pair), (place, $0)] }
                }
            }
        }
    }

    /// The places among these at which an operation is on an input of a node.
    static func dartsOptions(_ node: Int, _ source: Int, _ operation: Int) -> [Int] {
        pairs(node).enumerated().flatMap { index, pair -> [Int] in
            [pair.0, pair.1].enumerated().compactMap { place, input in
                input == source ? (2 * index + place) * dartsOperations.count + operation : nil
            }
        }
    }
}

// A node of a cell is the sum over its inputs x_i and the operations o on them of o(x_i) times the
// probability that the cell has this operation on this input: the expectation of the node, given
// its inputs, when every variable is drawn by its coefficients. On an edge that chooses one of its
// operations that is DARTS's mixed operation; where the inputs are chosen too, the probability is
// the sum over the pairs that hold the input. [Liu et al. 2019, eq. 2]
extension MixedNetwork {
    mutating func addCells(_ cells: CellNetwork, _ space: SearchSpace) {
        for index in space.layers.indices {
            let start = space.variables(of: index).lowerBound
            var layer = MixedLayer(widthsIn: 1)
            layer.options = cells.options(ofLayer: index).map { option in
                option.map { space.factorisedOffsets[start + $0.variable] + $0.choice }
            }
            layer.out = layer.options.map { _ in 0 }
            layers.append(layer)
        }
        let (built, mixtures) = cells.build(nil, input: input, classes: classes)
        blocks = built
        candidateCount = built.count { !$0.isJoin }
        operators = Network(input: input, classes: classes, blocks: built).operators
        var next = mixtures[...]
        for (i, op) in operators.enumerated() {
            guard let mixture = next.first, mixture.block == op.block else { continue }
            next = next.dropFirst()
            let channels = op.outShape.channels
            let first = rows.count
            for term in mixture.terms {
                addRow(
                    term.layer, term.options.map { ($0, channels) }, channels: channels,
                    isShare: false)
            }
            operators[i] = NetworkOperator(
                mixing: op.inputs.map { ($0, channels) }, to: op.outShape, block: op.block,
                row: first)
        }
    }
}

extension NetworkBlock {
    /// Whether it computes nothing but sums.
    fileprivate var isJoin: Bool {
        switch kind {
        case .sum, .concatenation, .identity, .zero: return true
        default: return false
        }
    }
}
