import Support

/// What a layer of a network space builds from its choices.
public enum Operation: String, CaseIterable, Sendable {
    /// k×k convolution, batch normalisation, activation.
    case convolution = "conv"
    /// 1×1 expansion, k×k depthwise, optional squeeze-and-excitation or Split-Attention, 1×1
    /// projection, shortcut. [MobileNetV2; MnasNet; FP-NAS §4.1]
    case mbconv
    /// k×k expansion in place of an MBConv's first two convolutions. [EfficientNetV2]
    case fusedMBConv = "fused_mbconv"
    /// Two k×k convolutions and a shortcut. [ResNet]
    case basic
    /// 1×1, k×k, 1×1 convolutions and a shortcut. [ResNet, ResNeXt]
    case bottleneck
    /// Nothing where shapes match, otherwise a strided 1×1 convolution.
    case skip
    /// k×k average or maximum; kernel 0 averages all pixels.
    case pool
    /// The image shrunk by a whole factor, each pixel the mean of those it stands for; nothing under
    /// factor 1. Searched, it is the resolution of all that follows.
    case resolution
    /// 1×1 expansion, global average pool, 1×1 convolution. [FBNetV2's head]
    case pooledHead = "pooled_head"
    /// A fully connected layer behind a global average pool.
    case linear
    /// Global average pool and a fully connected layer to the classes.
    case classifier
}

/// The properties of an operation that a layer fixes or searches; ranges in `check`, defaults in
/// `BlockSettings`.
public enum Attribute: String, CaseIterable, Sendable {
    /// Kernel size; 0 skips an MBConv and makes a pool global.
    case kernel
    case activation
    /// 1 with squeeze-and-excitation, 0 without.
    case squeezeExcite = "se"
    /// Radix of Split-Attention: 0 none, 1 squeeze-and-excitation, r ≥ 2 depthwise convolutions.
    case splits
    /// Hidden width over input width (of a bottleneck, over output width); fractions are allowed.
    case expansion
    /// Output width.
    case channels
    /// Groups of a convolution's k×k, of an MBConv's 1×1 convolutions.
    case groups
    /// Channels of one group of an MBConv's k×k convolution; 1 is depthwise.
    case groupWidth = "group_width"
    /// Rows and columns of zeros around the input of the k×k convolution or pool.
    case padding
    case bias
    /// 0 leaves batch normalisation out.
    case normalisation = "norm"
    /// How hidden widths become whole: see `WidthRounding`.
    case widthRounding = "width_rounding"
    /// Squeeze width over the width of `se_of`.
    case squeezeRatio = "se_ratio"
    /// "expanded" or "input".
    case squeezeOf = "se_of"
    case squeezeRounding = "se_rounding"
    /// "sigmoid" or "hsigmoid".
    case gate
    /// 1 keeps an expansion's 1×1 convolution where the hidden width is the input's.
    case expandAlways = "expand_always"
    /// What is added to the block's result: "auto", "none", "conv", "pool", "leading".
    case shortcut
    /// "average" or "maximum".
    case pool
    /// Rows and columns of pixels that a resolution makes one of.
    case factor
}

public enum Activation: String, CaseIterable, Hashable, Sendable {
    case relu
    /// min(max(x, 0), 6)
    case relu6
    /// x · sigmoid(x)
    case swish
    /// x · relu6(x + 3) / 6
    case hswish
    case none
}

/// The function that turns a squeeze's result into factors.
public enum Gate: String, CaseIterable, Hashable, Sendable {
    case sigmoid
    /// relu6(x + 3) / 6
    case hsigmoid
}

public enum PoolKind: String, CaseIterable, Hashable, Sendable {
    case average
    case maximum
}

/// What is added to a block's result.
public enum Shortcut: String, CaseIterable, Hashable, Sendable {
    /// The input where shapes match; elsewhere nothing behind an MBConv, and "conv" behind a basic
    /// block or a bottleneck.
    case auto
    case none
    /// The input, elsewhere a strided 1×1 convolution with normalisation.
    case convolution = "conv"
    /// The input, elsewhere an average pool over the stride and a 1×1 convolution without
    /// normalisation. [NAS-Bench-201]
    case pool
    /// The input on the leading channels that both have, every so many pixels as the stride says:
    /// no parameters, nothing to multiply. A block of kernel 0 is then this alone. [ResNet's
    /// option A; between equal images what FBNetV2's masks of channels do]
    case leading
}

/// How a width that is a product becomes a whole number, at least 1.
///
/// "nearest" (halves up), "ceil", "floor", or "8/0.9": the nearest multiple of 8, the next one
/// where that is less than 0.9 of the value. The mobile networks' makers use 0.9 and 0.95.
public enum WidthRounding: Hashable, Sendable {
    case nearest, ceil, floor
    case multiple(of: Int, least: Double)

    public init?(_ text: String) {
        switch text {
        case "nearest": self = .nearest
        case "ceil": self = .ceil
        case "floor": self = .floor
        default:
            let parts = text.split(separator: "/", omittingEmptySubsequences: false)
            guard parts.count == 2, let multiple = Int(parts[0]), let least = Double(parts[1]),
                (1...1024).contains(multiple), least >= 0, least <= 1
            else { return nil }
            self = .multiple(of: multiple, least: least)
        }
    }

    /// The value is finite and below 2^40.
    func round(_ value: Double) -> Int {
        switch self {
        case .nearest: return max(1, Int(value.rounded(.toNearestOrAwayFromZero)))
        case .ceil: return max(1, Int(value.rounded(.up)))
        case .floor: return max(1, Int(value.rounded(.down)))
        case .multiple(let multiple, let least):
            let unit = Double(multiple)
            var rounded = max((value / unit + 0.5).rounded(.down), 1) * unit
            if rounded < least * value { rounded += unit }
            return Int(rounded)
        }
    }
}

extension Operation {
    /// The attributes an operation knows.
    var attributes: [Attribute] {
        let convolution: [Attribute] = [
            .kernel, .activation, .channels, .groups, .padding, .bias, .normalisation,
        ]
        let squeeze: [Attribute] = [
            .squeezeExcite, .squeezeRatio, .squeezeOf, .squeezeRounding, .gate,
        ]
        switch self {
        case .convolution: return convolution
        case .mbconv:
            return [
                .kernel, .activation, .expansion, .channels, .groups, .groupWidth, .padding,
                .widthRounding, .expandAlways, .shortcut, .splits,
            ] + squeeze
        case .fusedMBConv:
            return [
                .kernel, .activation, .expansion, .channels, .padding, .widthRounding, .shortcut,
            ] + squeeze
        case .basic: return [.kernel, .activation, .channels, .groups, .padding, .shortcut]
        case .bottleneck:
            return [
                .kernel, .activation, .expansion, .channels, .groups, .padding, .widthRounding,
                .shortcut,
            ] + squeeze
        case .skip: return [.channels]
        case .pool: return [.kernel, .padding, .pool]
        case .resolution: return [.factor]
        case .pooledHead:
            return [.activation, .expansion, .channels, .bias, .widthRounding, .expandAlways]
        case .linear: return [.activation, .channels, .bias]
        case .classifier: return []
        }
    }

    public func knows(_ attribute: Attribute) -> Bool { attributes.contains(attribute) }

    /// Whether an output width has to be given.
    var needsChannels: Bool {
        self != .classifier && self != .pool && self != .resolution
    }

    /// Refuses a value the operation cannot build.
    func check(_ attribute: Attribute, _ choice: Choice, in layer: String) throws(FPNASError) {
        guard isValid(attribute, choice) else {
            throw .invalid(
                "layer '\(layer)': \(rawValue) cannot have \(attribute.rawValue) '\(choice.label)'")
        }
    }

    private func isValid(_ attribute: Attribute, _ choice: Choice) -> Bool {
        switch (attribute, choice) {
        case (.kernel, .integer(let k)):
            if k == 0 { return self == .mbconv || self == .pool }
            return k >= 1 && k <= Block.maximumKernel
        case (.activation, .text(let name)): return Activation(rawValue: name) != nil
        case (.squeezeExcite, .integer(let flag)), (.bias, .integer(let flag)),
            (.normalisation, .integer(let flag)), (.expandAlways, .integer(let flag)):
            return flag == 0 || flag == 1
        case (.splits, .integer(let radix)): return (0...16).contains(radix)
        case (.channels, .integer(let c)), (.groups, .integer(let c)),
            (.groupWidth, .integer(let c)):
            return c >= 1 && c <= Block.maximumChannels
        case (.factor, .integer(let factor)): return (1...Block.maximumFactor).contains(factor)
        case (.padding, .integer(let p)): return (0...Block.maximumKernel).contains(p)
        case (.expansion, _):
            let expansion = choice.number ?? 0
            return expansion > 0 && expansion <= Block.maximumExpansion
        case (.squeezeRatio, _):
            let ratio = choice.number ?? 0
            return ratio > 0 && ratio <= 1
        case (.widthRounding, .text(let text)), (.squeezeRounding, .text(let text)):
            return WidthRounding(text) != nil
        case (.squeezeOf, .text(let text)): return text == "expanded" || text == "input"
        case (.gate, .text(let text)): return Gate(rawValue: text) != nil
        case (.shortcut, .text(let text)): return Shortcut(rawValue: text) != nil
        case (.pool, .text(let text)): return PoolKind(rawValue: text) != nil
        default: return false
        }
    }
}
