import Support

/// A layer's operation, its fixed attributes, and its repetitions.
///
/// An attribute is searched when the layer has a variable of its name, fixed when it is listed
/// here, and otherwise has its default (`BlockSettings`). A variable named after an attribute is
/// shared by the blocks of the layer; `kernel.2` is of the second block alone. A variable `repeats`
/// is the number of blocks, `op` chooses among `alternatives`. The stride is that of the first
/// block.
public struct Block: Hashable, Sendable {
    /// One of several ready-made blocks a layer may choose from by its variable `op`.
    public struct Alternative: Hashable, Sendable {
        public let name: String
        public let operation: Operation
        public let fixed: [Attribute: Choice]

        public init(_ name: String, _ operation: Operation, fixed: [Attribute: Choice] = [:]) {
            self.name = name
            self.operation = operation
            self.fixed = fixed.mapValues(\.normalised)
        }
    }

    /// That of the first alternative where there are any.
    public let operation: Operation
    public let fixed: [Attribute: Choice]
    public let stride: Int
    /// Number of blocks, the largest where it is searched.
    public let repeats: Int
    /// In the order of the choices of `op`; empty where the operation is fixed.
    public let alternatives: [Alternative]

    public init(
        _ operation: Operation, fixed: [Attribute: Choice] = [:], stride: Int = 1, repeats: Int = 1,
        alternatives: [Alternative] = []
    ) {
        self.operation = alternatives.first?.operation ?? operation
        self.fixed = fixed.mapValues(\.normalised)
        self.stride = stride
        self.repeats = repeats
        self.alternatives = alternatives
    }

    /// Names of the variables that are no attributes.
    public static let repeatsName = "repeats"
    public static let alternativeName = "op"

    public static let maximumRepeats = 1024
    public static let maximumChannels = 1 << 16
    public static let maximumExpansion = 64.0
    public static let maximumKernel = 15
    public static let maximumFactor = 8

    /// Every operation the layer may build, in order, each once.
    var operations: [Operation] {
        guard !alternatives.isEmpty else { return [operation] }
        var operations: [Operation] = []
        for alternative in alternatives where !operations.contains(alternative.operation) {
            operations.append(alternative.operation)
        }
        return operations
    }

    /// The attribute, and for one of a single block its position, that a variable's name means.
    public static func attribute(named name: String) -> (attribute: Attribute, position: Int?)? {
        if let attribute = Attribute(rawValue: name) { return (attribute, nil) }
        guard let dot = name.lastIndex(of: "."),
            let attribute = Attribute(rawValue: String(name[..<dot])),
            let number = Int(name[name.index(after: dot)...]),
            (1...maximumRepeats).contains(number), String(number) == name[name.index(after: dot)...]
        else { return nil }
        return (attribute, number - 1)
    }

    /// The name of an attribute's variable at one position of the layer.
    public static func name(of attribute: Attribute, position: Int) -> String {
        "\(attribute.rawValue).\(position + 1)"
    }
}
