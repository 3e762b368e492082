import CKernels
import SearchSpace
import Support

/// A matrix among the parameters: its first element, and floats from row to row.
struct MatrixPlace {
    var offset = 0
    var line = 0
}

/// A batch normalisation: parameters' offsets, its place in the running statistics, its state in
/// the arena and the channels in use.
struct NormPlace {
    var gamma = 0
    var beta = 0
    var line = 0
    var statistics = 0
    var state = 0
    var channels = 0
}

/// One block of a concrete network with every place in memory it uses.
struct BoundBlock {
    var kind = NetworkBlock.Kind.identity
    var layer = 0
    var position = 0
    var kernel = 1
    var stride = 1
    var activation = Int32(FPNAS_LINEAR)
    var inChannels = 0
    var hiddenChannels = 0
    var outChannels = 0
    var squeezeChannels = 0
    var inHeight = 0
    var inWidth = 0
    var outHeight = 0
    var outWidth = 0
    var hasExpansion = false
    var hasResidual = false

    /// Input channels of the maximal weight: rows from one tap of a convolution to the next.
    var weightInChannels = 0
    var expand = MatrixPlace()
    /// k×k, skip or classifier weights.
    var main = MatrixPlace()
    var squeeze = MatrixPlace()
    var excite = MatrixPlace()
    var project = MatrixPlace()
    var squeezeBias = 0
    var exciteBias = 0
    var classifyBias = 0
    var expandNorm = NormPlace()
    var innerNorm = NormPlace()
    var outNorm = NormPlace()

    var regions = ActivationPlan.Regions()
    /// Arena offset of the block's input.
    var input = 0
    var isFirst = false

    var inLine: Int { laneAligned(inChannels) }
    var hiddenLine: Int { laneAligned(hiddenChannels) }
    var outLine: Int { laneAligned(outChannels) }
    var squeezeLine: Int { laneAligned(squeezeChannels) }
    var inPixels: Int { inHeight * inWidth }
    var outPixels: Int { outHeight * outWidth }
    /// Floats of one image at the block's ends and inside.
    var inSize: Int { inPixels * inLine }
    var outSize: Int { outPixels * outLine }
    var hiddenInSize: Int { inPixels * hiddenLine }
    var hiddenOutSize: Int { outPixels * hiddenLine }
    var border: Int { kernel / 2 }
    var paddedLine: Int { (inWidth + 2 * border) * hiddenLine }
    var paddedSize: Int { (inHeight + 2 * border) * paddedLine }
    /// Columns of the patch matrix of a k×k convolution.
    var patchSize: Int { kernel * kernel * inChannels }
    /// Whether the input itself is the patch matrix.
    var isPointwise: Bool { kernel == 1 && stride == 1 }
}

extension Supernet {
    /// Refuses a network that is not of this space, and finds the places of its blocks.
    func bind(_ network: Network) throws(FPNASError) {
        guard network.input == input, network.classes == classes,
            network.blocks.count == extents.count
        else { throw .invalid("the network is not of the supernet's space") }
        bound.removeAll(keepingCapacity: true)
        var input = plan.images
        for (i, block) in network.blocks.enumerated() {
            var place = try bind(block, at: i)
            place.input = input
            place.isFirst = input == plan.images
            if block.kind != .identity { input = place.regions.output }
            bound.append(place)
        }
    }

    private func bind(_ block: NetworkBlock, at index: Int) throws(FPNASError) -> BoundBlock {
        let extent = extents[index]
        let number = extent.kernels.firstIndex(of: block.kernel)
        let fits: Bool
        switch block.kind {
        case .identity: fits = block.inChannels == block.outChannels
        case .classifier: fits = block.outChannels == extent.outChannels
        case .projection: fits = extent.hasProjection
        case .convolution: fits = number != nil
        case .mbconv:
            fits =
                number != nil && block.hiddenChannels <= extent.hiddenChannels
                && block.squeezeChannels <= extent.squeezeChannels
                && (extent.hasExpansion || !block.hasExpansion)
                && (block.hasExpansion || block.hiddenChannels == block.inChannels)
        default: fits = false
        }
        let incoming = bound.last?.outChannels ?? input.channels
        guard fits, block.isAt(extent), block.inChannels == incoming,
            block.inChannels <= extent.inChannels, block.outChannels <= extent.outChannels
        else {
            throw .invalid(
                "block \(block.position) of layer '\(layerNames[extent.layer])' is not of the "
                    + "supernet's space")
        }
        var place = BoundBlock(block, extent, plan.blocks[index])
        let slots = weights.blocks[index]
        switch block.kind {
        case .identity: break
        case .classifier:
            place.main = matrix(slots.classify)
            place.classifyBias = matrix(slots.classifyBias).offset
        case .projection:
            place.main = matrix(slots.skip.weight)
            place.outNorm = norm(slots.skip, place.regions.outNorm, place.outChannels)
        case .convolution:
            let weighted = slots.kernels[number ?? 0]
            place.main = matrix(weighted.weight)
            place.outNorm = norm(weighted, place.regions.outNorm, place.outChannels)
        case .mbconv:
            let weighted = slots.kernels[number ?? 0]
            place.main = matrix(weighted.weight)
            place.innerNorm = norm(weighted, place.regions.innerNorm, place.hiddenChannels)
            place.project = matrix(slots.project.weight)
            place.outNorm = norm(slots.project, place.regions.outNorm, place.outChannels)
            if block.hasExpansion {
                place.expand = matrix(slots.expand.weight)
                place.expandNorm = norm(
                    slots.expand, place.regions.expandNorm, place.hiddenChannels)
            }
            if block.squeezeChannels > 0 {
                place.squeeze = matrix(slots.squeeze)
                place.excite = matrix(slots.excite)
                place.squeezeBias = matrix(slots.squeezeBias).offset
                place.exciteBias = matrix(slots.exciteBias).offset
            }
        default: break
        }
        return place
    }

    private func matrix(_ slot: Int) -> MatrixPlace {
        MatrixPlace(offset: weights.slots[slot].offset, line: weights.slots[slot].line)
    }

    private func norm(_ weighted: BlockSlots.Weighted, _ state: Int, _ channels: Int) -> NormPlace {
        let norm = weights.norms[weighted.norm]
        return NormPlace(
            gamma: matrix(norm.gamma).offset, beta: matrix(norm.beta).offset, line: norm.line,
            statistics: norm.statistics, state: state, channels: channels)
    }
}

extension BoundBlock {
    init(_ block: NetworkBlock, _ extent: BlockExtent, _ regions: ActivationPlan.Regions) {
        kind = block.kind
        layer = block.layer
        position = block.position
        kernel = block.kernel
        stride = block.stride
        inChannels = block.inChannels
        hiddenChannels = block.kind == .mbconv ? block.hiddenChannels : 0
        outChannels = block.outChannels
        squeezeChannels = block.squeezeChannels
        inHeight = block.inHeight
        inWidth = block.inWidth
        outHeight = block.outHeight
        outWidth = block.outWidth
        hasExpansion = block.hasExpansion
        hasResidual = block.hasResidual
        weightInChannels = extent.inChannels
        self.regions = regions
        switch (block.kind, block.activation) {
        case (.convolution, .relu), (.mbconv, .relu): activation = Int32(FPNAS_RELU)
        case (.convolution, .swish), (.mbconv, .swish): activation = Int32(FPNAS_SWISH)
        default: activation = Int32(FPNAS_LINEAR)
        }
    }
}
