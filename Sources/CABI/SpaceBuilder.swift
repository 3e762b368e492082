import CFPNAS
import SearchSpace
import Support

/// A space in the making.
final class SpaceBuilder: Handled {
    static let tag: UInt = 1
    static let typeName = "space builder"

    private struct Draft {
        let name: String
        var block: (operation: Operation, stride: Int)?
        var repeats = [1]
        var perBlock = Set<Attribute>()
        var alternatives: [(name: String, operation: Operation, fixed: [Attribute: Choice])] = []
        var attributes: [(name: String, values: AttributeValues)] = []
        // Parallel to the searched attributes of an abstract layer.
        var conditions: [Condition?] = []
    }

    let name: String
    private var input: (shape: ImageShape, classes: Int)?
    private var layers: [Draft] = []

    init(name: String) { self.name = name }

    func setInput(_ shape: ImageShape, classes: Int) { input = (shape, classes) }

    func addLayer(_ name: String) { layers.append(Draft(name: name)) }

    private func lastLayer() throws(FPNASError) -> Int {
        guard !layers.isEmpty else { throw FPNASError(.state, "the builder has no layer yet") }
        return layers.count - 1
    }

    func setOperation(_ name: String, stride: Int, repeats: Int) throws(FPNASError) {
        let layer = try lastLayer()
        layers[layer].block = (try operation(name), stride)
        layers[layer].repeats = [repeats]
    }

    private func operation(_ name: String) throws(FPNASError) -> Operation {
        guard let operation = Operation(rawValue: name) else {
            let all = Operation.allCases.map(\.rawValue).joined(separator: ", ")
            throw .invalid("operation must be one of \(all), got '\(name)'")
        }
        return operation
    }

    private func attribute(_ name: String, in layer: Int) throws(FPNASError) -> Attribute {
        guard let attribute = Attribute(rawValue: name) else {
            throw .invalid("layer '\(layers[layer].name)': no operation has an attribute '\(name)'")
        }
        return attribute
    }

    func setRepeats(_ counts: [Int]) throws(FPNASError) {
        let layer = try lastLayer()
        for count in counts where !(1...Block.maximumRepeats).contains(count) {
            throw .invalid(
                "layer '\(layers[layer].name)': repeats must be in [1, \(Block.maximumRepeats)], got "
                    + "\(count)")
        }
        layers[layer].repeats = counts
    }

    func setPerBlock(_ name: String) throws(FPNASError) {
        let layer = try lastLayer()
        layers[layer].perBlock.insert(try attribute(name, in: layer))
    }

    func addAlternative(_ name: String, _ operationName: String) throws(FPNASError) {
        let layer = try lastLayer()
        layers[layer].alternatives.append((name, try operation(operationName), [:]))
    }

    func add(_ name: String, _ values: AttributeValues) throws(FPNASError) {
        let layer = try lastLayer()
        if case .fixed(let choice) = values, let last = layers[layer].alternatives.indices.last {
            let attribute = try attribute(name, in: layer)
            guard layers[layer].alternatives[last].fixed[attribute] == nil else {
                throw .invalid(
                    "'\(layers[layer].alternatives[last].name)' of layer '\(layers[layer].name)' has "
                        + "'\(name)' twice")
            }
            layers[layer].alternatives[last].fixed[attribute] = choice
            return
        }
        layers[layer].attributes.append((name, values))
        layers[layer].conditions.append(nil)
    }

    func setCondition(on variable: String, _ choices: [Int]) throws(FPNASError) {
        let layer = try lastLayer()
        guard let last = layers[layer].attributes.indices.last else {
            throw FPNASError(.state, "layer '\(layers[layer].name)' has no variable yet")
        }
        guard
            let parent = layers[layer].attributes[..<last].firstIndex(where: {
                $0.name == variable
            })
        else {
            throw .invalid(
                "layer '\(layers[layer].name)' has no earlier variable '\(variable)' to depend on")
        }
        layers[layer].conditions[last] = Condition(variable: parent, choices: choices)
    }

    func finish() throws(FPNASError) -> SearchSpace {
        var built: [Layer] = []
        for draft in layers { built.append(try layer(draft)) }
        return try SearchSpace(
            name: name, layers: built, input: input?.shape, classes: input?.classes ?? 0)
    }

    private func layer(_ draft: Draft) throws(FPNASError) -> Layer {
        if let block = draft.block {
            guard draft.conditions.allSatisfy({ $0 == nil }) else {
                throw .invalid(
                    "layer '\(draft.name)': the conditions of an operation's variables are its own")
            }
            var layer = LayerDraft(draft.name, block.operation)
            layer.stride = block.stride
            layer.repeats = draft.repeats
            layer.perBlock = draft.perBlock
            layer.alternatives = draft.alternatives.map {
                Block.Alternative($0.name, $0.operation, fixed: $0.fixed)
            }
            for (name, values) in draft.attributes {
                guard let (attribute, position) = Block.attribute(named: name) else {
                    throw .invalid("layer '\(draft.name)': no operation has an attribute '\(name)'")
                }
                layer.entries.append(LayerDraft.Entry(attribute, position, values))
            }
            return try layer.layer()
        }
        guard draft.alternatives.isEmpty, draft.perBlock.isEmpty, draft.repeats == [1] else {
            throw .invalid("layer '\(draft.name)' has blocks, but no operation")
        }
        var variables: [Variable] = []
        for (attribute, condition) in zip(draft.attributes, draft.conditions) {
            guard case .searched(let choices) = attribute.values else {
                throw .invalid(
                    "layer '\(draft.name)' fixes '\(attribute.name)', but has no operation")
            }
            variables.append(Variable(attribute.name, choices, when: condition))
        }
        return Layer(draft.name, variables)
    }
}

@_cdecl("fpnas_space_builder_create") @implementation
public func fpnas_space_builder_create(
    _ name: UnsafePointer<CChar>?, _ builder: UnsafeMutablePointer<OpaquePointer?>?
) -> fpnas_status {
    unsafe clear(builder)
    return boundary { () throws(FPNASError) in
        try unsafe putHandle(builder, "builder") { () throws(FPNASError) in
            SpaceBuilder(name: try unsafe string(name, "name"))
        }
    }
}

@_cdecl("fpnas_space_builder_set_input") @implementation
public func fpnas_space_builder_set_input(
    _ builder: OpaquePointer?, _ height: Int32, _ width: Int32, _ channels: Int32, _ classes: Int32
) -> fpnas_status {
    boundary { () throws(FPNASError) in
        try unsafe withHandle(builder, SpaceBuilder.self) { builder in
            builder.setInput(
                ImageShape(height: Int(height), width: Int(width), channels: Int(channels)),
                classes: Int(classes))
        }
    }
}

@_cdecl("fpnas_space_builder_add_layer") @implementation
public func fpnas_space_builder_add_layer(
    _ builder: OpaquePointer?, _ name: UnsafePointer<CChar>?
) -> fpnas_status {
    boundary { () throws(FPNASError) in
        try unsafe withHandle(builder, SpaceBuilder.self) { (builder) throws(FPNASError) in
            builder.addLayer(try unsafe string(name, "name"))
        }
    }
}

@_cdecl("fpnas_space_builder_set_operation") @implementation
public func fpnas_space_builder_set_operation(
    _ builder: OpaquePointer?, _ operation: UnsafePointer<CChar>?, _ stride: Int32, _ repeats: Int32
) -> fpnas_status {
    boundary { () throws(FPNASError) in
        try unsafe withHandle(builder, SpaceBuilder.self) { (builder) throws(FPNASError) in
            try builder.setOperation(
                try unsafe string(operation, "operation"), stride: Int(stride),
                repeats: Int(repeats))
        }
    }
}

@_cdecl("fpnas_space_builder_set_repeats") @implementation
public func fpnas_space_builder_set_repeats(
    _ builder: OpaquePointer?, _ counts: UnsafePointer<Int32>?, _ count: Int
) -> fpnas_status {
    boundary { () throws(FPNASError) in
        try unsafe withHandle(builder, SpaceBuilder.self) { (builder) throws(FPNASError) in
            guard (1...SearchSpace.maximumChoices).contains(count) else {
                throw .invalid(
                    "repeats must have 1 to \(SearchSpace.maximumChoices) counts, got "
                        + "\(UInt(bitPattern: count))")
            }
            try builder.setRepeats(try unsafe array(counts, count, "counts").map(Int.init))
        }
    }
}

@_cdecl("fpnas_space_builder_set_per_block") @implementation
public func fpnas_space_builder_set_per_block(
    _ builder: OpaquePointer?, _ attribute: UnsafePointer<CChar>?
) -> fpnas_status {
    boundary { () throws(FPNASError) in
        try unsafe withHandle(builder, SpaceBuilder.self) { (builder) throws(FPNASError) in
            try builder.setPerBlock(try unsafe string(attribute, "attribute"))
        }
    }
}

@_cdecl("fpnas_space_builder_add_alternative") @implementation
public func fpnas_space_builder_add_alternative(
    _ builder: OpaquePointer?, _ name: UnsafePointer<CChar>?, _ operation: UnsafePointer<CChar>?
) -> fpnas_status {
    boundary { () throws(FPNASError) in
        try unsafe withHandle(builder, SpaceBuilder.self) { (builder) throws(FPNASError) in
            try builder.addAlternative(
                try unsafe string(name, "name"), try unsafe string(operation, "operation"))
        }
    }
}

/// Adds a searched attribute made of the given choices.
private func add<T>(
    _ builder: OpaquePointer?, _ name: UnsafePointer<CChar>?, _ choices: UnsafePointer<T>?,
    _ count: Int, _ choice: (T) throws(FPNASError) -> Choice
) -> fpnas_status {
    boundary { () throws(FPNASError) in
        try unsafe withHandle(builder, SpaceBuilder.self) { (builder) throws(FPNASError) in
            let name = try unsafe string(name, "name")
            guard (1...SearchSpace.maximumChoices).contains(count) else {
                throw .invalid(
                    "'\(name)' must have 1 to \(SearchSpace.maximumChoices) choices, got "
                        + "\(UInt(bitPattern: count))")
            }
            let values = try unsafe input(choices, count, "choices")
            var built: [Choice] = []
            for i in 0..<count { unsafe built.append(try choice(values[i])) }
            try builder.add(name, .searched(built))
        }
    }
}

@_cdecl("fpnas_space_builder_add_integers") @implementation
public func fpnas_space_builder_add_integers(
    _ builder: OpaquePointer?, _ name: UnsafePointer<CChar>?, _ choices: UnsafePointer<Int64>?,
    _ count: Int
) -> fpnas_status {
    unsafe add(builder, name, choices, count) { .integer(Int($0)) }
}

private func finite(_ value: Double, _ name: String) throws(FPNASError) -> Double {
    guard value.isFinite else { throw .invalid("\(name) must be finite, got \(value)") }
    return value
}

@_cdecl("fpnas_space_builder_add_reals") @implementation
public func fpnas_space_builder_add_reals(
    _ builder: OpaquePointer?, _ name: UnsafePointer<CChar>?, _ choices: UnsafePointer<Double>?,
    _ count: Int
) -> fpnas_status {
    unsafe add(builder, name, choices, count) { (value) throws(FPNASError) in
        .real(try finite(value, "a choice"))
    }
}

@_cdecl("fpnas_space_builder_add_texts") @implementation
public func fpnas_space_builder_add_texts(
    _ builder: OpaquePointer?, _ name: UnsafePointer<CChar>?,
    _ choices: UnsafePointer<UnsafePointer<CChar>?>?, _ count: Int
) -> fpnas_status {
    unsafe add(builder, name, choices, count) { (text) throws(FPNASError) in
        .text(try unsafe string(text, "a choice"))
    }
}

@_cdecl("fpnas_space_builder_set_condition") @implementation
public func fpnas_space_builder_set_condition(
    _ builder: OpaquePointer?, _ variable: UnsafePointer<CChar>?, _ choices: UnsafePointer<Int32>?,
    _ count: Int
) -> fpnas_status {
    boundary { () throws(FPNASError) in
        try unsafe withHandle(builder, SpaceBuilder.self) { (builder) throws(FPNASError) in
            try builder.setCondition(
                on: try unsafe string(variable, "variable"),
                try unsafe array(choices, count, "choices").map(Int.init))
        }
    }
}

private func fix(
    _ builder: OpaquePointer?, _ attribute: UnsafePointer<CChar>?,
    _ choice: () throws(FPNASError) -> Choice
) -> fpnas_status {
    boundary { () throws(FPNASError) in
        try unsafe withHandle(builder, SpaceBuilder.self) { (builder) throws(FPNASError) in
            try builder.add(try unsafe string(attribute, "attribute"), .fixed(try choice()))
        }
    }
}

@_cdecl("fpnas_space_builder_fix_integer") @implementation
public func fpnas_space_builder_fix_integer(
    _ builder: OpaquePointer?, _ attribute: UnsafePointer<CChar>?, _ value: Int64
) -> fpnas_status {
    unsafe fix(builder, attribute) { .integer(Int(value)) }
}

@_cdecl("fpnas_space_builder_fix_real") @implementation
public func fpnas_space_builder_fix_real(
    _ builder: OpaquePointer?, _ attribute: UnsafePointer<CChar>?, _ value: Double
) -> fpnas_status {
    unsafe fix(builder, attribute) { () throws(FPNASError) in .real(try finite(value, "value")) }
}

@_cdecl("fpnas_space_builder_fix_text") @implementation
public func fpnas_space_builder_fix_text(
    _ builder: OpaquePointer?, _ attribute: UnsafePointer<CChar>?, _ value: UnsafePointer<CChar>?
) -> fpnas_status {
    unsafe fix(builder, attribute) { () throws(FPNASError) in
        .text(try unsafe string(value, "value"))
    }
}

@_cdecl("fpnas_space_builder_finish") @implementation
public func fpnas_space_builder_finish(
    _ builder: OpaquePointer?, _ space: UnsafeMutablePointer<OpaquePointer?>?
) -> fpnas_status {
    unsafe clear(space)
    return boundary { () throws(FPNASError) in
        try unsafe putHandle(space, "space") { () throws(FPNASError) in
            try unsafe withHandle(builder, SpaceBuilder.self) { (builder) throws(FPNASError) in
                SpaceHandle(try builder.finish())
            }
        }
    }
}

@_cdecl("fpnas_space_builder_free") @implementation
public func fpnas_space_builder_free(_ builder: OpaquePointer?) {
    unsafe freeHandle(builder, SpaceBuilder.self)
}
