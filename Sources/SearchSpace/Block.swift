import Support

/// What a layer of a network space builds from its choices.
public enum Operation: String, CaseIterable, Sendable {
    /// k×k convolution, batch normalisation, activation.
    case convolution = "conv"
    /// 1×1 expansion, k×k depthwise, optional squeeze-and-excitation, 1×1 projection, skip.
    case mbconv
    /// Global average pool and a fully connected layer to the classes.
    case classifier
}

/// The properties of an operation that a layer fixes or searches.
public enum Attribute: String, CaseIterable, Sendable {
    /// Odd kernel size; 0 skips an MBConv.
    case kernel
    case activation
    /// 1 with squeeze-and-excitation, 0 without.
    case squeezeExcite = "se"
    /// Hidden width over input width of an MBConv; fractions are allowed.
    case expansion
    /// Output width.
    case channels
}

public enum Activation: String, CaseIterable, Hashable, Sendable {
    case relu
    /// x · sigmoid(x)
    case swish
}

/// A layer's operation, its fixed attributes, and its repetitions.
///
/// An attribute is searched when the layer has a variable of its name, fixed when it is listed
/// here, and otherwise has its default: kernel 3, relu, no squeeze-and-excitation, expansion 1.
/// The blocks of a group share one choice; the stride is that of the first block.
public struct Block: Hashable, Sendable {
    public let operation: Operation
    public let fixed: [Attribute: Choice]
    public let stride: Int
    public let repeats: Int

    public init(
        _ operation: Operation, fixed: [Attribute: Choice] = [:], stride: Int = 1, repeats: Int = 1
    ) {
        self.operation = operation
        self.fixed = fixed.mapValues(\.normalised)
        self.stride = stride
        self.repeats = repeats
    }

    static let defaults: [Attribute: Choice] = [
        .kernel: .integer(3), .activation: .text("relu"), .squeezeExcite: .integer(0),
        .expansion: .integer(1),
    ]

    static let maximumChannels = 1 << 16
    static let maximumExpansion = 64.0

    /// The attributes an operation knows.
    static func attributes(of operation: Operation) -> [Attribute] {
        switch operation {
        case .convolution: return [.kernel, .activation, .channels]
        case .mbconv: return Attribute.allCases
        case .classifier: return []
        }
    }

    /// Refuses a value the operation cannot build.
    func check(_ attribute: Attribute, _ choice: Choice, in layer: String) throws(FPNASError) {
        let valid: Bool
        switch (attribute, choice) {
        case (.kernel, .integer(let k)):
            valid = (k == 0 && operation == .mbconv) || (k % 2 == 1 && k >= 1 && k <= 15)
        case (.activation, .text(let name)): valid = Activation(rawValue: name) != nil
        case (.squeezeExcite, .integer(let se)): valid = se == 0 || se == 1
        case (.channels, .integer(let c)): valid = c >= 1 && c <= Block.maximumChannels
        case (.expansion, _):
            let expansion = choice.number ?? 0
            valid = expansion > 0 && expansion <= Block.maximumExpansion
        default: valid = false
        }
        guard valid else {
            throw .invalid(
                "layer '\(layer)': \(operation.rawValue) cannot have \(attribute.rawValue) "
                    + "'\(choice.label)'")
        }
    }
}
