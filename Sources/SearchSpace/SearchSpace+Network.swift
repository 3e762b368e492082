import Support

/// What makes a space a network space.
extension SearchSpace {
    /// Blocks everywhere, one classifier at the end, buildable values.
    func checkNetwork() throws(FPNASError) {
        guard let input else {
            if let layer = layers.first(where: { $0.block != nil }) {
                throw .invalid("layer '\(layer.name)' has an operation, but '\(name)' has no input")
            }
            return
        }
        guard (1...4096).contains(input.height), (1...4096).contains(input.width),
            (1...64).contains(input.channels)
        else {
            throw .invalid(
                "input must be at most 4096 x 4096 x 64, got "
                    + "\(input.height) x \(input.width) x \(input.channels)")
        }
        guard (2...65536).contains(classes) else {
            throw .invalid("classes must be in [2, 65536], got \(classes)")
        }
        guard cells == nil else { return }
        for (index, layer) in layers.enumerated() {
            guard let block = layer.block else {
                throw .invalid("layer '\(layer.name)' of a network space has no operation")
            }
            guard (block.operations == [.classifier]) == (index == layers.count - 1) else {
                throw .invalid(
                    "layer '\(layer.name)': a network space ends with its only classifier")
            }
            try checkBlock(block, of: layer)
        }
        // Sizes and groups that do not fit are found here rather than in the middle of a search,
        // at least where all networks have them.
        _ = try network([Int32](repeating: 0, count: variableCount))
        _ = try network(largestArchitecture())
        _ = try network(largestArchitecture(shrinking: true))
    }

    private func checkBlock(_ block: Block, of layer: Layer) throws(FPNASError) {
        guard (1...8).contains(block.stride), (1...Block.maximumRepeats).contains(block.repeats)
        else {
            throw .invalid(
                "layer '\(layer.name)': stride must be in [1, 8] and repeats in "
                    + "[1, \(Block.maximumRepeats)], got \(block.stride) and \(block.repeats)")
        }
        guard
            !block.operations.contains(.resolution) || (block.stride == 1 && block.repeats == 1)
        else {
            throw .invalid(
                "layer '\(layer.name)': a resolution has neither stride nor repeats, got "
                    + "\(block.stride) and \(block.repeats)")
        }
        try checkAlternatives(block, of: layer)
        for variable in layer.variables {
            switch variable.name {
            case Block.alternativeName where !block.alternatives.isEmpty: continue
            case Block.repeatsName:
                for choice in variable.choices {
                    guard case .integer(let count) = choice, (1...block.repeats).contains(count)
                    else {
                        throw .invalid(
                            "layer '\(layer.name)': repeats must be in [1, \(block.repeats)], got "
                                + "'\(choice.label)'")
                    }
                }
            default: try checkAttribute(variable, block, of: layer)
            }
        }
        for attribute in Attribute.allCases {
            guard let choice = block.fixed[attribute] else { continue }
            let known = block.operations.filter { $0.attributes.contains(attribute) }
            guard !known.isEmpty else {
                throw .invalid(
                    "layer '\(layer.name)': \(block.operation.rawValue) has no attribute "
                        + "'\(attribute.rawValue)'")
            }
            for operation in known { try operation.check(attribute, choice, in: layer.name) }
        }
        try checkChannels(block, of: layer)
        try checkAttention(block, of: layer)
    }

    private func checkAlternatives(_ block: Block, of layer: Layer) throws(FPNASError) {
        guard !block.alternatives.isEmpty else { return }
        let variable = layer.variables.first { $0.name == Block.alternativeName }
        guard variable?.choices == block.alternatives.map({ Choice.text($0.name) }) else {
            throw .invalid(
                "layer '\(layer.name)': the variable 'op' must list its alternatives in order")
        }
        for alternative in block.alternatives {
            guard alternative.operation != .classifier else {
                throw .invalid("layer '\(layer.name)': a classifier is no alternative")
            }
            for attribute in Attribute.allCases {
                guard let choice = alternative.fixed[attribute] else { continue }
                guard alternative.operation.attributes.contains(attribute) else {
                    throw .invalid(
                        "layer '\(layer.name)': \(alternative.operation.rawValue) of "
                            + "'\(alternative.name)' has no attribute '\(attribute.rawValue)'")
                }
                try alternative.operation.check(attribute, choice, in: layer.name)
            }
        }
    }

    private func checkAttribute(
        _ variable: Variable, _ block: Block, of layer: Layer
    ) throws(FPNASError) {
        let found = Block.attribute(named: variable.name)
        let known = block.operations.filter { operation in
            found.map { operation.attributes.contains($0.attribute) } ?? false
        }
        guard let (attribute, position) = found, !known.isEmpty, block.fixed[attribute] == nil,
            (position ?? 0) < block.repeats,
            position == nil || !layer.variables.contains(where: { $0.name == attribute.rawValue })
        else {
            throw .invalid(
                "layer '\(layer.name)': \(block.operation.rawValue) has no free attribute "
                    + "'\(variable.name)'")
        }
        for operation in known {
            for choice in variable.choices {
                try operation.check(attribute, choice, in: layer.name)
            }
        }
    }

    private func checkChannels(_ block: Block, of layer: Layer) throws(FPNASError) {
        let name = Attribute.channels.rawValue
        let everywhere =
            block.fixed[.channels] != nil || layer.variables.contains { $0.name == name }
            || (0..<block.repeats).allSatisfy { position in
                let own = Block.name(of: .channels, position: position)
                return layer.variables.contains { $0.name == own }
            }
        let needs =
            block.alternatives.isEmpty
            ? block.operation.needsChannels
            : block.alternatives.contains {
                $0.operation.needsChannels && $0.fixed[.channels] == nil
            }
        guard everywhere || !needs else { throw .invalid("layer '\(layer.name)' has no channels") }
    }

    /// Squeeze-and-excitation is the first of the splits: only one of the two may speak.
    private func checkAttention(_ block: Block, of layer: Layer) throws(FPNASError) {
        func has(_ attribute: Attribute) -> Bool {
            block.fixed[attribute] != nil
                || layer.variables.contains {
                    Block.attribute(named: $0.name)?.attribute == attribute
                }
        }
        guard !(has(.squeezeExcite) && has(.splits)) else {
            throw .invalid(
                "layer '\(layer.name)': se is splits 1, so that only one of them may be given")
        }
    }
}
