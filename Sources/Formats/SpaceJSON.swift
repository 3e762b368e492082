import SearchSpace
import Support

/// The JSON form of a space.
///
///     {"format": "fpnas-space", "version": 1, "name": "tiny",
///      "input": {"height": 8, "width": 8, "channels": 1}, "classes": 10,
///      "layers": [
///        {"name": "a", "operation": "mbconv", "stride": 2, "kernel": [0, 3], "channels": 16},
///        {"name": "classifier", "operation": "classifier"}]}
///
/// In a layer with an operation an array is searched and a single value fixed. A layer of an
/// abstract space lists its `variables` instead:
///
///     {"name": "a", "variables": [{"name": "op", "choices": ["skip", "conv"]},
///       {"name": "k", "choices": [3, 5], "when": {"variable": "op", "in": ["conv"]}}]}
public enum SpaceJSON {
    public static let format = "fpnas-space"
    public static let version = 1

    /// Reads a space; `name` is the file that messages speak of.
    public static func decode(_ bytes: [UInt8], name: String) throws(FPNASError) -> SearchSpace {
        try JSONText.decode(SpaceDocument.self, bytes, name: name).space(name: name)
    }

    /// Reads a space from a file.
    public static func load(_ path: String) throws(FPNASError) -> SearchSpace {
        try decode(try Files.read(path, limit: JSONText.sizeLimit), name: path)
    }

    public static func encode(
        _ space: SearchSpace, pretty: Bool = true
    ) throws(FPNASError) -> [UInt8] {
        try JSONText.encode(SpaceDocument(space), pretty: pretty)
    }
}

struct SpaceDocument: Codable {
    struct Input: Codable {
        let height: Int
        let width: Int
        let channels: Int
    }

    let format: String
    let version: Int
    let name: String
    let input: Input?
    let classes: Int?
    let layers: [LayerDocument]

    init(_ space: SearchSpace) {
        format = SpaceJSON.format
        version = SpaceJSON.version
        name = space.name
        input = space.input.map {
            Input(height: $0.height, width: $0.width, channels: $0.channels)
        }
        classes = space.input == nil ? nil : space.classes
        layers = space.layers.map(LayerDocument.init)
    }

    func space(name file: String) throws(FPNASError) -> SearchSpace {
        guard format == SpaceJSON.format, version == SpaceJSON.version else {
            throw FPNASError(
                .format,
                "'\(file)' must have format '\(SpaceJSON.format)' version \(SpaceJSON.version), "
                    + "got '\(format)' version \(version)")
        }
        do {
            return try SearchSpace(
                name: name, layers: layers.map { try $0.layer() },
                input: input.map {
                    ImageShape(height: $0.height, width: $0.width, channels: $0.channels)
                },
                classes: classes ?? 0)
        } catch let error as FPNASError {
            throw FPNASError(.format, "'\(file)': \(error.message)")
        } catch {
            throw FPNASError(.format, "'\(file)' is not a space")
        }
    }
}

struct LayerDocument: Codable {
    let source: Layer?
    private let name: String
    private let operation: Operation?
    private let stride: Int
    private let repeats: Int
    private let attributes: [(Attribute, AttributeValues)]
    private let variables: [VariableDocument]

    init(_ layer: Layer) {
        source = layer
        name = layer.name
        operation = layer.block?.operation
        stride = layer.block?.stride ?? 1
        repeats = layer.block?.repeats ?? 1
        attributes = []
        variables = []
    }

    func layer() throws(FPNASError) -> Layer {
        if let operation {
            return try .block(name, operation, stride: stride, repeats: repeats, attributes)
        }
        var built: [Variable] = []
        for variable in variables { built.append(try variable.variable(after: built, in: name)) }
        return Layer(name, built)
    }

    init(from decoder: any Decoder) throws {
        source = nil
        let container = try decoder.container(keyedBy: AnyKey.self)
        name = try container.decode(String.self, forKey: AnyKey("name"))
        let operationName = try container.decodeIfPresent(String.self, forKey: AnyKey("operation"))
        guard let operationName else {
            try LayerDocument.requireKeys(["name", "variables"], in: container, layer: name)
            operation = nil
            stride = 1
            repeats = 1
            attributes = []
            variables = try container.decode([VariableDocument].self, forKey: AnyKey("variables"))
            return
        }
        guard let known = Operation(rawValue: operationName) else {
            throw FPNASError.invalid("layer '\(name)' has the unknown operation '\(operationName)'")
        }
        operation = known
        try LayerDocument.requireKeys(
            ["name", "operation", "stride", "repeats"] + Attribute.allCases.map(\.rawValue),
            in: container, layer: name)
        stride = try container.decodeIfPresent(Int.self, forKey: AnyKey("stride")) ?? 1
        repeats = try container.decodeIfPresent(Int.self, forKey: AnyKey("repeats")) ?? 1
        var attributes: [(Attribute, AttributeValues)] = []
        for attribute in Attribute.allCases {
            let key = AnyKey(attribute.rawValue)
            guard container.contains(key) else { continue }
            if let one = try? container.decode(ChoiceDocument.self, forKey: key) {
                attributes.append((attribute, .fixed(one.choice)))
            } else {
                let many = try container.decode([ChoiceDocument].self, forKey: key)
                attributes.append((attribute, .searched(many.map(\.choice))))
            }
        }
        self.attributes = attributes
        variables = []
    }

    private static func requireKeys(
        _ known: [String], in container: KeyedDecodingContainer<AnyKey>, layer: String
    ) throws(FPNASError) {
        for key in container.allKeys.map(\.stringValue).sorted() where !known.contains(key) {
            throw .invalid("layer '\(layer)' has the unknown key '\(key)'")
        }
    }

    func encode(to encoder: any Encoder) throws {
        guard let layer = source else { return }
        var container = encoder.container(keyedBy: AnyKey.self)
        try container.encode(layer.name, forKey: AnyKey("name"))
        guard let block = layer.block else {
            try container.encode(
                layer.variables.map { VariableDocument($0, in: layer) }, forKey: AnyKey("variables")
            )
            return
        }
        try container.encode(block.operation.rawValue, forKey: AnyKey("operation"))
        if block.stride != 1 { try container.encode(block.stride, forKey: AnyKey("stride")) }
        if block.repeats != 1 { try container.encode(block.repeats, forKey: AnyKey("repeats")) }
        for attribute in Attribute.allCases {
            if let choice = block.fixed[attribute] {
                try container.encode(ChoiceDocument(choice), forKey: AnyKey(attribute.rawValue))
            }
        }
        for variable in layer.variables {
            try container.encode(
                variable.choices.map(ChoiceDocument.init), forKey: AnyKey(variable.name))
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
