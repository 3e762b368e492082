/// A primitive step of a network, as costs, hashes and trainers see it.
public struct NetworkOperator: Hashable, Sendable {
    public enum Kind: Hashable, Sendable {
        /// k×k with so many groups; its input is shifted by `−padding` rows and columns.
        case convolution(kernel: Int, stride: Int, padding: Int, dilation: Int, groups: Int)
        /// A fully connected layer on a 1×1 input.
        case linear
        case pool(PoolKind, kernel: Int, stride: Int, padding: Int)
        case globalPool
        /// Pool, linear to `width`, relu, linear back, gate, and the product with the input.
        case squeezeExcite(width: Int, Gate)
        /// Of r inputs: sum, pool, linear to `width`, relu, r linears, softmax over the r, and the
        /// sum of the inputs times theirs. [ResNeSt; FP-NAS §4.1]
        case splitAttention(width: Int)
        case sum
        /// The leading channels that input and result have, of every so many rows and columns;
        /// zeros in further channels of the result.
        case leading(stride: Int)
        case concatenation
        case zero
        /// Σ r·x over the inputs with a row of run-time factors r for each, one a channel: of a
        /// `MixedNetwork` only. Inputs may be narrower or wider than the result, which takes their
        /// leading channels.
        case mixture
    }

    /// What the operator is for in its block: with layer, position and variant it names the
    /// weights that networks share.
    public enum Role: UInt8, Hashable, Sendable {
        case main, expand, inner, attention, project, shortcut, pool, join
    }

    public let kind: Kind
    public let role: Role
    /// Tells apart operators of one role in a block.
    public let variant: Int
    /// Index of the block it belongs to.
    public let block: Int
    /// Operators whose results it takes, by index in the network; −1 is the image.
    public let inputs: [Int]
    public let inShape: ImageShape
    public let outShape: ImageShape
    /// Applied to the input before anything else.
    public let inputActivation: Activation
    public let hasBias: Bool
    /// Batch normalisation behind it, and after that the activation.
    public let hasNormalisation: Bool
    public let activation: Activation
    /// The first of its rows in a `MixedNetwork`: one an input of a mixture, one for the squeezed
    /// values of an attention; −1 without.
    public internal(set) var row = -1
    /// Of a mixture, how far apart the pixels of every input lie in its result, with zeros between
    /// them; empty where all are 1.
    public internal(set) var spacings: [Int] = []
}

extension NetworkOperator {
    /// A global pool of an operator's result.
    public init(pooling shape: ImageShape, from source: Int, role: Role, block: Int) {
        self.init(
            kind: .globalPool, role: role, variant: 0, block: block, inputs: [source],
            inShape: shape, outShape: ImageShape(height: 1, width: 1, channels: shape.channels),
            inputActivation: .none, hasBias: false, hasNormalisation: false, activation: .none)
    }

    /// Every `spacing`-th row and column of an operator's result.
    init(subsampling shape: ImageShape, by spacing: Int, from source: Int, block: Int) {
        self.init(
            kind: .pool(.average, kernel: 1, stride: spacing, padding: 0), role: .pool, variant: 0,
            block: block, inputs: [source], inShape: shape, outShape: shape.spaced(spacing),
            inputActivation: .none, hasBias: false, hasNormalisation: false, activation: .none)
    }

    /// A mixture of operators' results of so many channels each.
    init(
        mixing inputs: [(source: Int, channels: Int)], spacings: [Int] = [], to shape: ImageShape,
        block: Int, row: Int
    ) {
        kind = .mixture
        role = .join
        variant = 0
        self.block = block
        self.inputs = inputs.map(\.source)
        inShape = shape.with(inputs.map(\.channels).max() ?? shape.channels)
        outShape = shape
        inputActivation = .none
        hasBias = false
        hasNormalisation = false
        activation = .none
        self.row = row
        if spacings.contains(where: { $0 != 1 }) { self.spacings = spacings }
    }

    /// The same operator behind others.
    public func taking(_ inputs: [Int]) -> NetworkOperator {
        taking(inputs, block: block, row: row)
    }

    /// The same in another block.
    func taking(_ inputs: [Int], block: Int, row: Int) -> NetworkOperator {
        var op = NetworkOperator(
            kind: kind, role: role, variant: variant, block: block, inputs: inputs,
            inShape: inShape, outShape: outShape, inputActivation: inputActivation,
            hasBias: hasBias, hasNormalisation: hasNormalisation, activation: activation)
        op.row = row
        op.spacings = spacings
        return op
    }
}

extension Network {
    /// The blocks taken apart, each operator after its inputs. O(number of blocks).
    ///
    /// A block that does nothing has no operator; the last one gives the logits.
    public var operators: [NetworkOperator] {
        var lowering = Lowering(input: input)
        for (index, block) in blocks.enumerated() { lowering.add(block, index) }
        return lowering.operators
    }
}

extension NetworkBlock {
    /// The block's operators alone; inputs below 0 are the block's, −1 the first.
    public var operators: [NetworkOperator] {
        var lowering = Lowering(input: inShape)
        var alone = self
        alone.inputs = inputs.map { _ in -1 }
        lowering.add(alone, 0)
        return lowering.operators
    }
}

/// Takes blocks apart.
private struct Lowering {
    var operators: [NetworkOperator] = []
    private let input: ImageShape
    /// The operator that makes each block's output.
    private var outputs: [Int] = []

    init(input: ImageShape) { self.input = input }

    private func shape(of index: Int) -> ImageShape {
        index < 0 ? input : operators[index].outShape
    }

    private mutating func append(
        _ kind: NetworkOperator.Kind, _ role: NetworkOperator.Role, _ block: Int, variant: Int = 0,
        from inputs: [Int], to outShape: ImageShape, before inputActivation: Activation = .none,
        bias: Bool = false, norm: Bool = false, _ activation: Activation = .none
    ) -> Int {
        operators.append(
            NetworkOperator(
                kind: kind, role: role, variant: variant, block: block, inputs: inputs,
                inShape: inputs.first.map(shape) ?? outShape, outShape: outShape,
                inputActivation: inputActivation, hasBias: bias, hasNormalisation: norm,
                activation: activation))
        return operators.count - 1
    }

    mutating func add(_ b: NetworkBlock, _ index: Int) {
        let inputs = b.inputs.map { $0 < 0 ? -1 : outputs[$0] }
        outputs.append(lower(b, index, inputs))
    }

    private mutating func lower(_ b: NetworkBlock, _ index: Int, _ inputs: [Int]) -> Int {
        let x = inputs.first ?? -1
        switch b.kind {
        case .identity: return x
        case .convolution:
            return append(
                b.convolution(groups: b.groups), .main, index, variant: b.kernel, from: [x],
                to: b.outShape, bias: b.hasBias, norm: b.hasNormalisation, b.activation)
        case .projection:
            return append(
                b.pointwise(stride: b.stride), .shortcut, index, from: [x], to: b.outShape,
                norm: true)
        case .leading: return leading(b, index, x)
        case .mbconv: return lowerMBConv(b, index, x)
        case .fusedMBConv: return lowerFused(b, index, x)
        case .basic, .bottleneck: return lowerResidual(b, index, x)
        case .pool:
            let kind: NetworkOperator.Kind =
                b.kernel == 0
                ? .globalPool
                : .pool(b.poolKind, kernel: b.kernel, stride: b.stride, padding: b.padding)
            return append(kind, .pool, index, from: [x], to: b.outShape)
        case .pooledHead:
            var y = x
            if b.hasExpansion {
                y = append(
                    b.pointwise(), .expand, index, from: [y], to: b.inShape.with(b.hiddenChannels),
                    norm: true, b.activation)
            }
            y = pool(y, index)
            return append(
                .linear, .project, index, from: [y], to: b.outShape, bias: b.hasBias, b.activation)
        case .linear, .classifier:
            let y = b.poolsInput ? pool(x, index) : x
            return append(
                .linear, .main, index, from: [y], to: b.outShape, bias: b.hasBias, b.activation)
        case .reluConvolution, .separable, .dilated, .factorisedReduction:
            return lowerCell(b, index, x)
        case .sum:
            return append(
                .sum, .join, index, from: inputs, to: b.outShape, norm: b.hasNormalisation,
                b.activation)
        case .concatenation:
            return append(.concatenation, .join, index, from: inputs, to: b.outShape)
        case .zero: return append(.zero, .join, index, from: [], to: b.outShape)
        }
    }

    private mutating func pool(_ x: Int, _ index: Int) -> Int {
        let channels = shape(of: x).channels
        return append(
            .globalPool, .pool, index, from: [x],
            to: ImageShape(height: 1, width: 1, channels: channels))
    }

    private mutating func lowerMBConv(_ b: NetworkBlock, _ index: Int, _ x: Int) -> Int {
        var y = x
        if b.hasExpansion {
            y = append(
                b.pointwise(groups: b.pointwiseGroups), .expand, index, from: [y],
                to: b.inShape.with(b.hiddenChannels), norm: true, b.activation)
        }
        let inner = b.outShape.with(b.hiddenChannels)
        var splits: [Int] = []
        for split in 0..<max(1, b.radix) {
            // Weights are shared neither between kernel sizes nor between split options.
            splits.append(
                append(
                    b.convolution(groups: b.groups), .inner, index,
                    variant: (b.radix << 16) | (split << 8) | b.kernel, from: [y], to: inner,
                    norm: true, b.activation))
        }
        y = attention(b, index, splits, inner)
        y = append(
            b.pointwise(groups: b.pointwiseGroups), .project, index, from: [y], to: b.outShape,
            norm: true)
        return addShortcut(b, index, x, y, .none)
    }

    private mutating func lowerFused(_ b: NetworkBlock, _ index: Int, _ x: Int) -> Int {
        let inner = b.outShape.with(b.hasExpansion ? b.hiddenChannels : b.outChannels)
        var y = append(
            b.convolution(groups: 1), .inner, index, variant: b.kernel, from: [x], to: inner,
            norm: true, b.activation)
        if b.hasExpansion {
            y = attention(b, index, [y], inner)
            y = append(b.pointwise(), .project, index, from: [y], to: b.outShape, norm: true)
        }
        return addShortcut(b, index, x, y, .none)
    }

    private mutating func lowerResidual(_ b: NetworkBlock, _ index: Int, _ x: Int) -> Int {
        let inner = b.outShape.with(b.hiddenChannels)
        var y = x
        if b.kind == .basic {
            y = append(
                b.convolution(groups: b.groups), .expand, index, variant: b.kernel, from: [y],
                to: inner, norm: true, b.activation)
            let second = NetworkOperator.Kind.convolution(
                kernel: b.kernel, stride: 1, padding: (b.kernel - 1) / 2, dilation: 1,
                groups: b.groups)
            y = append(
                second, .project, index, variant: b.kernel, from: [y], to: b.outShape, norm: true)
        } else {
            y = append(
                b.pointwise(), .expand, index, from: [y], to: b.inShape.with(b.hiddenChannels),
                norm: true, b.activation)
            y = append(
                b.convolution(groups: b.groups), .inner, index, variant: b.kernel, from: [y],
                to: inner, norm: true, b.activation)
            y = attention(b, index, [y], inner)
            y = append(b.pointwise(), .project, index, from: [y], to: b.outShape, norm: true)
        }
        return addShortcut(b, index, x, y, b.activation)
    }

    private mutating func attention(
        _ b: NetworkBlock, _ index: Int, _ splits: [Int], _ shape: ImageShape
    ) -> Int {
        guard b.radix > 0 else { return splits[0] }
        if b.radix == 1 {
            return append(
                .squeezeExcite(width: b.squeezeChannels, b.gate), .attention, index, from: splits,
                to: shape)
        }
        return append(
            .splitAttention(width: b.squeezeChannels), .attention, index, variant: b.radix,
            from: splits, to: shape)
    }

    private mutating func addShortcut(
        _ b: NetworkBlock, _ index: Int, _ x: Int, _ y: Int, _ activation: Activation
    ) -> Int {
        var shortcut = x
        switch b.shortcut {
        case .none: return y
        case .identity: break
        case .leading: shortcut = leading(b, index, x)
        case .convolution:
            shortcut = append(
                b.pointwise(stride: b.stride), .shortcut, index, from: [x], to: b.outShape,
                norm: true)
        case .pool:
            if b.stride > 1 {
                shortcut = append(
                    .pool(.average, kernel: b.stride, stride: b.stride, padding: 0), .pool, index,
                    from: [x], to: b.outShape.with(b.inChannels))
            }
            shortcut = append(b.pointwise(), .shortcut, index, from: [shortcut], to: b.outShape)
        }
        return append(.sum, .join, index, from: [y, shortcut], to: b.outShape, activation)
    }

    private mutating func leading(_ b: NetworkBlock, _ index: Int, _ x: Int) -> Int {
        append(.leading(stride: b.stride), .shortcut, index, from: [x], to: b.outShape)
    }

    private mutating func lowerCell(_ b: NetworkBlock, _ index: Int, _ x: Int) -> Int {
        let middle = b.outShape.with(b.inChannels)
        switch b.kind {
        case .separable, .dilated:
            var y = x
            for pass in 0..<(b.kind == .separable ? 2 : 1) {
                let variant = (b.dilation << 16) | (pass << 8) | b.kernel
                let kind = NetworkOperator.Kind.convolution(
                    kernel: b.kernel, stride: pass == 0 ? b.stride : 1, padding: b.padding,
                    dilation: b.dilation, groups: b.inChannels)
                y = append(
                    kind, .inner, index, variant: variant, from: [y], to: middle,
                    before: .relu)
                y = append(
                    b.pointwise(), .project, index, variant: variant, from: [y],
                    to: pass == 0 && b.kind == .separable ? middle : b.outShape, norm: true)
            }
            return y
        case .factorisedReduction:
            // The halves see the even and the odd pixels.
            let half = b.outShape.with(b.outChannels / 2)
            let rest = b.outShape.with(b.outChannels - b.outChannels / 2)
            let even = append(
                b.pointwise(stride: 2), .main, index, from: [x], to: half, before: .relu)
            let odd = append(
                .convolution(kernel: 1, stride: 2, padding: -1, dilation: 1, groups: 1), .main,
                index, variant: 1, from: [x], to: rest, before: .relu)
            return append(
                .concatenation, .join, index, from: [even, odd], to: b.outShape, norm: true)
        default:
            return append(
                b.convolution(groups: 1), .main, index, variant: b.kernel, from: [x],
                to: b.outShape, before: .relu, norm: true)
        }
    }
}

extension NetworkBlock {
    fileprivate func convolution(groups: Int) -> NetworkOperator.Kind {
        .convolution(
            kernel: kernel, stride: stride, padding: padding, dilation: dilation, groups: groups)
    }

    fileprivate func pointwise(stride: Int = 1, groups: Int = 1) -> NetworkOperator.Kind {
        .convolution(kernel: 1, stride: stride, padding: 0, dilation: 1, groups: groups)
    }
}

extension ImageShape {
    /// Every so many rows and columns, the first among them.
    func spaced(_ spacing: Int) -> ImageShape {
        ImageShape(
            height: (height + spacing - 1) / spacing, width: (width + spacing - 1) / spacing,
            channels: channels)
    }

    /// The same rows and columns with other channels.
    func with(_ channels: Int) -> ImageShape {
        ImageShape(height: height, width: width, channels: channels)
    }
}
