import Support

/// One built block of a concrete network, with every width and size worked out.
public struct NetworkBlock: Hashable, Sendable {
    public enum Kind: String, Hashable, Sendable {
        /// k×k convolution, batch normalisation, activation.
        case convolution = "conv"
        /// (1×1 expand, BN, activation), k×k depthwise, BN, activation, (SE), 1×1 project, BN.
        case mbconv
        case fusedMBConv = "fused_mbconv"
        case basic
        case bottleneck
        /// Kernel 0 where shapes match: nothing at all.
        case identity
        /// Kernel 0 where they do not: a strided 1×1 convolution and BN, linear.
        case projection
        /// Kernel 0 where they do not and the shortcut is "leading": the channels both have.
        case leading
        case pool
        case pooledHead = "pooled_head"
        case linear
        /// Global average pool, then a fully connected layer with bias.
        case classifier

        // MARK: Of cells

        /// relu, k×k convolution, BN. [NAS-Bench-201]
        case reluConvolution = "relu_conv"
        /// relu, depthwise, 1×1, BN; twice. [DARTS]
        case separable
        /// relu, dilated depthwise, 1×1, BN. [DARTS]
        case dilated
        /// relu, two strided 1×1 convolutions that see the even and the odd pixels, BN. [DARTS]
        case factorisedReduction = "factorised_reduction"
        case sum
        case concatenation = "concat"
        /// All zeros; a sum's term that has no weight.
        case zero
    }

    public internal(set) var kind: Kind
    /// Index of the space's layer, −1 for what a cell network's layers do not choose.
    public let layer: Int
    /// Index of the block in its group.
    public let position: Int
    /// Indices of the blocks whose outputs it takes; −1 is the image.
    public internal(set) var inputs: [Int]
    public internal(set) var kernel = 1
    public internal(set) var stride = 1
    public internal(set) var padding = 0
    public internal(set) var dilation = 1
    public internal(set) var activation = Activation.relu
    public internal(set) var inChannels: Int
    /// Width between an MBConv's expansion and projection, or inside of a bottleneck.
    public internal(set) var hiddenChannels: Int
    public internal(set) var hasExpansion = false
    public internal(set) var outChannels: Int
    /// Radix of the attention: 0 none, 1 squeeze-and-excitation, r ≥ 2 Split-Attention.
    public internal(set) var radix = 0
    /// Width of the squeeze layer; 0 without attention.
    public internal(set) var squeezeChannels = 0
    public internal(set) var gate = Gate.sigmoid
    public internal(set) var inHeight: Int
    public internal(set) var inWidth: Int
    public internal(set) var outHeight: Int
    public internal(set) var outWidth: Int
    /// Groups of the k×k convolution.
    public internal(set) var groups = 1
    /// Groups of an MBConv's 1×1 convolutions.
    public internal(set) var pointwiseGroups = 1
    public internal(set) var hasNormalisation = true
    public internal(set) var hasBias = false
    public internal(set) var poolKind = PoolKind.average
    /// What is added to the result.
    public internal(set) var shortcut = ShortcutKind.none

    public enum ShortcutKind: String, Hashable, Sendable {
        case none, identity
        /// Strided 1×1 convolution and normalisation.
        case convolution
        /// Average pool over the stride, 1×1 convolution.
        case pool
        /// The channels that input and output have, of the pixels the stride meets.
        case leading
    }

    /// Whether the input itself is added to the output.
    public var hasResidual: Bool { shortcut == .identity }
    /// Whether all of the image is averaged before anything else; a classifier always does, be it
    /// of one pixel.
    public var poolsInput: Bool {
        kind == .classifier || (kind == .linear && (inHeight > 1 || inWidth > 1))
    }

    public var inShape: ImageShape {
        ImageShape(height: inHeight, width: inWidth, channels: inChannels)
    }
    public var outShape: ImageShape {
        ImageShape(height: outHeight, width: outWidth, channels: outChannels)
    }

    /// A block of a cell or between cells, to be filled in.
    init(_ kind: Kind, layer: Int, position: Int, inputs: [Int], _ shape: ImageShape) {
        self.kind = kind
        self.layer = layer
        self.position = position
        self.inputs = inputs
        inChannels = shape.channels
        hiddenChannels = shape.channels
        outChannels = shape.channels
        inHeight = shape.height
        inWidth = shape.width
        outHeight = shape.height
        outWidth = shape.width
    }
}

extension NetworkBlock {
    /// What an operation with these settings builds on an input; errors name the layer.
    init(
        _ settings: BlockSettings, layer: Int, named name: String, position: Int, input: Int,
        stride: Int, classes: Int, _ shape: ImageShape
    ) throws(FPNASError) {
        self.init(.convolution, layer: layer, position: position, inputs: [input], shape)
        self.stride = stride
        activation = settings.activation
        outChannels = settings.channels
        hasNormalisation = settings.hasNormalisation
        kernel = settings.kernel
        let matches = stride == 1 && inChannels == settings.channels
        switch settings.operation {
        case .classifier, .linear:
            kind = settings.operation == .linear ? .linear : .classifier
            if kind == .classifier { outChannels = classes }
            kernel = 1
            activation = kind == .linear ? settings.activation : .none
            hasNormalisation = false
            hasBias = settings.bias ?? true
            outHeight = 1
            outWidth = 1
        case .skip:
            setSkip(matches, elsewhere: .projection)
        case .convolution:
            hasBias = settings.bias ?? !settings.hasNormalisation
            groups = settings.groups
            try divide(inChannels, outChannels, by: groups, name)
            try setSize(settings, name)
        case .mbconv:
            if settings.kernel == 0 {
                setSkip(
                    matches, elsewhere: settings.shortcut == .leading ? .leading : .projection)
            } else {
                try setMBConv(settings, matches, name)
            }
        case .fusedMBConv: try setMBConv(settings, matches, name)
        case .basic, .bottleneck: try setResidual(settings, matches, name)
        case .pool:
            kind = .pool
            poolKind = settings.pool
            outChannels = inChannels
            hasNormalisation = false
            activation = .none
            if kernel == 0 {
                self.stride = 1
                outHeight = 1
                outWidth = 1
            } else {
                try setSize(settings, name)
            }
        case .resolution: try setResolution(settings.factor, name)
        case .pooledHead:
            kind = .pooledHead
            kernel = 1
            hiddenChannels = settings.widthRounding.round(Double(inChannels) * settings.expansion)
            hasExpansion = hiddenChannels != inChannels || settings.expandsAlways
            hasBias = settings.bias ?? false
            outHeight = 1
            outWidth = 1
        }
    }

    private mutating func setSkip(_ matches: Bool, elsewhere: Kind) {
        kind = matches ? .identity : elsewhere
        kernel = 1
        activation = .none
        outHeight = (inHeight - 1) / stride + 1
        outWidth = (inWidth - 1) / stride + 1
    }

    private mutating func setResolution(_ factor: Int, _ name: String) throws(FPNASError) {
        kind = factor == 1 ? .identity : .pool
        outChannels = inChannels
        activation = .none
        hasNormalisation = kind == .identity
        kernel = factor
        stride = factor
        guard inHeight >= factor, inWidth >= factor else {
            throw .invalid(
                "layer '\(name)': images of \(inHeight) x \(inWidth) cannot shrink \(factor) times")
        }
        outHeight = inHeight / factor
        outWidth = inWidth / factor
    }

    private mutating func setMBConv(
        _ settings: BlockSettings, _ matches: Bool, _ name: String
    ) throws(FPNASError) {
        kind = settings.operation == .mbconv ? .mbconv : .fusedMBConv
        // In range: widths are at most 2^16 and expansions at most 64.
        hiddenChannels = settings.widthRounding.round(Double(inChannels) * settings.expansion)
        hasExpansion = hiddenChannels != inChannels || settings.expandsAlways
        radix = settings.radix
        if kind == .mbconv {
            try divide(hiddenChannels, hiddenChannels, by: settings.groupWidth, name)
            groups = hiddenChannels / settings.groupWidth
            pointwiseGroups = settings.groups
            try divide(hiddenChannels, outChannels, by: pointwiseGroups, name)
            if hasExpansion { try divide(inChannels, hiddenChannels, by: pointwiseGroups, name) }
        }
        setSqueeze(settings, of: hiddenChannels, expansion: settings.expansion)
        try setSize(settings, name)
        setShortcut(settings, matches, elsewhere: .none)
    }

    private mutating func setResidual(
        _ settings: BlockSettings, _ matches: Bool, _ name: String
    ) throws(FPNASError) {
        kind = settings.operation == .basic ? .basic : .bottleneck
        groups = settings.groups
        hiddenChannels = outChannels
        if kind == .bottleneck {
            hiddenChannels = settings.widthRounding.round(Double(outChannels) * settings.expansion)
        }
        try divide(hiddenChannels, hiddenChannels, by: groups, name)
        if kind == .basic { try divide(inChannels, outChannels, by: groups, name) }
        radix = settings.radix
        setSqueeze(
            settings, of: hiddenChannels,
            expansion: Double(hiddenChannels) / Double(max(1, inChannels)))
        try setSize(settings, name)
        setShortcut(settings, matches, elsewhere: .convolution)
    }

    private mutating func setSqueeze(_ settings: BlockSettings, of width: Int, expansion: Double) {
        guard radix > 0 else { return }
        gate = settings.gate
        guard radix == 1 else {
            // ResNeSt's rule; FP-NAS does not publish its own.
            squeezeChannels = max(width * radix / 4, 32)
            return
        }
        var base = Double(width) * settings.squeezeRatio
        if settings.squeezesInput { base /= expansion }
        if case .multiple = settings.squeezeRounding { base.round(.down) }
        squeezeChannels = settings.squeezeRounding.round(base)
    }

    private mutating func setShortcut(
        _ settings: BlockSettings, _ matches: Bool, elsewhere: ShortcutKind
    ) {
        if matches && outHeight == inHeight && outWidth == inWidth {
            shortcut = settings.shortcut == .none ? .none : .identity
            return
        }
        switch settings.shortcut {
        case .auto: shortcut = elsewhere
        case .none: shortcut = .none
        case .convolution: shortcut = .convolution
        case .pool: shortcut = .pool
        case .leading:
            // A padding may give more or fewer pixels than the stride meets.
            let meets =
                outHeight == (inHeight - 1) / stride + 1 && outWidth == (inWidth - 1) / stride + 1
            shortcut = meets ? .leading : elsewhere
        }
    }

    /// Output rows and columns of the k×k convolution or pool: ⌊(n + 2p − k) / stride⌋ + 1.
    private mutating func setSize(_ settings: BlockSettings, _ name: String) throws(FPNASError) {
        padding = settings.padding ?? (kernel - 1) / 2
        let height = inHeight + 2 * padding - kernel
        let width = inWidth + 2 * padding - kernel
        guard height >= 0, width >= 0 else {
            throw .invalid(
                "layer '\(name)': kernel \(kernel) with padding \(padding) does not fit into "
                    + "\(inHeight) x \(inWidth)")
        }
        outHeight = height / stride + 1
        outWidth = width / stride + 1
    }

    private func divide(
        _ a: Int, _ b: Int, by groups: Int, _ name: String
    ) throws(FPNASError) {
        guard a % groups == 0, b % groups == 0 else {
            throw .invalid(
                "layer '\(name)': \(groups) groups do not divide the widths \(a) and \(b)")
        }
    }
}
