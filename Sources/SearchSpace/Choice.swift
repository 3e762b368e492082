/// One value a variable may take: a kernel size, an expansion, the name of an activation.
public enum Choice: Hashable, Sendable {
    case integer(Int)
    case real(Double)
    case text(String)

    /// The same choice with a whole number always as an integer, so that 3 and 3.0 are one.
    var normalised: Choice {
        guard case .real(let value) = self, abs(value) < 0x1p53, let whole = Int(exactly: value)
        else { return self }
        return .integer(whole)
    }

    /// The choice as tables and pictures show it.
    public var label: String {
        switch self {
        case .integer(let value): return String(value)
        case .real(let value): return "\(value)"
        case .text(let value): return value
        }
    }

    /// The number behind the choice, or nil for text.
    public var number: Double? {
        switch self {
        case .integer(let value): return Double(value)
        case .real(let value): return value
        case .text: return nil
        }
    }
}

/// A variable exists only while an earlier variable of its layer has one of these choices.
public struct Condition: Hashable, Sendable {
    /// Index of the deciding variable in its layer, smaller than the conditional variable's own.
    public let variable: Int
    /// Choice indices of that variable under which this one exists.
    public let choices: [Int]

    public init(variable: Int, choices: [Int]) {
        self.variable = variable
        self.choices = choices
    }
}

/// One categorical decision of a layer.
public struct Variable: Hashable, Sendable {
    public let name: String
    public let choices: [Choice]
    public let condition: Condition?

    public init(_ name: String, _ choices: [Choice], when condition: Condition? = nil) {
        self.name = name
        self.choices = choices.map(\.normalised)
        self.condition = condition
    }
}

/// Some categorical decisions that belong together, and what they build.
public struct Layer: Hashable, Sendable {
    public let name: String
    public let variables: [Variable]
    /// What the built-in costs and supernet make of the choices; nil in an abstract space, where
    /// only the caller knows.
    public let block: Block?

    public init(_ name: String, _ variables: [Variable], block: Block? = nil) {
        self.name = name
        self.variables = variables
        self.block = block
    }
}
