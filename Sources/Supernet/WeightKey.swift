import SearchSpace
import Support

/// Names the weights that operators of different networks share.
struct WeightKey: Hashable {
    /// How the weights are laid out.
    enum Form: Hashable {
        case dense(kernel: Int)
        case depthwise(kernel: Int)
        case grouped(kernel: Int)
        case linear
        case squeezeExcite
        case splitAttention
        /// Batch normalisation alone.
        case scale
    }

    let layer: Int
    let position: Int
    let role: NetworkOperator.Role
    let variant: Int
    let form: Form

    /// nil for an operator without weights.
    init?(_ op: NetworkOperator, layer: Int, position: Int) {
        self.layer = layer
        self.position = position
        role = op.role
        variant = op.variant
        switch op.kind {
        case .convolution(let kernel, _, _, _, let groups):
            if groups == 1 {
                form = .dense(kernel: kernel)
            } else if groups == op.inShape.channels && groups == op.outShape.channels {
                form = .depthwise(kernel: kernel)
            } else {
                form = .grouped(kernel: kernel)
            }
        case .linear: form = .linear
        case .squeezeExcite: form = .squeezeExcite
        case .splitAttention: form = .splitAttention
        default:
            guard op.hasNormalisation else { return nil }
            form = .scale
        }
    }

    /// Unique in a layer's position: `depthwise5`, `expand`, `inner.conv3`.
    var name: String {
        var parts: [String] = []
        var kernel = 0
        switch role {
        case .main, .attention, .pool: break
        case .expand: parts.append("expand")
        case .inner: parts.append("inner")
        case .project: parts.append("project")
        case .shortcut: parts.append("skip")
        case .join: parts.append("join")
        }
        switch form {
        case .dense(let k):
            kernel = k
            if k > 1 || parts.isEmpty { parts.append("conv\(k)") }
        case .depthwise(let k):
            kernel = k
            if role == .inner { parts.removeLast() }
            if role == .main { parts.append("main") }
            parts.append("depthwise\(k)")
        case .grouped(let k):
            kernel = k
            parts.append("grouped\(k)")
        case .linear: if parts.isEmpty { parts.append("weight") }
        case .splitAttention:
            kernel = variant
            parts.append("split\(variant)")
        case .squeezeExcite, .scale: break
        }
        // A plain convolution's variant is its kernel; 0 is half of a factorised reduction.
        if role == .main && variant == 0 && kernel > 0 { parts.append("0") }
        // The variant as its bytes, unless the kernel says it all.
        if variant != 0 && variant != kernel {
            parts.append("\(variant >> 16)")
            parts.append("\(variant >> 8 & 0xFF)")
            if variant & 0xFF != kernel { parts.append("\(variant & 0xFF)") }
        }
        return parts.joined(separator: ".")
    }
}

/// The sizes of an operator's weights, or the largest of several operators of one key.
struct WeightShape: Hashable {
    /// k² of a convolution.
    var taps = 1
    /// Input channels of a group; 1 for depthwise.
    var rows = 0
    var columns = 0
    var squeeze = 0
    /// r of Split-Attention.
    var splits = 0
    var hasBias = false
    var hasNorm = false
    /// Whether its result is added to a shortcut's in all networks.
    var isResidual = false
    /// Whether this is the last layer, whose first values are small.
    var isLast = false

    init(_ op: NetworkOperator, isLast: Bool) {
        self.isLast = isLast
        columns = op.outShape.channels
        hasBias = op.hasBias
        hasNorm = op.hasNormalisation
        switch op.kind {
        case .convolution(let kernel, _, _, _, let groups):
            taps = kernel * kernel
            rows = op.inShape.channels / max(1, groups)
        case .linear: rows = op.inShape.channels
        case .squeezeExcite(let width, _): squeeze = width
        case .splitAttention(let width):
            squeeze = width
            splits = op.inputs.count
        default: break
        }
    }

    mutating func include(_ other: WeightShape) {
        rows = max(rows, other.rows)
        columns = max(columns, other.columns)
        squeeze = max(squeeze, other.squeeze)
        splits = max(splits, other.splits)
        hasBias = hasBias || other.hasBias
        hasNorm = hasNorm || other.hasNorm
        isResidual = isResidual && other.isResidual
        isLast = isLast || other.isLast
    }

    func holds(_ other: WeightShape) -> Bool {
        taps == other.taps && rows >= other.rows && columns >= other.columns
            && squeeze >= other.squeeze && splits >= other.splits
            && (hasBias || !other.hasBias) && (hasNorm || !other.hasNorm)
    }
}
