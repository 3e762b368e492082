import Support

extension Layer {
    /// A layer of a network space: arrays of several values are searched, single values fixed.
    ///
    /// Where an MBConv's kernel may be 0, its activation, squeeze-and-excitation and expansion
    /// exist only under the other kernels; its width always exists.
    public static func block(
        _ name: String, _ operation: Operation, stride: Int = 1, repeats: Int = 1,
        _ attributes: [(Attribute, AttributeValues)]
    ) throws(FPNASError) -> Layer {
        var fixed: [Attribute: Choice] = [:]
        var variables: [Variable] = []
        var skip: Condition?
        // The kernel decides whether others exist, so it goes first; otherwise in given order.
        let kernelFirst =
            attributes.filter { $0.0 == .kernel } + attributes.filter { $0.0 != .kernel }
        var seen = Set<Attribute>()
        for (attribute, values) in kernelFirst {
            guard seen.insert(attribute).inserted else {
                throw .invalid("layer '\(name)' has '\(attribute.rawValue)' twice")
            }
            switch values {
            case .fixed(let choice): fixed[attribute] = choice
            case .searched(let choices):
                let conditional = attribute != .kernel && attribute != .channels
                variables.append(
                    Variable(attribute.rawValue, choices, when: conditional ? skip : nil))
                if attribute == .kernel, choices.contains(.integer(0)) {
                    skip = Condition(
                        variable: 0,
                        choices: choices.indices.filter { choices[$0] != .integer(0) })
                }
            }
        }
        return Layer(
            name, variables,
            block: Block(operation, fixed: fixed, stride: stride, repeats: repeats))
    }
}

/// What a layer says of one attribute.
public enum AttributeValues: Hashable, Sendable {
    case fixed(Choice)
    case searched([Choice])
}

extension SearchSpace {
    /// The same space for images of another shape or another number of classes.
    public func adapted(to input: ImageShape, classes: Int) throws(FPNASError) -> SearchSpace {
        try SearchSpace(name: name, layers: layers, input: input, classes: classes)
    }
}
