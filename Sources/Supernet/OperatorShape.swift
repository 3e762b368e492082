import CKernels
import SearchSpace
import Support

/// The sizes of one operator, in a form that costs nothing to copy.
struct OperatorShape: Hashable {
    enum Code {
        /// 1×1, stride 1, any groups; fully connected layers too.
        case pointwise
        /// Any other convolution that is not depthwise.
        case patches
        case depthwise
        case pool, globalPool, squeezeExcite, splitAttention, sum, leading, concatenation, zero,
            mixture
    }

    var code: Code
    var kernel = 1
    var stride = 1
    var padding = 0
    var dilation = 1
    var groups = 1
    var isMaximum = false
    var hasHardGate = false
    var squeezeChannels = 0
    /// Of an attention: whether what it squeezes to is masked.
    var hasRow = false
    let inputCount: Int
    let inHeight: Int
    let inWidth: Int
    let inChannels: Int
    let outHeight: Int
    let outWidth: Int
    let outChannels: Int
    let hasNorm: Bool
    let hasBias: Bool

    init(_ op: NetworkOperator) {
        inputCount = op.inputs.count
        inHeight = op.inShape.height
        inWidth = op.inShape.width
        inChannels = op.inShape.channels
        outHeight = op.outShape.height
        outWidth = op.outShape.width
        outChannels = op.outShape.channels
        hasNorm = op.hasNormalisation
        hasBias = op.hasBias
        switch op.kind {
        case .convolution(let kernel, let stride, let padding, let dilation, let groups):
            self.kernel = kernel
            self.stride = stride
            self.padding = padding
            self.dilation = dilation
            self.groups = groups
            if groups > 1 && groups == op.inShape.channels && groups == op.outShape.channels {
                code = .depthwise
            } else {
                code = kernel == 1 && stride == 1 && padding == 0 ? .pointwise : .patches
            }
        case .linear: code = .pointwise
        case .pool(let kind, let kernel, let stride, let padding):
            code = .pool
            isMaximum = kind == .maximum
            self.kernel = kernel
            self.stride = stride
            self.padding = padding
        case .globalPool: code = .globalPool
        case .squeezeExcite(let width, let gate):
            code = .squeezeExcite
            squeezeChannels = width
            hasHardGate = gate == .hsigmoid
        case .splitAttention(let width):
            code = .splitAttention
            squeezeChannels = width
        case .sum: code = .sum
        case .leading(let stride):
            code = .leading
            self.stride = stride
        case .concatenation: code = .concatenation
        case .zero: code = .zero
        case .mixture: code = .mixture
        }
        hasRow = op.row >= 0
    }

    var inLine: Int { laneAligned(inChannels) }
    var outLine: Int { laneAligned(outChannels) }
    var squeezeLine: Int { laneAligned(squeezeChannels) }
    /// Floats an image squeezes to, and again before the mask.
    var squeezeNeed: Int { squeezeLine * (hasRow ? 2 : 1) }
    /// Floats of its rows of factors.
    var rowsNeed: Int { code == .mixture ? inputCount * outLine : squeezeLine }
    var inPixels: Int { inHeight * inWidth }
    var outPixels: Int { outHeight * outWidth }
    /// Most floats of the sums of the normalisations whose results it takes.
    var sumCount: Int {
        code == .concatenation
            ? 2 * outLine + 16 * inputCount : 2 * max(inLine, outLine) * inputCount
    }
    /// Floats of one image.
    var inSize: Int { inPixels * inLine }
    var outSize: Int { outPixels * outLine }

    // MARK: - Convolutions

    var taps: Int { kernel * kernel }
    var groupIn: Int { inChannels / groups }
    var groupOut: Int { outChannels / groups }
    /// Columns of the patch matrix of one group, and floats from row to row.
    var patchSize: Int { taps * groupIn }
    var patchLine: Int { laneAligned(patchSize) }
    var isConvolution: Bool { code == .pointwise || code == .patches || code == .depthwise }

    /// Rows of one product: enough to be worth a call, few enough to stay in cache.
    var tileRows: Int { min(1024, max(32, (1 << 16) / (inLine + outLine) & ~7)) }

    /// Whole images of one product over patches.
    var tileImages: Int {
        outPixels * patchLine * groups <= 1 << 15 ? max(1, 256 / max(1, outPixels)) : 1
    }
    /// Image rows of one product over patches; all of them where a tile is of several images.
    var tileHeight: Int {
        tileImages > 1
            ? outHeight : min(outHeight, max(1, (1 << 16) / max(1, outWidth * patchLine)))
    }
    var tilePixels: Int { tileImages * tileHeight * outWidth }

    // MARK: - Depthwise

    var paddedLine: Int { (inWidth + 2 * padding) * inLine }
    var paddedSize: Int { (inHeight + 2 * padding) * paddedLine }
    /// Whether the gradient of the input is the same convolution with reversed taps.
    var isReversible: Bool { stride == 1 && 2 * padding == (kernel - 1) * dilation }

    /// Over one group's channels.
    var window: fpnas_priv_window {
        fpnas_priv_window(
            height: inHeight, width: inWidth, channels: groupIn, pixel_line: inLine, k: kernel,
            stride: stride, dilation: dilation, padding: padding, out_width: outWidth,
            patch_line: patchLine)
    }
}

/// What an operator takes of the arena.
struct OperatorNeed {
    /// Floats kept of each image, and once.
    var perImage = 0
    var fixed = 0
    /// Scratch memory of a thread besides and per image of a chunk.
    var scratch = 0
    var scratchPerImage = 0
    /// Gradients of the weights of a chunk.
    var parts = 0
    /// Its weights packed, or copied together because they are a slice.
    var packed = 0

    init(_ s: OperatorShape) throws(FPNASError) {
        // Bounds the products below: each is at most a small multiple of one of these.
        for size in [
            try checkedProduct(s.inHeight, s.inWidth, s.inLine, of: "an image"),
            try checkedProduct(s.outHeight, s.outWidth, s.outLine, of: "an image"),
            try checkedProduct(s.taps, s.groupIn, s.outLine, of: "the weights"),
            try checkedProduct(
                s.inHeight + 2 * abs(s.padding), s.inWidth + 2 * abs(s.padding), s.inLine,
                of: "an image"),
            try checkedProduct(s.outWidth, s.patchSize, of: "the patches"),
            try checkedProduct(s.squeezeChannels + 1, s.outLine, s.inputCount + 1, of: "weights"),
        ] where size >= 1 << 31 {
            throw .invalid("an operator of the network is too large: \(size) floats")
        }
        if s.hasNorm { fixed = 8 * s.outLine }
        if s.hasRow { fixed += s.rowsNeed }
        let bias = s.hasBias ? s.outLine : 0
        switch s.code {
        case .pointwise:
            perImage = s.outSize
            scratch = max(
                s.tileRows * (2 * s.inLine + s.outLine) + s.outLine,
                fpnas_priv_pointwise_scratch(s.inLine, s.outLine))
            packed = max(s.inChannels * s.outLine, s.outChannels * s.inLine)
            parts = s.groupIn * s.outLine + bias
        case .patches:
            perImage = s.outSize
            scratch = PatchScratch(s).count
            parts = s.patchSize * s.outLine + bias
            packed = max(s.patchSize * s.outLine, s.outChannels * s.patchLine)
        case .depthwise:
            perImage = s.outSize
            scratch = DepthwiseScratch(s).count
            if s.padding >= 0 && s.padding < s.kernel {
                var shape = fpnas_priv_depthwise(
                    height: s.inHeight, width: s.inWidth, out_height: s.outHeight,
                    out_width: s.outWidth, k: s.kernel, stride: s.stride, padding: s.padding)
                scratch = max(scratch, unsafe fpnas_priv_depthwise_scratch(&shape, s.inLine))
            }
            parts = s.taps * s.outLine + bias
        case .pool:
            perImage = s.outSize
            scratch = 2 * s.inSize
        case .globalPool:
            // Dropout has a row too.
            perImage = 2 * s.outLine
            scratch = s.inSize
        case .squeezeExcite:
            perImage = 2 * s.outLine + s.squeezeNeed
            scratchPerImage = 2 * s.outLine + s.squeezeLine
            parts = AttentionParts(s).count
        case .splitAttention:
            perImage = s.outSize + (1 + s.inputCount) * s.outLine + s.squeezeNeed
            scratch = s.outSize + s.outLine
            scratchPerImage = (1 + s.inputCount) * s.outLine + s.squeezeLine
            parts = AttentionParts(s).count
        case .zero: perImage = s.outSize
        case .sum:
            perImage = s.outSize
            // Of a sum whose first term is left out at times.
            scratch = s.outSize
        case .concatenation:
            perImage = s.outSize
            scratch = s.outSize
        case .leading:
            perImage = s.outSize
            scratch = s.inSize
        case .mixture:
            perImage = s.outSize
            scratch = s.inSize
            parts = s.inputCount * s.outLine
        }
    }
}

/// Where a convolution over patches keeps what in scratch memory.
struct PatchScratch {
    let patches: Int
    let gradient: Int
    let row: Int
    let inputGradient: Int
    let count: Int

    init(_ s: OperatorShape) {
        patches = s.tileImages * s.inSize
        gradient = patches + s.tilePixels * s.patchLine
        row = gradient + s.tilePixels * s.outLine
        inputGradient = row + s.outLine
        count = inputGradient + s.inSize
    }
}

/// Where a depthwise convolution does: the padded input at 0, the output's gradient, the input's.
struct DepthwiseScratch {
    let gradient: Int
    let inputGradient: Int
    let row: Int
    let count: Int

    init(_ s: OperatorShape) {
        gradient = s.paddedSize
        inputGradient = gradient + max(s.paddedSize, s.outSize)
        row = inputGradient + max(s.paddedSize, s.inSize)
        count = row + s.outLine
    }
}

/// Where the gradients of an attention's layers lie in a chunk's part.
struct AttentionParts {
    let squeezeBias: Int
    let excite: Int
    /// From the weights of one split to those of the next; its bias is behind the weights.
    let exciteStep: Int
    let exciteBias: Int
    /// Of the mask of what is squeezed, if there is one.
    let mask: Int
    let count: Int

    init(_ s: OperatorShape) {
        squeezeBias = s.outChannels * s.squeezeLine
        excite = squeezeBias + s.squeezeLine
        exciteBias = s.squeezeChannels * s.outLine
        exciteStep = exciteBias + s.outLine
        let splits = s.code == .splitAttention ? s.inputCount : 1
        mask = excite + splits * exciteStep
        count = mask + (s.hasRow ? s.squeezeLine : 0)
    }
}
