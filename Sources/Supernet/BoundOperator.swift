import CKernels
import SearchSpace
import Support

/// A matrix among the parameters: its first element, and floats from row to row.
struct MatrixPlace {
    var offset = 0
    var line = 0
}

/// A matrix of weights whose gradient lies in parts, one a chunk.
struct Reduction {
    let part: Int
    let partLine: Int
    let rows: Int
    let columns: Int
    let target: MatrixPlace
}

/// A batch normalisation: parameters' offsets, its place in the running statistics, its state in
/// the arena and the channels in use.
struct NormPlace {
    var gamma = 0
    var beta = 0
    var line = 0
    var statistics = 0
    /// Eight rows of the operator's own line.
    var state = 0
    var channels = 0

    func row(_ row: NormRow) -> Int { state + row.rawValue * laneAligned(channels) }
}

/// The rows of a normalisation's state.
enum NormRow: Int {
    case mean, variance, inverse, scale, shift, p, q, r
}

/// An operator's result as its readers see it: act(scale · x + shift) · gate of what is stored.
struct View {
    var data = 0
    var channels = 0
    var pixels = 0
    /// Rows of the affine function; of ones and zeros where there is no normalisation.
    var scale = 0
    var shift = 0
    var activation = Int32(FPNAS_LINEAR)
    var isAffine = false
    /// Arena offset of one row of factors an image; −1 without.
    var gate = -1

    var line: Int { laneAligned(channels) }
    var size: Int { pixels * line }
    /// Whether what is stored is what readers see.
    var isPlain: Bool { !isAffine && activation == FPNAS_LINEAR && gate < 0 }
}

/// An operator's input with where its gradient goes.
struct BoundInput {
    var source = -1
    var view = View()
    var inputActivation = Int32(FPNAS_LINEAR)
    var delivery = GradientPlan.Delivery()
    /// Arena offset of the gradient of the source's result.
    var gradient = 0
    /// The source's own normalisation and activation, through which the last delivery goes on.
    var sourceHasNorm = false
    var sourceActivation = Int32(FPNAS_LINEAR)
    var sourceScale = 0
    var sourceShift = 0
    var sourceMean = 0
    /// Where a chunk's sums for the source's normalisation lie.
    var sums = 0
    /// Of a mixture: how far apart its pixels lie in the result.
    var spacing = 1

    /// Whether the last delivery has anything to do besides.
    var continues: Bool { sourceHasNorm || sourceActivation != FPNAS_LINEAR }
    var needsSums: Bool { sourceHasNorm && delivery.isLast && !delivery.isVoid }
}

/// One operator of a concrete network with every place in memory it uses.
struct BoundOperator {
    var s: OperatorShape
    var layer = 0
    var position = 0
    var block = 0
    var activation = Int32(FPNAS_LINEAR)
    /// Inputs in the network's list.
    var inputs = 0..<0
    var view = View()
    var data = 0
    /// Of attention: pooled input, squeezed and gate rows, one row an image.
    var pooled = 0
    var squeezed = 0
    var gates = 0
    var norm = NormPlace()
    var gradient = 0
    /// Whether dropout applies to the result.
    var feedsClassifier = false
    /// Probability with which a sum's first term is left out for an image.
    var dropRate = 0.0

    /// Rows of the maximal weight from one tap of a convolution to the next.
    var weightRows = 0
    var weight = MatrixPlace()
    var bias = -1
    var squeeze = MatrixPlace()
    var squeezeBias = 0
    /// Of the first split.
    var excite = MatrixPlace()
    var exciteBias = 0
    /// From the weights of one split to those of the next.
    var exciteStep = 0
    /// Of a mixture or a masked attention: its first row of the mixed network, and where its rows
    /// are, `outLine` or `squeezeLine` apart; what an attention squeezes to before the mask.
    var row = -1
    var rows = 0
    var unmasked = 0
    /// Floats of a chunk's sums that deliveries use.
    var sumCount = 0
    /// Matrices of weights in the network's list.
    var reductions = 0..<0

    /// Whether the taps of the weights in use do not lie one behind the other.
    var needsGathering: Bool { s.code == .patches && s.taps > 1 && s.groupIn < weightRows }

    /// Where the gradients of its weights lie and go.
    func weightReductions() -> [Reduction] {
        switch s.code {
        case .pointwise, .patches, .depthwise: return convolutionReductions()
        case .squeezeExcite, .splitAttention: return attentionReductions()
        default: return []
        }
    }
}

/// A network with every place in memory.
struct BoundNetwork {
    /// Nil while places are being found.
    var network: PreparedNetwork?
    var operators: [BoundOperator] = []
    var inputs: [BoundInput] = []
    var reductions: [Reduction] = []
}

extension Activation {
    var kernelCode: Int32 {
        switch self {
        case .none: return Int32(FPNAS_LINEAR)
        case .relu: return Int32(FPNAS_RELU)
        case .swish: return Int32(FPNAS_SWISH)
        case .relu6: return Int32(FPNAS_RELU6)
        case .hswish: return Int32(FPNAS_HSWISH)
        }
    }
}
