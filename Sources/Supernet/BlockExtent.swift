import SearchSpace
import Support

/// The largest widths, and all kernels, that the block at one place of a space may have.
struct BlockExtent {
    let layer: Int
    let position: Int
    let operation: Operation
    let stride: Int
    let inHeight: Int
    let inWidth: Int
    let outHeight: Int
    let outWidth: Int
    var inChannels = 0
    var hiddenChannels = 0
    var outChannels = 0
    var squeezeChannels = 0
    /// Kernel sizes above 0, ascending.
    var kernels: [Int] = []
    /// Whether some expansion differs from 1.
    var hasExpansion = false
    /// Whether kernel 0 may need a 1×1 convolution because shapes differ.
    var hasProjection = false

    var inPixels: Int { inHeight * inWidth }
    var outPixels: Int { outHeight * outWidth }
}

extension BlockExtent {
    /// Every block position of a network space, in order.
    static func extents(of space: SearchSpace) throws(FPNASError) -> [BlockExtent] {
        guard let input = space.input else {
            throw .invalid("the space '\(space.name)' is abstract: it has no networks to train")
        }
        try requireTrainable(space)
        var extents: [BlockExtent] = []
        var widths = [input.channels]
        var height = input.height
        var width = input.width
        for index in space.layers.indices {
            guard let block = space.layers[index].block else { continue }
            let values = AttributeRange(space, layer: index)
            for position in 0..<block.repeats {
                let stride = position == 0 ? block.stride : 1
                var extent = BlockExtent(
                    layer: index, position: position, operation: block.operation, stride: stride,
                    inHeight: height, inWidth: width, outHeight: (height + stride - 1) / stride,
                    outWidth: (width + stride - 1) / stride)
                extent.inChannels = widths.max() ?? 0
                if block.operation == .classifier {
                    extent.outChannels = space.classes
                } else {
                    extent.take(values, inWidths: widths)
                    widths = values.channels
                    height = extent.outHeight
                    width = extent.outWidth
                }
                extents.append(extent)
            }
        }
        return extents
    }

    /// Other operations and attributes have costs, and no kernels yet.
    private static func requireTrainable(_ space: SearchSpace) throws(FPNASError) {
        let known: Set<Attribute> = [.kernel, .activation, .squeezeExcite, .expansion, .channels]
        for layer in space.layers {
            guard let block = layer.block, block.alternatives.isEmpty,
                [.convolution, .mbconv, .classifier].contains(block.operation),
                known.isSuperset(of: block.fixed.keys),
                layer.variables.allSatisfy({ variable in
                    Attribute(rawValue: variable.name).map(known.contains) ?? false
                })
            else {
                throw .invalid(
                    "layer '\(layer.name)' of '\(space.name)' is none the built-in supernet can train"
                )
            }
        }
    }

    private mutating func take(_ values: AttributeRange, inWidths: [Int]) {
        outChannels = values.channels.max() ?? 0
        kernels = values.kernels.filter { $0 > 0 }.sorted()
        guard operation == .mbconv else { return }
        if values.kernels.contains(0) {
            // Later blocks of a group have the shape of their input by construction.
            let alwaysMatches = inWidths.count == 1 && inWidths == values.channels
            hasProjection = position == 0 && (stride != 1 || !alwaysMatches)
        }
        guard !kernels.isEmpty else { return }
        hasExpansion = values.expansions.contains { $0 != 1 }
        // In range: widths are at most 2^16 and expansions at most 64.
        let widest = (Double(inChannels) * (values.expansions.max() ?? 1)).rounded()
        hiddenChannels = max(1, Int(widest))
        squeezeChannels = values.squeezes ? (hiddenChannels + 3) / 4 : 0
    }

    /// Every block position of some networks of one space: the smallest that hold them all.
    static func extents(of networks: [Network]) throws(FPNASError) -> [BlockExtent] {
        guard let first = networks.first else { throw .invalid("there are no networks to train") }
        var extents = first.blocks.map { block in
            BlockExtent(
                layer: block.layer, position: block.position, operation: block.kind.operation,
                stride: block.stride, inHeight: block.inHeight, inWidth: block.inWidth,
                outHeight: block.outHeight, outWidth: block.outWidth)
        }
        for network in networks {
            guard network.input == first.input, network.classes == first.classes,
                network.blocks.count == extents.count
            else { throw .invalid("the networks to train are not of one space") }
            for (i, block) in network.blocks.enumerated() {
                guard block.isAt(extents[i]) else {
                    throw .invalid("the networks to train are not of one space")
                }
                extents[i].include(block)
            }
        }
        return extents
    }

    private mutating func include(_ block: NetworkBlock) {
        inChannels = max(inChannels, block.inChannels)
        outChannels = max(outChannels, block.outChannels)
        switch block.kind {
        case .identity, .classifier: return
        case .projection:
            hasProjection = true
            return
        case .mbconv:
            hiddenChannels = max(hiddenChannels, block.hiddenChannels)
            squeezeChannels = max(squeezeChannels, block.squeezeChannels)
            hasExpansion = hasExpansion || block.hasExpansion
        default: break
        }
        if !kernels.contains(block.kernel) { kernels = (kernels + [block.kernel]).sorted() }
    }
}

extension NetworkBlock.Kind {
    var operation: Operation {
        switch self {
        case .convolution: return .convolution
        case .classifier: return .classifier
        default: return .mbconv
        }
    }
}

extension NetworkBlock {
    /// Whether this block may stand at a place of the space.
    func isAt(_ extent: BlockExtent) -> Bool {
        layer == extent.layer && position == extent.position && kind.operation == extent.operation
            && stride == extent.stride && inHeight == extent.inHeight && inWidth == extent.inWidth
    }
}

/// All values of a layer's attributes.
private struct AttributeRange {
    let kernels: [Int]
    let channels: [Int]
    let expansions: [Double]
    let squeezes: Bool

    init(_ space: SearchSpace, layer: Int) {
        // One architecture per choice shows the values of every variable of the layer.
        var architecture = [Int32](repeating: 0, count: space.variableCount)
        let variables = space.variables(of: layer)
        guard let plan = space.plan(of: layer) else {
            (kernels, channels, expansions, squeezes) = ([], [], [], false)
            return
        }
        var settings = [plan.settings(position: 0, architecture[space.variables(of: layer)])]
        for v in variables {
            for choice in 1..<max(1, space.choiceCounts[v]) {
                architecture[v] = Int32(choice)
                settings.append(
                    plan.settings(position: 0, architecture[space.variables(of: layer)]))
            }
            architecture[v] = 0
        }
        kernels = Array(Set(settings.map(\.kernel))).sorted()
        channels = Array(Set(settings.map(\.channels))).sorted()
        expansions = Array(Set(settings.map(\.expansion))).sorted()
        squeezes = settings.contains { $0.squeezeExcite }
    }
}
