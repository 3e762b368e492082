import Support

/// One built block of a concrete network, with every width and size worked out.
public struct NetworkBlock: Hashable, Sendable {
    public enum Kind: Hashable, Sendable {
        /// k×k convolution, batch normalisation, activation.
        case convolution
        /// (1×1 expand, BN, activation), k×k depthwise, BN, activation, (SE), 1×1 project, BN.
        case mbconv
        /// Kernel 0 where shapes match: nothing at all.
        case identity
        /// Kernel 0 where they do not: a strided 1×1 convolution and BN, linear.
        case projection
        /// Global average pool, then a fully connected layer with bias.
        case classifier
    }

    public let kind: Kind
    /// Index of the space's layer, and of the block in its group.
    public let layer: Int
    public let position: Int
    public let kernel: Int
    public let stride: Int
    public let activation: Activation
    public let inChannels: Int
    /// Width between expansion and projection of an MBConv; there is no expansion convolution
    /// when the expansion is 1.
    public let hiddenChannels: Int
    public let hasExpansion: Bool
    public let outChannels: Int
    /// Width of the squeeze layer; 0 without squeeze-and-excitation.
    public let squeezeChannels: Int
    public let inHeight: Int
    public let inWidth: Int
    public let outHeight: Int
    public let outWidth: Int
    /// Whether the input is added to the output.
    public let hasResidual: Bool
}

/// A concrete network: what an architecture of a network space builds.
public struct Network: Hashable, Sendable {
    public let input: ImageShape
    public let classes: Int
    public let blocks: [NetworkBlock]
}

extension SearchSpace {
    /// The network an architecture stands for. O(number of blocks).
    ///
    /// Rules: padding keeps ⌈size / stride⌉; hidden width = in · expansion, rounded to nearest,
    /// at least 1; squeeze width = hidden / 4, rounded up; kernel 0 is an identity where shapes
    /// match and a strided 1×1 convolution elsewhere, for all blocks of the group.
    public func network(_ architecture: [Int32]) throws(FPNASError) -> Network {
        guard let input else {
            throw .invalid("the space '\(name)' is abstract: its layers build no network")
        }
        try check(architecture)
        var blocks: [NetworkBlock] = []
        var channels = input.channels
        var height = input.height
        var width = input.width
        for index in layers.indices {
            let built = self.blocks(
                ofLayer: index, architecture, channels: channels, height: height, width: width)
            channels = built.last?.outChannels ?? channels
            height = built.last?.outHeight ?? height
            width = built.last?.outWidth ?? width
            blocks += built
        }
        return Network(input: input, classes: classes, blocks: blocks)
    }

    /// The blocks a layer builds on an input of the given width and size.
    public func blocks(
        ofLayer layer: Int, _ architecture: [Int32], channels: Int, height: Int, width: Int
    ) -> [NetworkBlock] {
        guard let block = layers[layer].block else { return [] }
        let settings = settings(of: layer, architecture)
        var blocks: [NetworkBlock] = []
        for position in 0..<block.repeats {
            let last = blocks.last
            blocks.append(
                NetworkBlock(
                    block.operation, settings, layer: layer, position: position,
                    stride: position == 0 ? block.stride : 1, classes: classes,
                    inChannels: last?.outChannels ?? channels,
                    height: last?.outHeight ?? height, width: last?.outWidth ?? width))
        }
        return blocks
    }

    /// The network in which every layer takes its largest kernel, expansion and width, with
    /// squeeze-and-excitation: no other of the space needs more weights or activations.
    public func largestArchitecture() -> [Int32] {
        var architecture: [Int32] = []
        for layer in layers {
            for variable in layer.variables {
                var best = 0
                for (c, choice) in variable.choices.enumerated()
                where (choice.number ?? 0) > (variable.choices[best].number ?? 0) { best = c }
                architecture.append(Int32(best))
            }
        }
        return architecture
    }

    /// A layer's attribute values under an architecture, fixed, searched or default.
    public func settings(of layer: Int, _ architecture: [Int32]) -> BlockSettings {
        var settings = BlockSettings()
        let fixed = layers[layer].block?.fixed ?? [:]
        for attribute in Attribute.allCases {
            if let choice = fixed[attribute] { settings.set(attribute, choice) }
        }
        for (offset, variable) in layers[layer].variables.enumerated() {
            guard let attribute = Attribute(rawValue: variable.name) else { continue }
            settings.set(
                attribute, variable.choices[Int(architecture[layerStarts[layer] + offset])])
        }
        return settings
    }
}

/// The attribute values one layer's blocks share.
public struct BlockSettings: Hashable, Sendable {
    public private(set) var kernel = 3
    public private(set) var activation = Activation.relu
    public private(set) var squeezeExcite = false
    public private(set) var expansion = 1.0
    public private(set) var channels = 0

    mutating func set(_ attribute: Attribute, _ choice: Choice) {
        switch (attribute, choice) {
        case (.kernel, .integer(let value)): kernel = value
        case (.activation, .text(let value)): activation = Activation(rawValue: value) ?? .relu
        case (.squeezeExcite, .integer(let value)): squeezeExcite = value != 0
        case (.channels, .integer(let value)): channels = value
        case (.expansion, _): expansion = choice.number ?? 1
        default: break  // refused when the space was built
        }
    }
}

extension NetworkBlock {
    init(
        _ operation: Operation, _ settings: BlockSettings, layer: Int, position: Int, stride: Int,
        classes: Int, inChannels: Int, height: Int, width: Int
    ) {
        self.layer = layer
        self.position = position
        self.stride = stride
        self.inChannels = inChannels
        inHeight = height
        inWidth = width
        activation = settings.activation
        switch operation {
        case .classifier:
            kind = .classifier
            kernel = 1
            outChannels = classes
            outHeight = 1
            outWidth = 1
        case .convolution, .mbconv:
            outChannels = settings.channels
            outHeight = (height + stride - 1) / stride
            outWidth = (width + stride - 1) / stride
            let matches = stride == 1 && inChannels == settings.channels
            if operation == .convolution {
                kind = .convolution
            } else if settings.kernel > 0 {
                kind = .mbconv
            } else {
                kind = matches ? .identity : .projection
            }
            kernel = settings.kernel > 0 ? settings.kernel : 1
        }
        hasResidual = kind == .mbconv && stride == 1 && inChannels == outChannels
        if kind == .mbconv {
            // In range: widths are at most 2^16 and expansions at most 64.
            hiddenChannels = max(1, Int((Double(inChannels) * settings.expansion).rounded()))
            hasExpansion = settings.expansion != 1
            squeezeChannels = settings.squeezeExcite ? (hiddenChannels + 3) / 4 : 0
        } else {
            hiddenChannels = inChannels
            hasExpansion = false
            squeezeChannels = 0
        }
    }
}
