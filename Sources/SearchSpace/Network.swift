import Support

/// A concrete network: what an architecture of a network space builds.
///
/// Blocks are in an order in which each comes after its inputs; the last is the classifier.
public struct Network: Hashable, Sendable {
    public let input: ImageShape
    public let classes: Int
    public let blocks: [NetworkBlock]
}

extension SearchSpace {
    /// The network an architecture stands for. O(V + number of blocks).
    ///
    /// Rules: padding keeps ⌈size / stride⌉ unless it is given; hidden width = in · expansion,
    /// rounded; kernel 0 is an identity where shapes match and a strided 1×1 convolution
    /// elsewhere, for all blocks of the group.
    public func network(_ architecture: [Int32]) throws(FPNASError) -> Network {
        guard let input else {
            throw .invalid("the space '\(name)' is abstract: its layers build no network")
        }
        try check(architecture)
        if let cells {
            return Network(
                input: input, classes: classes,
                blocks: cells.build(architecture, input: input, classes: classes).blocks)
        }
        var blocks: [NetworkBlock] = []
        var shape = input
        for index in layers.indices {
            guard let plan = plan(of: index) else { continue }
            blocks += try plan.blocks(
                architecture[variables(of: index)], shape, after: blocks.count - 1,
                classes: classes)
            shape = blocks.last?.outShape ?? shape
        }
        return Network(input: input, classes: classes, blocks: blocks)
    }

    /// The network in which every layer takes its largest kernel, expansion, width, repeats and
    /// radix, with squeeze-and-excitation, on the largest images: of one chain no other needs more
    /// weights or activations. Of alternatives, and of a cell network, the last choice.
    ///
    /// - Parameter shrinking: on the smallest images instead.
    public func largestArchitecture(shrinking: Bool = false) -> [Int32] {
        var architecture: [Int32] = []
        for layer in layers {
            for variable in layer.variables {
                var best = 0
                let isName = variable.choices.allSatisfy { $0.number == nil }
                if isName && (cells != nil || variable.name == Block.alternativeName) {
                    best = variable.choices.count - 1
                }
                // Of factors the least leaves the largest images.
                let isFactor =
                    layer.block != nil
                    && Block.attribute(named: variable.name)?.attribute == .factor
                let sign = isFactor && !shrinking ? -1.0 : 1.0
                func size(_ c: Int) -> Double { sign * (variable.choices[c].number ?? 0) }
                for c in variable.choices.indices where size(c) > size(best) { best = c }
                architecture.append(Int32(best))
            }
        }
        return architecture
    }
}

extension LayerPlan {
    /// The block at one position with these settings, on an input of a shape.
    public func block(
        _ settings: BlockSettings, _ position: Int, _ input: ImageShape, _ classes: Int
    ) throws(FPNASError) -> NetworkBlock {
        try NetworkBlock(
            settings, layer: layer, named: name, position: position, input: -1,
            stride: position == 0 ? stride : 1, classes: classes, input)
    }

    /// The blocks the layer builds on an input of a shape, behind block `after`.
    public func blocks(
        _ choices: some RandomAccessCollection<Int32>, _ input: ImageShape, after: Int = -1,
        classes: Int
    ) throws(FPNASError) -> [NetworkBlock] {
        var blocks: [NetworkBlock] = []
        var shape = input
        for position in 0..<repeats(choices) {
            let block = try NetworkBlock(
                settings(position: position, choices), layer: layer, named: name,
                position: position, input: after + position, stride: position == 0 ? stride : 1,
                classes: classes, shape)
            shape = block.outShape
            blocks.append(block)
        }
        return blocks
    }
}
