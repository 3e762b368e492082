import SearchSpace
import Support

/// A layer in JSON: an operation with its attributes, or the variables of an abstract layer.
struct LayerDocument: Codable {
    private enum Content {
        case network(LayerDraft)
        case abstract([VariableDocument])
    }

    private let name: String
    private let content: Content

    init(_ layer: Layer) {
        name = layer.name
        content =
            layer.block == nil
            ? .abstract(layer.variables.map { VariableDocument($0, in: layer) })
            : .network(LayerDraft(of: layer))
    }

    func layer() throws(FPNASError) -> Layer {
        switch content {
        case .network(let draft): return try draft.layer()
        case .abstract(let variables):
            var built: [Variable] = []
            for variable in variables {
                built.append(try variable.variable(after: built, in: name))
            }
            return Layer(name, built)
        }
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: AnyKey.self)
        name = try container.decode(String.self, forKey: "name")
        if container.contains("operation") || container.contains("op") {
            content = .network(try LayerDraft(name, in: container))
        } else {
            try container.requireKeys(["name", "variables"], of: name)
            content = .abstract(
                try container.decode([VariableDocument].self, forKey: "variables"))
        }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: AnyKey.self)
        try container.encode(name, forKey: "name")
        switch content {
        case .network(let draft): try draft.encode(into: &container)
        case .abstract(let variables): try container.encode(variables, forKey: "variables")
        }
    }
}

extension LayerDraft {
    private static let keys = [
        "name", "operation", "stride", "repeats", "per_block", "op", "order",
    ]

    fileprivate init(_ name: String, in container: KeyedDecodingContainer<AnyKey>) throws {
        let alternatives =
            try container.decodeIfPresent([AlternativeDocument].self, forKey: "op") ?? []
        let operation: Operation
        if let first = alternatives.first {
            guard !container.contains("operation") else {
                throw FPNASError.invalid("layer '\(name)' has both an operation and an 'op'")
            }
            operation = first.alternative.operation
        } else {
            operation = try container.operation(of: "layer '\(name)'")
        }
        self.init(name, operation)
        self.alternatives = alternatives.map(\.alternative)
        stride = try container.decodeIfPresent(Int.self, forKey: "stride") ?? 1
        if let one = try? container.decodeIfPresent(Int.self, forKey: "repeats") {
            repeats = [one]
        } else if container.contains("repeats") {
            repeats = try container.decode([Int].self, forKey: "repeats")
        }
        var found: [Entry] = []
        for key in container.allKeys.map(\.stringValue).sorted()
        where !LayerDraft.keys.contains(key) {
            guard let (attribute, position) = Block.attribute(named: key) else {
                throw FPNASError.invalid("layer '\(name)' has the unknown key '\(key)'")
            }
            found.append(
                Entry(attribute, position, try container.values(forKey: AnyKey(key))))
        }
        // Keys have no order in JSON: that of the attributes, unless `order` says otherwise.
        let order = try container.decodeIfPresent([String].self, forKey: "order") ?? []
        let standard = Attribute.allCases
        func rank(_ entry: Entry) -> (Int, Int, Int) {
            (
                order.firstIndex(of: entry.name) ?? order.count,
                standard.firstIndex(of: entry.attribute) ?? 0, entry.position ?? -1
            )
        }
        entries = found.sorted { rank($0) < rank($1) }
        for name in try container.decodeIfPresent([String].self, forKey: "per_block") ?? [] {
            guard let attribute = Attribute(rawValue: name) else {
                throw FPNASError.invalid("layer '\(self.name)' has no attribute '\(name)'")
            }
            perBlock.insert(attribute)
        }
    }

    fileprivate func encode(into container: inout KeyedEncodingContainer<AnyKey>) throws {
        if alternatives.isEmpty {
            try container.encode(operation.rawValue, forKey: "operation")
        } else {
            try container.encode(alternatives.map(AlternativeDocument.init), forKey: "op")
        }
        if stride != 1 { try container.encode(stride, forKey: "stride") }
        if repeats.count > 1 {
            try container.encode(repeats, forKey: "repeats")
        } else if repeats != [1] {
            try container.encode(repeats.first ?? 1, forKey: "repeats")
        }
        for entry in entries {
            switch entry.values {
            case .fixed(let choice):
                try container.encode(ChoiceDocument(choice), forKey: AnyKey(entry.name))
            case .searched(let choices):
                try container.encode(choices.map(ChoiceDocument.init), forKey: AnyKey(entry.name))
            }
        }
        let names = entries.filter(\.isSearched).map(\.name)
        let standard = Attribute.allCases
        let sorted = entries.filter(\.isSearched).sorted {
            let (a, b) = (
                standard.firstIndex(of: $0.attribute), standard.firstIndex(of: $1.attribute)
            )
            return (a ?? 0, $0.position ?? -1) < (b ?? 0, $1.position ?? -1)
        }.map(\.name)
        if names != sorted { try container.encode(names, forKey: "order") }
    }
}

/// One of the blocks a layer may choose.
private struct AlternativeDocument: Codable {
    let alternative: Block.Alternative

    init(_ alternative: Block.Alternative) { self.alternative = alternative }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: AnyKey.self)
        let name = try container.decode(String.self, forKey: "name")
        let operation = try container.operation(of: "'\(name)'")
        var fixed: [Attribute: Choice] = [:]
        for key in container.allKeys.map(\.stringValue).sorted()
        where key != "name" && key != "operation" {
            guard let attribute = Attribute(rawValue: key) else {
                throw FPNASError.invalid("'\(name)' has the unknown key '\(key)'")
            }
            fixed[attribute] = try container.decode(ChoiceDocument.self, forKey: AnyKey(key)).choice
        }
        alternative = Block.Alternative(name, operation, fixed: fixed)
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: AnyKey.self)
        try container.encode(alternative.name, forKey: "name")
        try container.encode(alternative.operation.rawValue, forKey: "operation")
        for attribute in Attribute.allCases {
            if let choice = alternative.fixed[attribute] {
                try container.encode(ChoiceDocument(choice), forKey: AnyKey(attribute.rawValue))
            }
        }
    }
}

struct VariableDocument: Codable {
    struct When: Codable {
        let variable: String
        let `in`: [ChoiceDocument]
    }

    let name: String
    let choices: [ChoiceDocument]
    let when: When?

    init(_ variable: Variable, in layer: Layer) {
        name = variable.name
        choices = variable.choices.map(ChoiceDocument.init)
        when = variable.condition.map { condition in
            let parent = layer.variables[condition.variable]
            return When(
                variable: parent.name,
                in: condition.choices.map { ChoiceDocument(parent.choices[$0]) })
        }
    }

    func variable(after earlier: [Variable], in layer: String) throws(FPNASError) -> Variable {
        var condition: Condition?
        if let when {
            guard let parent = earlier.firstIndex(where: { $0.name == when.variable }) else {
                throw .invalid(
                    "'\(layer).\(name)' depends on '\(when.variable)', which is no earlier variable "
                        + "of its layer")
            }
            var choices: [Int] = []
            for wanted in when.in {
                let place = earlier[parent].choices.firstIndex(
                    of: Variable("", [wanted.choice]).choices[0])
                guard let place else {
                    throw .invalid(
                        "'\(layer).\(name)' depends on '\(when.variable)' being "
                            + "'\(wanted.choice.label)', which is not one of its choices")
                }
                choices.append(place)
            }
            condition = Condition(variable: parent, choices: choices)
        }
        return Variable(name, choices.map(\.choice), when: condition)
    }
}

/// A number or a text.
struct ChoiceDocument: Codable {
    let choice: Choice

    init(_ choice: Choice) { self.choice = choice }

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let value = try? container.decode(Int.self) {
            choice = .integer(value)
        } else if let value = try? container.decode(Double.self) {
            choice = .real(value)
        } else {
            choice = .text(try container.decode(String.self))
        }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch choice {
        case .integer(let value): try container.encode(value)
        case .real(let value): try container.encode(value)
        case .text(let value): try container.encode(value)
        }
    }
}

extension KeyedDecodingContainer<AnyKey> {
    fileprivate func operation(of place: String) throws -> Operation {
        let name = try decode(String.self, forKey: "operation")
        guard let operation = Operation(rawValue: name) else {
            let all = Operation.allCases.map(\.rawValue).joined(separator: ", ")
            throw FPNASError.invalid(
                "\(place) has the unknown operation '\(name)'; there are: \(all)")
        }
        return operation
    }

    /// A single value is fixed, an array is searched.
    fileprivate func values(forKey key: AnyKey) throws -> AttributeValues {
        if let one = try? decode(ChoiceDocument.self, forKey: key) { return .fixed(one.choice) }
        return .searched(try decode([ChoiceDocument].self, forKey: key).map(\.choice))
    }

    fileprivate func requireKeys(_ known: [String], of layer: String) throws(FPNASError) {
        for key in allKeys.map(\.stringValue).sorted() where !known.contains(key) {
            throw .invalid("layer '\(layer)' has the unknown key '\(key)'")
        }
    }
}
