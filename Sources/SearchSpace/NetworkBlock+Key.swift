import Support

/// A block's name in tables of measured costs: equal for blocks that compute the same, wherever
/// they stand.
///
///     mbconv in=56x56x32 out=28x28x48 hidden=96 kernel=5 stride=2 act=relu se=24 gate=hsigmoid
///
/// The kind, the shapes (rows x columns x channels), then the fields below that the kind knows, in
/// this order and only where they are not the default.
extension NetworkBlock {
    enum KeyField: String, CaseIterable {
        /// Number of inputs of a sum or a concatenation.
        case inputs
        /// Width inside; always written.
        case hidden
        /// 1 where there is a 1×1 expansion though the hidden width is the input's.
        case expand
        /// Always written; 0 is a global pool.
        case kernel
        case stride
        /// Default (kernel − 1) / 2.
        case padding
        case dilation
        /// Default 1, of an MBConv the hidden width.
        case groups
        /// Groups of an MBConv's 1×1 convolutions.
        case pointwise
        /// Default none.
        case activation = "act"
        /// Squeeze width of squeeze-and-excitation.
        case squeeze = "se"
        case gate
        /// Radix and squeeze width of Split-Attention: "2:64".
        case split
        case shortcut
        /// Default average.
        case pool
        case normalisation = "norm"
        case bias
    }

    /// The canonical text; `init(key:)` reads it.
    public var key: String { placeless.text }

    private var text: String {
        var text = "\(kind.rawValue) in=\(inShape.text) out=\(outShape.text)"
        for field in kind.keyFields {
            if let value = value(of: field) { text += " \(field.rawValue)=\(value)" }
        }
        return text
    }

    /// The same block at no place in particular: what blocks of one key have in common.
    public var placeless: NetworkBlock {
        var block = NetworkBlock(
            kind, layer: 0, position: 0, inputs: inputs.map { _ in -1 }, inShape)
        block.outHeight = outHeight
        block.outWidth = outWidth
        block.outChannels = outChannels
        block.activation = .none
        block.setKeyDefaults()
        for field in kind.keyFields { block.copy(field, from: self) }
        return block
    }

    /// The blocks a table has to know: a head that pools is taken apart, and what does nothing
    /// has none.
    public var parts: [NetworkBlock] {
        var last = placeless
        switch kind {
        case .identity, .zero: return []
        case .linear, .classifier, .pooledHead:
            var before: [NetworkBlock] = []
            var shape = inShape
            if kind == .pooledHead && hasExpansion {
                var expansion = NetworkBlock(
                    .convolution, layer: 0, position: 0, inputs: [-1], shape)
                expansion.outChannels = hiddenChannels
                expansion.activation = activation
                expansion.setKeyDefaults()
                before.append(expansion.placeless)
                shape = expansion.outShape
            }
            // The pool of a single pixel changes nothing.
            if (kind == .pooledHead || poolsInput) && (inHeight > 1 || inWidth > 1) {
                var pool = NetworkBlock(.pool, layer: 0, position: 0, inputs: [-1], shape)
                pool.outHeight = 1
                pool.outWidth = 1
                pool.kernel = 0
                pool.activation = .none
                before.append(pool.placeless)
                shape = pool.outShape
            }
            last = NetworkBlock(.linear, layer: 0, position: 0, inputs: [-1], shape)
            last.outChannels = outChannels
            last.activation = activation
            last.hasBias = hasBias
            return before + [last.placeless]
        default: return [last]
        }
    }

    /// The key without its widths: blocks of one family differ in nothing else.
    public var family: String { placeless.familyText }

    private var familyText: String {
        var text = "\(kind.rawValue) in=\(inHeight)x\(inWidth) out=\(outHeight)x\(outWidth)"
        for field in kind.keyFields {
            switch field {
            case .hidden: continue
            case .squeeze: if radix == 1 { text += " se" }
            case .split: if radix > 1 { text += " split=\(radix)" }
            default: if let value = value(of: field) { text += " \(field.rawValue)=\(value)" }
            }
        }
        return text
    }

    // MARK: - Fields

    private func value(of field: KeyField) -> String? {
        func unless(_ value: Int, _ standard: Int) -> String? {
            value == standard ? nil : String(value)
        }
        switch field {
        case .inputs: return String(inputs.count)
        case .hidden: return String(hiddenChannels)
        case .expand: return hasExpansion && hiddenChannels == inChannels ? "1" : nil
        case .kernel: return String(kernel)
        case .stride: return unless(stride, 1)
        case .padding: return unless(padding, kernel > 0 ? (kernel - 1) / 2 : 0)
        case .dilation: return unless(dilation, 1)
        case .groups: return unless(groups, kind == .mbconv ? hiddenChannels : 1)
        case .pointwise: return unless(pointwiseGroups, 1)
        case .activation: return activation == .none ? nil : activation.rawValue
        case .squeeze: return radix == 1 ? String(squeezeChannels) : nil
        case .gate: return radix == 1 && gate != .sigmoid ? gate.rawValue : nil
        case .split: return radix > 1 ? "\(radix):\(squeezeChannels)" : nil
        case .shortcut: return shortcut == .none ? nil : shortcut.rawValue
        // What pools everything is an average.
        case .pool: return poolKind == .average || kernel == 0 ? nil : poolKind.rawValue
        case .normalisation: return hasNormalisation ? nil : "0"
        case .bias: return hasBias ? "1" : nil
        }
    }

    /// What the fields that are not written mean; the kernel and the hidden width are known.
    private mutating func setKeyDefaults() {
        padding = kernel > 0 ? (kernel - 1) / 2 : 0
        groups = kind == .mbconv ? hiddenChannels : 1
        hasExpansion = kind.keyFields.contains(.expand) && hiddenChannels != inChannels
        if kind == .basic { hiddenChannels = outChannels }
        if !kind.keyFields.contains(.normalisation) {
            hasNormalisation = kind != .pool && kind != .linear && kind != .classifier
        }
    }

    private mutating func copy(_ field: KeyField, from other: NetworkBlock) {
        switch field {
        case .inputs: inputs = other.inputs.map { _ in -1 }
        case .hidden: hiddenChannels = other.hiddenChannels
        case .expand: hasExpansion = other.hasExpansion
        case .kernel: kernel = other.kernel
        case .stride: stride = other.stride
        case .padding: padding = other.padding
        case .dilation: dilation = other.dilation
        case .groups: groups = other.groups
        case .pointwise: pointwiseGroups = other.pointwiseGroups
        case .activation: activation = other.activation
        case .squeeze:
            // A fused block has room for attention only in front of its projection.
            radix = kind == .fusedMBConv && !other.hasExpansion ? 0 : other.radix
            squeezeChannels = radix > 0 ? other.squeezeChannels : 0
        case .gate: gate = radix == 1 ? other.gate : .sigmoid
        case .split: break
        case .shortcut: shortcut = other.shortcut
        case .pool: poolKind = other.kernel == 0 ? .average : other.poolKind
        case .normalisation: hasNormalisation = other.hasNormalisation
        case .bias: hasBias = other.hasBias
        }
    }
}

// MARK: - Reading

extension NetworkBlock {
    /// The block a key names. Errors name the key and what is wrong in it.
    public init(key: String) throws(FPNASError) {
        var words = key.split(separator: " ", omittingEmptySubsequences: false)[...]
        guard let kind = words.popFirst().flatMap({ Kind(rawValue: String($0)) }) else {
            throw .invalid("the key '\(key)' begins with no kind of block")
        }
        var values: [String: String] = [:]
        for word in words {
            let parts = word.split(
                separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, values[String(parts[0])] == nil else {
                throw .invalid("the key '\(key)' has '\(word)', or has it twice")
            }
            values[String(parts[0])] = String(parts[1])
        }
        func shape(_ name: String) throws(FPNASError) -> ImageShape {
            guard let shape = values.removeValue(forKey: name).flatMap(ImageShape.init(text:))
            else { throw .invalid("the key '\(key)' has no shape '\(name)=ROWSxCOLUMNSxCHANNELS'") }
            return shape
        }
        self.init(kind, layer: 0, position: 0, inputs: [-1], try shape("in"))
        let output = try shape("out")
        outHeight = output.height
        outWidth = output.width
        outChannels = output.channels
        activation = .none
        // What other defaults hang on comes first.
        for field in [KeyField.kernel, .hidden] where kind.keyFields.contains(field) {
            guard let text = values.removeValue(forKey: field.rawValue), set(field, text) else {
                throw .invalid("the key '\(key)' has no '\(field.rawValue)'")
            }
        }
        setKeyDefaults()
        for field in kind.keyFields {
            guard let text = values.removeValue(forKey: field.rawValue) else { continue }
            guard set(field, text) else {
                throw .invalid("the key '\(key)' has the value \(field.rawValue)=\(text)")
            }
        }
        if let unknown = values.keys.min() {
            throw .invalid("the key '\(key)' has '\(unknown)', which \(kind.rawValue) has not")
        }
        guard self.key == key else {
            throw .invalid("the key '\(key)' has to be written '\(self.key)'")
        }
    }

    /// Whether the text is a value of the field.
    private mutating func set(_ field: KeyField, _ text: String) -> Bool {
        func number(_ range: ClosedRange<Int>) -> Int? {
            Int(text).flatMap { range.contains($0) ? $0 : nil }
        }
        func assign<T>(_ value: T?, _ path: WritableKeyPath<NetworkBlock, T>) -> Bool {
            guard let value else { return false }
            self[keyPath: path] = value
            return true
        }
        let width = 1...(Block.maximumChannels << 6)
        switch field {
        case .inputs:
            return assign(number(1...4096).map { [Int](repeating: -1, count: $0) }, \.inputs)
        case .hidden: return assign(number(width), \.hiddenChannels)
        case .expand: return assign(number(1...1).map { $0 == 1 }, \.hasExpansion)
        case .kernel: return assign(number(0...Block.maximumKernel), \.kernel)
        case .stride: return assign(number(1...4096), \.stride)
        case .padding: return assign(number(0...1024), \.padding)
        case .dilation: return assign(number(1...1024), \.dilation)
        case .groups: return assign(number(width), \.groups)
        case .pointwise: return assign(number(width), \.pointwiseGroups)
        case .activation: return assign(Activation(rawValue: text), \.activation)
        case .squeeze:
            radix = 1
            return assign(number(width), \.squeezeChannels)
        case .gate: return assign(Gate(rawValue: text), \.gate)
        case .split:
            let parts = text.split(separator: ":", omittingEmptySubsequences: false)
            guard parts.count == 2, let splits = Int(parts[0]), let squeeze = Int(parts[1]),
                (2...16).contains(splits), width.contains(squeeze)
            else { return false }
            radix = splits
            squeezeChannels = squeeze
            return true
        case .shortcut: return assign(ShortcutKind(rawValue: text), \.shortcut)
        case .pool: return assign(PoolKind(rawValue: text), \.poolKind)
        case .normalisation: return assign(number(0...1).map { $0 == 1 }, \.hasNormalisation)
        case .bias: return assign(number(0...1).map { $0 == 1 }, \.hasBias)
        }
    }
}

extension NetworkBlock.Kind {
    /// The fields of a key that say something of the kind.
    var keyFields: [NetworkBlock.KeyField] {
        switch self {
        case .convolution:
            return [
                .kernel, .stride, .padding, .dilation, .groups, .activation, .normalisation, .bias,
            ]
        case .mbconv:
            return [
                .hidden, .expand, .kernel, .stride, .padding, .groups, .pointwise, .activation,
                .squeeze, .gate, .split, .shortcut,
            ]
        case .fusedMBConv:
            return [
                .hidden, .expand, .kernel, .stride, .padding, .activation, .squeeze, .gate,
                .shortcut,
            ]
        case .basic: return [.kernel, .stride, .padding, .groups, .activation, .shortcut]
        case .bottleneck:
            return [
                .hidden, .kernel, .stride, .padding, .groups, .activation, .squeeze, .gate, .split,
                .shortcut,
            ]
        case .identity, .zero, .factorisedReduction: return []
        case .projection, .leading: return [.stride]
        case .pool: return [.kernel, .stride, .padding, .pool]
        case .pooledHead: return [.hidden, .expand, .activation, .bias]
        case .linear, .classifier: return [.activation, .bias]
        case .reluConvolution, .separable: return [.kernel, .stride, .padding]
        case .dilated: return [.kernel, .stride, .padding, .dilation]
        case .sum: return [.inputs, .activation, .normalisation]
        case .concatenation: return [.inputs]
        }
    }
}

extension ImageShape {
    /// As "56x48x32": rows, columns, channels.
    public var text: String { "\(height)x\(width)x\(channels)" }

    init?(text: String) {
        let numbers = text.split(separator: "x", omittingEmptySubsequences: false).map { part in
            Int(part).flatMap { String($0) == part ? $0 : nil }
        }
        guard numbers.count == 3, let height = numbers[0], let width = numbers[1],
            let channels = numbers[2], (1...65536).contains(height), (1...65536).contains(width),
            (1...(Block.maximumChannels << 6)).contains(channels)
        else { return nil }
        self.init(height: height, width: width, channels: channels)
    }
}
