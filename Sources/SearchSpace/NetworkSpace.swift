import Support

/// A layer of a network space in the making: attributes of several values are searched, single
/// values fixed.
///
/// Where an MBConv's kernel may be 0, what shapes its inside exists only under the other kernels;
/// its width always exists. What a block of its own chooses exists only where there are so many
/// blocks.
public struct LayerDraft: Sendable {
    /// An attribute of all blocks, or of the one at a position, with its values.
    public struct Entry: Hashable, Sendable {
        public let attribute: Attribute
        public let position: Int?
        public let values: AttributeValues

        public init(_ attribute: Attribute, _ position: Int?, _ values: AttributeValues) {
            self.attribute = attribute
            self.position = position
            self.values = values
        }

        public var name: String {
            position.map { Block.name(of: attribute, position: $0) } ?? attribute.rawValue
        }

        public var isSearched: Bool {
            if case .searched = values { return true }
            return false
        }
    }

    public var name: String
    public var operation: Operation
    public var stride = 1
    /// Numbers of blocks; searched where there are several.
    public var repeats = [1]
    public var entries: [Entry] = []
    /// Searched attributes that every block of the layer chooses for itself.
    public var perBlock: Set<Attribute> = []
    public var alternatives: [Block.Alternative] = []

    public init(_ name: String, _ operation: Operation) {
        self.name = name
        self.operation = operation
    }

    /// What makes a layer that has a block again, as far as a draft can say it.
    public init(of layer: Layer) {
        self.init(layer.name, layer.block?.operation ?? .skip)
        guard let block = layer.block else { return }
        stride = block.stride
        repeats = [block.repeats]
        alternatives = block.alternatives
        for attribute in Attribute.allCases {
            if let choice = block.fixed[attribute] {
                entries.append(Entry(attribute, nil, .fixed(choice)))
            }
        }
        for variable in layer.variables {
            if variable.name == Block.repeatsName {
                repeats = variable.choices.map { Int($0.number ?? 1) }
            } else if let (attribute, position) = Block.attribute(named: variable.name) {
                entries.append(Entry(attribute, position, .searched(variable.choices)))
            }
        }
    }

    /// Fixed and searched attributes that all blocks share.
    public var attributes: [(Attribute, AttributeValues)] {
        get { entries.map { ($0.attribute, $0.values) } }
        set { entries = newValue.map { Entry($0.0, nil, $0.1) } }
    }

    public func layer() throws(FPNASError) -> Layer {
        var fixed: [Attribute: Choice] = [:]
        var variables: [Variable] = []
        guard let most = repeats.max() else {
            throw .invalid("layer '\(name)' has an empty list of repeats")
        }
        if repeats.count > 1 {
            variables.append(Variable(Block.repeatsName, repeats.map(Choice.integer)))
        }
        if !alternatives.isEmpty {
            variables.append(
                Variable(Block.alternativeName, alternatives.map { .text($0.name) }))
        }
        // The kernel decides whether others exist, so it goes first; otherwise in given order.
        let kernelFirst =
            entries.filter { $0.attribute == .kernel }
            + entries.filter { $0.attribute != .kernel }
        var seen = Set<String>()
        for entry in kernelFirst {
            let attribute = entry.attribute
            guard seen.insert(entry.name).inserted else {
                throw .invalid("layer '\(name)' has '\(entry.name)' twice")
            }
            switch entry.values {
            case .fixed(let choice):
                guard entry.position == nil else {
                    throw .invalid("layer '\(name)' fixes '\(entry.name)' of one block alone")
                }
                fixed[attribute] = choice
            case .searched(let choices):
                var positions = [entry.position]
                if perBlock.contains(attribute), entry.position == nil {
                    positions = (0..<max(0, min(most, Block.maximumRepeats))).map { $0 }
                }
                for position in positions {
                    variables.append(
                        Variable(
                            Entry(attribute, position, entry.values).name, choices,
                            when: try condition(attribute, position, variables)))
                }
            }
        }
        return Layer(
            name, variables,
            block: Block(
                operation, fixed: fixed, stride: stride, repeats: most, alternatives: alternatives))
    }

    /// What decides whether an attribute's variable exists: the kernel of its block, else the
    /// number of blocks, else the alternative.
    private func condition(
        _ attribute: Attribute, _ position: Int?, _ variables: [Variable]
    ) throws(FPNASError) -> Condition? {
        var found: [Condition] = []
        if attribute != .kernel, attribute != .channels {
            for (index, variable) in variables.enumerated() {
                guard let (of, own) = Block.attribute(named: variable.name), of == .kernel,
                    own == nil || own == position, variable.choices.contains(.integer(0))
                else { continue }
                found.append(
                    Condition(
                        variable: index,
                        choices: variable.choices.indices.filter {
                            variable.choices[$0] != .integer(0)
                        }))
            }
        }
        if let position {
            // A kernel of the same block exists only where the block does.
            let viaKernel = found.contains {
                Block.attribute(named: variables[$0.variable].name)?.position != nil
            }
            if !viaKernel,
                let counts = condition(
                    variables, Block.repeatsName,
                    { choice in
                        (choice.number ?? 0) > Double(position)
                    })
            {
                found.append(counts)
            }
        }
        if found.isEmpty, !alternatives.isEmpty {
            let free = alternatives.filter {
                $0.operation.attributes.contains(attribute) && $0.fixed[attribute] == nil
            }
            if let named = condition(
                variables, Block.alternativeName,
                { choice in
                    free.contains { choice == .text($0.name) }
                })
            {
                found.append(named)
            }
        }
        guard found.count <= 1 else {
            throw .invalid(
                "layer '\(name)': '\(attribute.rawValue)' of each block would depend on the number "
                    + "of blocks and on a kernel they share: let each block choose its kernel too")
        }
        return found.first
    }

    /// That a variable has one of the choices that are wanted; nil where all are, or it is not.
    private func condition(
        _ variables: [Variable], _ name: String, _ isWanted: (Choice) -> Bool
    ) -> Condition? {
        guard let index = variables.firstIndex(where: { $0.name == name }) else { return nil }
        let choices = variables[index].choices
        let wanted = choices.indices.filter { isWanted(choices[$0]) }
        return wanted.count == choices.count ? nil : Condition(variable: index, choices: wanted)
    }
}

/// What a layer says of one attribute.
public enum AttributeValues: Hashable, Sendable {
    case fixed(Choice)
    case searched([Choice])
}

extension Layer {
    /// A layer of a network space whose blocks share every choice.
    public static func block(
        _ name: String, _ operation: Operation, stride: Int = 1, repeats: Int = 1,
        _ attributes: [(Attribute, AttributeValues)]
    ) throws(FPNASError) -> Layer {
        var draft = LayerDraft(name, operation)
        draft.stride = stride
        draft.repeats = [repeats]
        draft.attributes = attributes
        return try draft.layer()
    }
}

extension SearchSpace {
    /// The same space for images of another shape or another number of classes.
    public func adapted(to input: ImageShape, classes: Int) throws(FPNASError) -> SearchSpace {
        if let cells {
            return try SearchSpace(name: name, cells: cells, input: input, classes: classes)
        }
        return try SearchSpace(name: name, layers: layers, input: input, classes: classes)
    }
}
