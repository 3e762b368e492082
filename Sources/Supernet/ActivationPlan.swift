import SearchSpace
import Support

/// Where everything one network needs during a pass lies in one block of memory.
///
/// Planned once for the largest network of a space and a batch of `capacity`; a smaller network
/// uses the leading part of each region. What the backward pass needs (the outputs of convolutions
/// before normalisation, and of blocks) is kept per block; everything else is shared:
/// activations behind a normalisation are cheaper to make again than to keep.
struct ActivationPlan {
    /// Regions of one block, as offsets in floats.
    struct Regions {
        var expandRaw = 0
        var innerRaw = 0
        var outRaw = 0
        var output = 0
        /// Pooled input, squeezed and gate rows of squeeze-and-excitation, one row an image; the
        /// classifier has its pooled input here too.
        var pooled = 0
        var squeezed = 0
        var gate = 0
        /// States of the normalisations behind expansion, k×k convolution and projection: eight
        /// rows of `normLine` floats.
        var expandNorm = 0
        var innerNorm = 0
        var outNorm = 0
    }

    /// Most chunks a batch is cut into. Fixed: sums over chunks depend on it.
    static let maximumChunks = 16

    let capacity: Int
    let chunks: Int
    let blocks: [Regions]
    /// The batch's images with aligned pixels.
    let images: Int
    /// Gradients of block outputs, alternating.
    let gradients: (Int, Int)
    /// Gradients in front of and behind the k×k convolution of an MBConv.
    let hiddenGradients: (before: Int, behind: Int)
    /// Three rows an image for gradients inside squeeze-and-excitation.
    let gates: (Int, Int, Int)
    /// Per chunk: three padded images, or the patches of a tile.
    let scratch: Int
    let scratchStep: Int
    /// Per chunk: gradients of one block's weights.
    let weightParts: Int
    let weightStep: Int
    /// Per chunk: sums of a normalisation.
    let sumParts: Int
    let sumStep: Int
    /// Weights of a k×k convolution whose input is a slice, gathered.
    let gathered: Int
    let normLine: Int
    let count: Int

    init(extents: [BlockExtent], capacity: Int) throws(FPNASError) {
        var layout = Layout(capacity: capacity)
        let chunks = min(capacity, ActivationPlan.maximumChunks)
        let widest = extents.map {
            max($0.inChannels, $0.hiddenChannels, $0.outChannels, $0.squeezeChannels)
        }
        normLine = laneAligned(widest.max() ?? 0)
        let norm = 8 * normLine
        let first = extents[0]
        images = try layout.perImage(first.inPixels, first.inChannels)

        var blocks: [Regions] = []
        var largest = (out: 0, before: 0, row: 0, scratch: 0, weights: 0, gathered: 0)
        for extent in extents {
            blocks.append(try Regions(extent, norm: norm, in: &layout))
            let need = try ScratchNeed(extent)
            largest.out = max(
                largest.out, extent.inPixels * laneAligned(extent.inChannels),
                extent.outPixels * laneAligned(extent.outChannels))
            largest.before = max(
                largest.before, extent.inPixels * laneAligned(extent.hiddenChannels))
            largest.row = max(largest.row, laneAligned(extent.hiddenChannels))
            largest.scratch = max(largest.scratch, need.scratch)
            largest.weights = max(largest.weights, need.weights)
            largest.gathered = max(largest.gathered, need.gathered)
        }
        self.blocks = blocks
        gradients = (
            try layout.perImage(1, largest.out), try layout.perImage(1, largest.out)
        )
        hiddenGradients = (
            try layout.perImage(1, largest.before), try layout.perImage(1, largest.before)
        )
        gates = (
            try layout.perImage(1, largest.row), try layout.perImage(1, largest.row),
            try layout.perImage(1, largest.row)
        )
        // Whole cache lines, so that chunks do not share any.
        scratchStep = (largest.scratch + 15) & ~15
        scratch = try layout.take(chunks, scratchStep)
        weightStep = (largest.weights + 15) & ~15
        weightParts = try layout.take(chunks, weightStep)
        sumStep = 3 * normLine
        sumParts = try layout.take(chunks, sumStep)
        gathered = try layout.take(1, largest.gathered)
        count = layout.count
        self.capacity = capacity
        self.chunks = chunks
    }

    /// Images per sgemm over patches: enough rows to be worth a call, few enough to stay in cache.
    static func tile(outPixels: Int) -> Int { max(1, 256 / outPixels) }
}

extension ActivationPlan {
    struct Layout {
        let capacity: Int
        private(set) var count = 0

        init(capacity: Int) { self.capacity = capacity }

        mutating func perImage(_ pixels: Int, _ channels: Int) throws(FPNASError) -> Int {
            try take(
                capacity,
                try checkedProduct(pixels, laneAligned(channels), of: "the activations"))
        }

        mutating func take(_ rows: Int, _ size: Int) throws(FPNASError) -> Int {
            let offset = count
            let floats = try checkedProduct(rows, size, of: "the activations")
            // BLAS counts in 32 bits, so no region may be longer.
            guard floats < 1 << 31 else {
                throw .invalid("the activations are too large: \(rows) x \(size) floats")
            }
            count += (floats + 15) & ~15
            return offset
        }
    }

    /// What a block needs besides its own regions.
    struct ScratchNeed {
        var scratch = 0
        var weights = 0
        var gathered = 0

        init(_ extent: BlockExtent) throws(FPNASError) {
            let outLine = laneAligned(extent.outChannels)
            let hiddenLine = laneAligned(extent.hiddenChannels)
            let squeezeLine = laneAligned(extent.squeezeChannels)
            let kernel = extent.kernels.last ?? 1
            switch extent.operation {
            case .classifier:
                weights = (extent.inChannels + 1) * outLine
            case .convolution:
                let row = try checkedProduct(
                    kernel * kernel, extent.inChannels, of: "a patch")
                scratch = try checkedProduct(
                    ActivationPlan.tile(outPixels: extent.outPixels), extent.outPixels, row,
                    of: "the patches")
                weights = try checkedProduct(row, outLine, of: "the weights")
                gathered = weights
            case .mbconv:
                let border = 2 * (kernel / 2)
                scratch = try checkedProduct(
                    3, extent.inHeight + border, extent.inWidth + border, hiddenLine,
                    of: "an image")
                if extent.hasProjection {
                    scratch = max(
                        scratch,
                        ActivationPlan.tile(outPixels: extent.outPixels) * extent.outPixels
                            * extent.inChannels)
                }
                // Projection with squeeze-and-excitation, depthwise weights, expansion or skip.
                weights = max(
                    extent.hiddenChannels * (outLine + squeezeLine)
                        + extent.squeezeChannels * hiddenLine + squeezeLine + hiddenLine,
                    kernel * kernel * hiddenLine, extent.inChannels * max(hiddenLine, outLine))
            default: break  // refused when the extents are made
            }
        }
    }
}

extension ActivationPlan.Regions {
    init(
        _ extent: BlockExtent, norm: Int, in layout: inout ActivationPlan.Layout
    ) throws(FPNASError) {
        output = try layout.perImage(extent.outPixels, extent.outChannels)
        if extent.operation == .classifier {
            pooled = try layout.perImage(1, extent.inChannels)
            return
        }
        outRaw = try layout.perImage(extent.outPixels, extent.outChannels)
        outNorm = try layout.take(1, norm)
        guard extent.operation == .mbconv, !extent.kernels.isEmpty else { return }
        if extent.hasExpansion {
            expandRaw = try layout.perImage(extent.inPixels, extent.hiddenChannels)
        }
        innerRaw = try layout.perImage(extent.outPixels, extent.hiddenChannels)
        expandNorm = try layout.take(1, norm)
        innerNorm = try layout.take(1, norm)
        if extent.squeezeChannels > 0 {
            pooled = try layout.perImage(1, extent.hiddenChannels)
            squeezed = try layout.perImage(1, extent.squeezeChannels)
            gate = try layout.perImage(1, extent.hiddenChannels)
        }
    }
}
