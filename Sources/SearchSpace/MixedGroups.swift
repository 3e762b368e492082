import Support

/// The candidates of one block of a mixed network: what its members (pairs of an option and a width
/// that comes in) build, those that differ in widths alone taken together.
struct MixedGroups {
    /// An operator without its widths.
    struct Signature: Hashable {
        let kind: NetworkOperator.Kind
        let role: NetworkOperator.Role
        let variant: Int
        let inputs: [Int]
        let activations: [Activation]
        let hasBias: Bool
        let hasNormalisation: Bool
        let height: Int
        let width: Int

        init(_ op: NetworkOperator) {
            switch op.kind {
            case .convolution(let kernel, let stride, let padding, let dilation, let groups):
                // Depthwise, dense, or the widths of a group: these may not differ.
                let layout =
                    op.isDepthwise
                    ? 0
                    : groups == 1
                        ? 1
                        : -((op.inShape.channels / groups) << 20 | op.outShape.channels / groups)
                kind = .convolution(
                    kernel: kernel, stride: stride, padding: padding, dilation: dilation,
                    groups: layout)
            case .squeezeExcite(_, let gate): kind = .squeezeExcite(width: 0, gate)
            case .splitAttention: kind = .splitAttention(width: 0)
            default: kind = op.kind
            }
            role = op.role
            variant = op.variant
            inputs = op.inputs
            activations = [op.inputActivation, op.activation]
            hasBias = op.hasBias
            hasNormalisation = op.hasNormalisation
            height = op.outShape.height
            width = op.outShape.width
        }
    }

    /// Blocks that differ in widths alone.
    struct Candidate {
        let signature: [Signature]
        fileprivate(set) var blocks: [NetworkBlock] = []
        /// Channels of every operator's result, and of what an attention squeezes to, by block.
        fileprivate var channels: [[Int]] = []
        fileprivate var squeezes: [[Int]] = []
        fileprivate var members: [(member: Int, block: Int)] = []

        /// Members with the width they give out.
        var widths: [(member: Int, width: Int)] { widths(of: signature.count - 1) }

        /// Members with the width of an operator's result.
        func widths(of i: Int) -> [(member: Int, width: Int)] {
            members.map { ($0.member, channels[$0.block][i]) }
        }

        func varies(_ i: Int) -> Bool { channels.contains { $0[i] != channels[0][i] } }

        /// Of an attention whose squeezed width varies.
        func squeezed(of i: Int) -> [(member: Int, width: Int)]? {
            guard squeezes.contains(where: { $0[i] != squeezes[0][i] }) else { return nil }
            return members.map { ($0.member, squeezes[$0.block][i]) }
        }

        /// The block that has the largest of every width, on inputs of so many channels.
        func widest(into channels: Int) -> NetworkBlock {
            var block = blocks[0]
            for other in blocks {
                block.hiddenChannels = max(block.hiddenChannels, other.hiddenChannels)
                block.outChannels = max(block.outChannels, other.outChannels)
                block.squeezeChannels = max(block.squeezeChannels, other.squeezeChannels)
                block.groups = max(block.groups, other.groups)
            }
            if block.kind == .mbconv && !block.hasExpansion {
                // As wide as its input, whatever the members' own inputs are.
                block.groups =
                    block.groups * channels / max(block.hiddenChannels, 1)
                block.hiddenChannels = channels
            }
            if block.kind == .pool { block.outChannels = channels }
            block.inChannels = channels
            return block
        }
    }

    let name: String
    /// How far apart the pixels that come in lie on the grid of the largest images, and the factor
    /// by which the block shrinks them.
    let spacing: Int
    let factor: Int
    private(set) var candidates: [Candidate] = []
    /// Members to whose result the input is added, or is it, with its channels that are.
    private(set) var passed: [(member: Int, width: Int)] = []
    /// The widest result.
    private(set) var width = 0
    /// Whether an input's channels are not those of the result that it is added to.
    private(set) var passesLeading = false
    /// Rows and columns that all give out.
    private(set) var size: ImageShape?
    private var failure: FPNASError?
    // Looked up, never iterated.
    private var places: [[Signature]: Int] = [:]
    private var known: [Known: Member] = [:]

    private struct Known: Hashable {
        let settings: BlockSettings
        let channels: Int
    }

    private struct Member {
        /// −1 where there is nothing but the input.
        let candidate: Int
        let block: Int
        /// Leading channels of the input that are added; none where it is not.
        let passed: Int?
        let width: Int
    }

    init(name: String, spacing: Int = 1, factor: Int = 1) {
        self.name = name
        self.spacing = spacing
        self.factor = factor
    }

    /// A member without this block.
    mutating func pass(_ member: Int, _ shape: ImageShape) {
        passed.append((member, shape.channels))
        width = max(width, shape.channels)
        if size == nil { size = shape }
    }

    /// A member with a block on an input of a shape; returns the width it gives out.
    mutating func add(
        _ member: Int, _ settings: BlockSettings, _ plan: LayerPlan, _ position: Int,
        _ shape: ImageShape, _ classes: Int
    ) throws(FPNASError) -> Int {
        let key = Known(settings: settings, channels: shape.channels)
        if known[key] == nil {
            var block = try plan.block(settings, position, shape, classes)
            if let size, size.height != block.outHeight || size.width != block.outWidth {
                throw unequal(size, block.outShape)
            }
            size = block.outShape
            width = max(width, block.outChannels)
            let shared = min(block.inChannels, block.outChannels)
            let isPassed = block.kind == .identity || (block.kind == .leading && block.stride == 1)
            // A sum with nothing behind it is a term of the layer's sum.
            let adds =
                (block.kind == .mbconv || block.kind == .fusedMBConv) && block.stride == 1
                && (block.shortcut == .identity || block.shortcut == .leading)
            if adds {
                block.shortcut = .none
            } else if settings.shortcut == .leading && block.shortcut == .identity {
                // One candidate, whether the widths happen to be equal or not.
                block.shortcut = .leading
            }
            if (isPassed || adds) && block.inChannels != block.outChannels { passesLeading = true }
            let place = isPassed ? (-1, -1) : include(block)
            known[key] = Member(
                candidate: place.0, block: place.1, passed: isPassed || adds ? shared : nil,
                width: block.outChannels)
        }
        guard let found = known[key] else { return shape.channels }
        if found.candidate >= 0 {
            candidates[found.candidate].members.append((member, found.block))
        }
        if let channels = found.passed { passed.append((member, channels)) }
        return found.width
    }

    private mutating func include(_ block: NetworkBlock) -> (Int, Int) {
        let operators = block.operators
        let signature = operators.map(Signature.init)
        let place = places[signature] ?? candidates.count
        if place == candidates.count {
            places[signature] = place
            candidates.append(Candidate(signature: signature))
        }
        candidates[place].blocks.append(block)
        candidates[place].channels.append(operators.map(\.outShape.channels))
        candidates[place].squeezes.append(
            operators.map {
                switch $0.kind {
                case .squeezeExcite(let width, _), .splitAttention(let width): return width
                default: return 0
                }
            })
        return (place, candidates[place].blocks.count - 1)
    }

    func unequal(_ a: ImageShape, _ b: ImageShape) -> FPNASError {
        .invalid(
            "layer '\(name)': its choices lead to images of \(a.height) x \(a.width) and "
                + "\(b.height) x \(b.width), which cannot be mixed")
    }
}
