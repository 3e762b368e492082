import ArchitectureCost
import SearchSpace
import Support

/// Networks as lists of blocks with published costs, as released models are told.
///
///     {"models": [{"name": "F1", "input": 128, "classes": 1000, "convention": "mobile-vision",
///                  "macs": 56410560, "parameters": 5999408, "blocks": [
///        {"op": "conv", "kernel": 3, "channels": 8, "stride": 2, "repeat": 1},
///        {"op": "mbconv", "kernel": 5, "channels": 24, "stride": 2, "expansion": 5.4566,
///         "se": true, "se_width_of": "input", "padding": 1}, …]}]}
///
/// A block has an operation of spaces (`op`, also `ir_pool` for `pooled_head`), `stride`, `repeat`
/// and any attribute of it; `pointwise_groups` are an MBConv's `groups`, `se_width_of` is `se_of`.
/// Where the convention is "mobile-vision", widths are rounded as its makers do. A classifier
/// follows the last block.
public enum ModelListJSON {
    public struct Model: Sendable {
        /// Has no variables: its one network is the model.
        public let space: SearchSpace
        public let convention: CountingConvention
        public let published: (macs: Int?, parameters: Int?)

        public var name: String { space.name }
        public func cost() throws(FPNASError) -> NetworkCost {
            try space.network([]).cost(convention)
        }
    }

    public static func load(_ path: String) throws(FPNASError) -> [Model] {
        try decode(try Files.read(path, limit: JSONText.sizeLimit), name: path)
    }

    public static func decode(_ bytes: [UInt8], name: String) throws(FPNASError) -> [Model] {
        let document = try JSONText.decode(ModelListDocument.self, bytes, name: name)
        var models: [Model] = []
        for model in document.models {
            do {
                models.append(try model.model())
            } catch {
                throw FPNASError(.format, "'\(name)': model '\(model.name)': \(error.message)")
            }
        }
        return models
    }
}

private struct ModelListDocument: Decodable {
    let models: [ModelDocument]
}

private struct ModelDocument: Decodable {
    let name: String
    let input: Int
    let channels: Int?
    let classes: Int?
    let macs: Int?
    let parameters: Int?
    /// The name, up to a colon and an explanation.
    let convention: String?
    let blocks: [BlockDocument]

    func model() throws(FPNASError) -> ModelListJSON.Model {
        let convention = try CountingConvention.named(
            String((convention ?? "torch").prefix { $0 != ":" }))
        var layers: [Layer] = []
        for (index, block) in blocks.enumerated() {
            layers.append(try block.draft(named: "block\(index + 1)", convention).layer())
        }
        layers.append(try Layer.block("classifier", .classifier, []))
        let space = try SearchSpace(
            name: name, layers: layers,
            input: ImageShape(height: input, width: input, channels: channels ?? 3),
            classes: classes ?? 1000)
        return ModelListJSON.Model(
            space: space, convention: convention, published: (macs, parameters))
    }
}

private struct BlockDocument: Decodable {
    private let operation: Operation
    private let stride: Int
    private let repeats: Int
    private var fixed: [(Attribute, Choice)] = []

    private static let synonyms: [String: Attribute] = [
        "pointwise_groups": .groups, "se_width_of": .squeezeOf,
    ]

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: AnyKey.self)
        let name = try container.decode(String.self, forKey: "op")
        guard let operation = name == "ir_pool" ? .pooledHead : Operation(rawValue: name) else {
            throw FPNASError.invalid("there is no operation '\(name)'")
        }
        self.operation = operation
        stride = try container.decodeIfPresent(Int.self, forKey: "stride") ?? 1
        repeats = try container.decodeIfPresent(Int.self, forKey: "repeat") ?? 1
        for key in container.allKeys.map(\.stringValue).sorted()
        where !["op", "stride", "repeat"].contains(key) {
            guard let attribute = Attribute(rawValue: key) ?? BlockDocument.synonyms[key] else {
                throw FPNASError.invalid("\(name) has the unknown key '\(key)'")
            }
            // Such lists give a skip an activation too.
            if operation == .skip, attribute == .activation { continue }
            fixed.append((attribute, try BlockDocument.choice(container, AnyKey(key))))
        }
    }

    private static func choice(
        _ container: KeyedDecodingContainer<AnyKey>, _ key: AnyKey
    ) throws -> Choice {
        if let flag = try? container.decode(Bool.self, forKey: key) {
            return .integer(flag ? 1 : 0)
        }
        if let sides = try? container.decode([Int].self, forKey: key) {
            guard let side = sides.first, sides.allSatisfy({ $0 == side }) else {
                throw FPNASError.invalid("'\(key.stringValue)' must be equal on all sides")
            }
            return .integer(side)
        }
        return try container.decode(ChoiceDocument.self, forKey: key).choice
    }

    func draft(
        named name: String, _ convention: CountingConvention
    ) throws(FPNASError) -> LayerDraft {
        var draft = LayerDraft(name, operation)
        draft.stride = stride
        draft.repeats = [repeats]
        draft.attributes = fixed.map { ($0.0, .fixed($0.1)) }
        guard convention == .mobileVision else { return draft }
        for attribute in [Attribute.widthRounding, .squeezeRounding]
        where operation.knows(attribute) && !fixed.contains(where: { $0.0 == attribute }) {
            draft.attributes.append((attribute, .fixed(.text("8/0.95"))))
        }
        return draft
    }
}
