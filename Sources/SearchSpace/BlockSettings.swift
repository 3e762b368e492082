/// The attribute values one block is built from, with every default.
public struct BlockSettings: Hashable, Sendable {
    public private(set) var operation = Operation.convolution
    public private(set) var kernel = 3
    public private(set) var activation = Activation.relu
    public private(set) var squeezeExcite = false
    public private(set) var splits = 0
    public private(set) var expansion = 1.0
    public private(set) var channels = 0
    public private(set) var groups = 1
    public private(set) var groupWidth = 1
    /// nil: (kernel − 1) / 2, rounded down, which keeps ⌈size / stride⌉ for odd kernels.
    public private(set) var padding: Int?
    /// nil: without in front of a normalisation, with elsewhere; a pooled head has none.
    public private(set) var bias: Bool?
    public private(set) var hasNormalisation = true
    public private(set) var widthRounding = WidthRounding.nearest
    public private(set) var squeezeRatio = 0.25
    public private(set) var squeezesInput = false
    public private(set) var squeezeRounding = WidthRounding.ceil
    public private(set) var gate = Gate.sigmoid
    public private(set) var expandsAlways = false
    public private(set) var shortcut = Shortcut.auto
    public private(set) var pool = PoolKind.average
    public private(set) var factor = 1

    init(_ operation: Operation) {
        self.operation = operation
        switch operation {
        case .bottleneck: expansion = 0.25
        case .classifier, .linear, .skip: kernel = 1
        default: break
        }
        if operation == .linear { activation = .none }
    }

    /// Radix of the attention behind the k×k convolution: 0 none, 1 squeeze-and-excitation.
    public var radix: Int { splits > 0 ? splits : (squeezeExcite ? 1 : 0) }

    mutating func set(_ attribute: Attribute, _ choice: Choice) {
        switch (attribute, choice) {
        case (.kernel, .integer(let value)): kernel = value
        case (.activation, .text(let value)): activation = Activation(rawValue: value) ?? .relu
        case (.squeezeExcite, .integer(let value)): squeezeExcite = value != 0
        case (.splits, .integer(let value)): splits = value
        case (.channels, .integer(let value)): channels = value
        case (.groups, .integer(let value)): groups = value
        case (.groupWidth, .integer(let value)): groupWidth = value
        case (.padding, .integer(let value)): padding = value
        case (.factor, .integer(let value)): factor = value
        case (.bias, .integer(let value)): bias = value != 0
        case (.normalisation, .integer(let value)): hasNormalisation = value != 0
        case (.expandAlways, .integer(let value)): expandsAlways = value != 0
        case (.expansion, _): expansion = choice.number ?? 1
        case (.squeezeRatio, _): squeezeRatio = choice.number ?? 0.25
        case (.widthRounding, .text(let value)):
            widthRounding = WidthRounding(value) ?? .nearest
        case (.squeezeRounding, .text(let value)): squeezeRounding = WidthRounding(value) ?? .ceil
        case (.squeezeOf, .text(let value)): squeezesInput = value == "input"
        case (.gate, .text(let value)): gate = Gate(rawValue: value) ?? .sigmoid
        case (.shortcut, .text(let value)): shortcut = Shortcut(rawValue: value) ?? .auto
        case (.pool, .text(let value)): pool = PoolKind(rawValue: value) ?? .average
        default: break  // refused when the space was built
        }
    }
}

/// A layer of a network space, read once: what its blocks are under any choices.
public struct LayerPlan: Sendable {
    private struct Searched: Sendable {
        let offset: Int
        let attribute: Attribute
        /// The one block it is of; nil for all.
        let position: Int?
        let choices: [Choice]
    }

    public let layer: Int
    public let name: String
    let stride: Int
    private let repeats: Int
    /// Offset among the layer's variables, and choices, of the number of blocks.
    private let repeatsVariable: (offset: Int, counts: [Int])?
    /// Of the variable that chooses among alternatives.
    private let alternativeOffset: Int?
    /// By alternative, before what is searched; one where there are none.
    private let bases: [BlockSettings]
    private let searched: [Searched]
    /// Attributes an alternative fixes are not those of a variable.
    private let fixedByAlternative: [Set<Attribute>]

    /// The layer has a block.
    init(_ layer: Layer, _ block: Block, index: Int) {
        self.layer = index
        name = layer.name
        stride = block.stride
        repeats = block.repeats
        var searched: [Searched] = []
        var repeatsVariable: (offset: Int, counts: [Int])?
        var alternativeOffset: Int?
        for (offset, variable) in layer.variables.enumerated() {
            if variable.name == Block.repeatsName {
                repeatsVariable = (offset, variable.choices.map { Int($0.number ?? 1) })
            } else if variable.name == Block.alternativeName {
                alternativeOffset = offset
            } else if let (attribute, position) = Block.attribute(named: variable.name) {
                searched.append(
                    Searched(
                        offset: offset, attribute: attribute, position: position,
                        choices: variable.choices))
            }
        }
        self.searched = searched
        self.repeatsVariable = repeatsVariable
        self.alternativeOffset = alternativeOffset
        func base(_ operation: Operation, _ fixed: [Attribute: Choice]) -> BlockSettings {
            var settings = BlockSettings(operation)
            for attribute in Attribute.allCases {
                if let choice = fixed[attribute] { settings.set(attribute, choice) }
            }
            return settings
        }
        if block.alternatives.isEmpty {
            bases = [base(block.operation, block.fixed)]
            fixedByAlternative = [[]]
        } else {
            bases = block.alternatives.map {
                base($0.operation, block.fixed.merging($0.fixed) { $1 })
            }
            fixedByAlternative = block.alternatives.map { Set($0.fixed.keys) }
        }
    }

    /// Number of blocks under the layer's choices.
    public func repeats(_ choices: some RandomAccessCollection<Int32>) -> Int {
        guard let (offset, counts) = repeatsVariable else { return repeats }
        return counts[Int(choices[choices.index(choices.startIndex, offsetBy: offset)])]
    }

    /// The attribute values of one block under the layer's choices: fixed, searched or default.
    public func settings(
        position: Int, _ choices: some RandomAccessCollection<Int32>
    ) -> BlockSettings {
        func choice(_ offset: Int) -> Int {
            Int(choices[choices.index(choices.startIndex, offsetBy: offset)])
        }
        let alternative = alternativeOffset.map(choice) ?? 0
        var settings = bases[alternative]
        for variable in searched
        where variable.position == nil || variable.position == position {
            if fixedByAlternative[alternative].contains(variable.attribute) { continue }
            settings.set(variable.attribute, variable.choices[choice(variable.offset)])
        }
        return settings
    }
}

extension SearchSpace {
    /// The layer's plan; nil in an abstract space.
    public func plan(of layer: Int) -> LayerPlan? {
        layers[layer].block.map { LayerPlan(layers[layer], $0, index: layer) }
    }
}
