import Support

/// All networks of a space in one: every layer's choices run side by side and are weighted by
/// coefficients, so that the loss has a gradient with respect to them. [DARTS; FBNetV2]
///
/// * Choices that change what is computed (kernel, activation, attention, operation) are
///   *candidates*, each a block of its own; choices of width are masks of leading ones over the
///   channels of the widest, and so are widths that follow from others (hidden, squeezed).
/// * A candidate's factor is the product of its choices' coefficients; a width's factor also has
///   the probability of the width that comes in, handed on from layer to layer. Shortcuts and
///   blocks that do nothing are a term of the layer's input, with the probability of the choices
///   under which they are there.
/// * Blocks of one layer share its coefficients.
///
/// With coefficients of 0 and 1 it computes what the network of those choices does. Weights are
/// those the networks share, at their widest. `MixedCoefficients` makes the rows of factors.
public struct MixedNetwork: Sendable {
    public let input: ImageShape
    public let classes: Int
    public let layerNames: [String]
    /// In the order in which they run; of the blocks below.
    public internal(set) var operators: [NetworkOperator] = []
    public internal(set) var blocks: [NetworkBlock] = []
    /// Blocks that are evaluated, joins left out.
    public internal(set) var candidateCount = 0
    /// Operators that end a candidate beside which its input is added under all its choices.
    public internal(set) var residuals: Set<Int> = []
    /// Coefficients: one a choice, variable after variable.
    public let coefficientCount: Int
    var layers: [MixedLayer] = []
    public internal(set) var rows: [MixedRow] = []

    /// Of a space that builds networks; a layer that cannot be mixed is refused by name.
    public init(_ space: SearchSpace) throws(FPNASError) {
        guard let input = space.input else {
            throw .invalid("the space '\(space.name)' is abstract: it has no networks to mix")
        }
        self.input = input
        classes = space.classes
        layerNames = space.layers.map(\.name)
        coefficientCount = space.factorisedLogitCount
        if let cells = space.cells { addCells(cells, space) } else { try addChain(space) }
    }

    /// Floats of all rows.
    public var rowLength: Int { rows.last.map { $0.offset + $0.channels } ?? 0 }

    // MARK: - Chains

    private mutating func addChain(_ space: SearchSpace) throws(FPNASError) {
        var state = MixedState(
            source: -1, shape: input, widths: [MixedWidth(spacing: 1, channels: input.channels)])
        for index in space.layers.indices {
            guard let plan = space.plan(of: index) else { continue }
            try add(plan, try space.options(ofLayer: index), of: space, &state)
        }
    }

    /// Most pairs of a layer's options and the widths that come in.
    static let maximumMembers = 1 << 20

    private mutating func add(
        _ plan: LayerPlan, _ options: [[Int32]], of space: SearchSpace, _ state: inout MixedState
    ) throws(FPNASError) {
        let variables = space.variables(of: plan.layer)
        guard options.count * state.widths.count <= MixedNetwork.maximumMembers else {
            throw FPNASError(
                .infeasible,
                "layer '\(plan.name)' has \(options.count) options for \(state.widths.count) widths "
                    + "that come in, more than a mixture can hold")
        }
        var layer = MixedLayer(widthsIn: state.widths.count)
        layer.options = options.map { option in
            zip(variables, option).compactMap { v, c in
                c < 0 ? nil : space.factorisedOffsets[v] + Int(c)
            }
        }
        let settled = options.map { $0.map { max($0, 0) } }
        if settled.allSatisfy({ plan.settings(position: 0, $0).operation == .classifier }) {
            pool(&state, layers.count, plan.layer)
        }
        // Width of every pair of an option and a width that comes in, block after block.
        var widths = settled.flatMap { _ in state.widths }
        for position in 0..<(settled.map { plan.repeats($0) }.max() ?? 0) {
            var groups: [MixedGroups] = []
            for (o, option) in settled.enumerated() {
                let isThere = plan.repeats(option) > position
                let settings = plan.settings(position: position, option)
                for member in (o * layer.widthsIn)..<((o + 1) * layer.widthsIn) {
                    let width = widths[member]
                    let factor = isThere ? settings.factor : 1
                    let shape = state.shape.spaced(width.spacing).with(width.channels)
                    var place = groups.firstIndex {
                        $0.spacing == width.spacing && $0.factor == factor
                    }
                    if place == nil {
                        place = groups.count
                        groups.append(
                            MixedGroups(name: plan.name, spacing: width.spacing, factor: factor))
                    }
                    guard let place else { continue }
                    widths[member].spacing *= factor
                    guard isThere else {
                        groups[place].pass(member, shape)
                        continue
                    }
                    widths[member].channels = try groups[place].add(
                        member, settings, plan, position, shape, classes)
                }
            }
            try join(groups, layers.count, position, plan.layer, &state, &widths)
        }
        state.widths = Set(widths).sorted()
        layer.widthsOut = state.widths.count
        let places = Dictionary(
            zip(state.widths, state.widths.indices), uniquingKeysWith: { a, _ in a })
        layer.out = widths.map { places[$0] ?? 0 }  // all are there
        layers.append(layer)
    }

    /// Adds the candidates of a block and their sum.
    private mutating func join(
        _ groups: [MixedGroups], _ layer: Int, _ position: Int, _ layerIndex: Int,
        _ state: inout MixedState, _ widths: inout [MixedWidth]
    ) throws(FPNASError) {
        let (grid, spacings) = try MixedGroups.grid(of: groups)
        if let finest = spacings.finest {
            for i in widths.indices {
                widths[i].spacing = finest == 0 ? 1 : widths[i].spacing / finest
            }
        }
        // Where all is passed on as it is, nothing has to be done.
        guard groups.contains(where: { !$0.candidates.isEmpty || $0.passesLeading }) else {
            return
        }
        var terms: [MixedTerm] = []
        for (group, spacing) in zip(groups, spacings.relative) {
            guard let size = group.size else { continue }
            let before = subsampled(state, by: group.spacing, layerIndex, position)
            let passed = Set(group.passed.map(\.member))
            for candidate in group.candidates {
                let (source, shape) = try add(candidate, group.name, layer, before)
                if candidate.widths.allSatisfy({ passed.contains($0.member) }) {
                    residuals.insert(source)
                }
                candidateCount += 1
                terms.append(
                    MixedTerm(
                        source: source, channels: shape.channels, spacing: spacing,
                        members: candidate.widths))
            }
            if !group.passed.isEmpty {
                guard size.height == before.shape.height, size.width == before.shape.width else {
                    throw group.unequal(size, before.shape)
                }
                terms.append(
                    MixedTerm(
                        source: before.source, channels: state.shape.channels, spacing: spacing,
                        members: group.passed))
            }
        }
        guard let only = terms.first else { return }
        let shape = grid.with(groups.map(\.width).max() ?? 0)
        let isAlone =
            terms.count == 1 && only.channels == shape.channels
            && only.members.allSatisfy { $0.width == shape.channels }
        if isAlone {
            state = MixedState(source: only.source, shape: shape, widths: state.widths)
            return
        }
        let first = rows.count
        for term in terms {
            addRow(
                layer, term.members, channels: min(term.channels, shape.channels), isShare: false)
        }
        var block = NetworkBlock(.sum, layer: layerIndex, position: position, inputs: [], shape)
        block.activation = .none
        blocks.append(block)
        operators.append(
            NetworkOperator(
                mixing: terms.map { ($0.source, $0.channels) }, spacings: terms.map(\.spacing),
                to: shape, block: blocks.count - 1, row: first))
        state = MixedState(source: operators.count - 1, shape: shape, widths: state.widths)
    }

    mutating func addRow(
        _ layer: Int, _ terms: [(member: Int, width: Int)], channels: Int, isShare: Bool
    ) {
        rows.append(
            MixedRow(
                layer: layer, isShare: isShare, channels: channels, offset: rowLength,
                members: terms.map { Int32(truncatingIfNeeded: $0.member) },
                widths: terms.map { Int32(truncatingIfNeeded: $0.width) }))
    }

    // MARK: - One candidate

    /// Adds a candidate's operators at their widest, with masks where narrower choices would let
    /// channels through that they do not have.
    private mutating func add(
        _ candidate: MixedGroups.Candidate, _ name: String, _ layer: Int, _ state: MixedState
    ) throws(FPNASError) -> (source: Int, shape: ImageShape) {
        let block = candidate.widest(into: state.shape.channels)
        blocks.append(block)
        let lowered = block.operators
        guard lowered.map(MixedGroups.Signature.init) == candidate.signature else {
            throw .invalid(
                "layer '\(name)': a width of it decides what is computed, which cannot be mixed")
        }
        var places: [Int] = []
        // Whether channels a narrower choice lacks are zero.
        var isMasked: [Bool] = []
        func place(_ source: Int) -> Int { source < 0 ? state.source : places[source] }
        func channels(_ source: Int) -> Int {
            source < 0 ? state.shape.channels : lowered[source].outShape.channels
        }
        for (i, op) in lowered.enumerated() {
            if op.mixesChannels {
                for source in op.inputs where source >= 0 && !isMasked[source] {
                    let shape = lowered[source].outShape
                    addRow(
                        layer, candidate.widths(of: source), channels: shape.channels,
                        isShare: true)
                    operators.append(
                        NetworkOperator(
                            mixing: [(places[source], shape.channels)], to: shape,
                            block: blocks.count - 1, row: rows.count - 1))
                    places[source] = operators.count - 1
                    isMasked[source] = true
                }
            }
            var inputs = op.inputs.map(place)
            if op.kind == .sum {
                // A shortcut that is narrower or wider than what it is added to.
                for (j, source) in op.inputs.enumerated()
                where channels(source) != op.outShape.channels {
                    addRow(
                        layer, candidate.widths(of: i),
                        channels: min(channels(source), op.outShape.channels), isShare: true)
                    operators.append(
                        NetworkOperator(
                            mixing: [(inputs[j], channels(source))], to: op.outShape,
                            block: blocks.count - 1, row: rows.count - 1))
                    inputs[j] = operators.count - 1
                }
            }
            var row = -1
            if let squeezed = candidate.squeezed(of: i) {
                addRow(
                    layer, squeezed, channels: squeezed.map(\.width).max() ?? 0, isShare: true)
                row = rows.count - 1
            }
            operators.append(op.taking(inputs, block: blocks.count - 1, row: row))
            places.append(operators.count - 1)
            isMasked.append(
                !candidate.varies(i)
                    || (op.keepsZeros && op.inputs.allSatisfy { $0 < 0 || isMasked[$0] }))
        }
        return (places[places.count - 1], lowered[lowered.count - 1].outShape)
    }
}

/// Where a mixed network is in the making.
struct MixedState {
    /// The operator whose result comes in, −1 for the image.
    let source: Int
    /// Its shape, at its widest and of the largest images.
    let shape: ImageShape
    /// What may come in, ascending.
    var widths: [MixedWidth]
}

extension NetworkOperator {
    /// Whether a channel of the result depends on several of the input.
    fileprivate var mixesChannels: Bool {
        switch kind {
        case .convolution: return !isDepthwise
        case .linear, .squeezeExcite, .splitAttention, .concatenation: return true
        case .pool, .globalPool, .sum, .leading, .zero, .mixture: return false
        }
    }

    /// Whether channels that are zero in all inputs are zero in the result.
    fileprivate var keepsZeros: Bool {
        switch kind {
        case .pool, .globalPool, .sum, .leading, .squeezeExcite, .splitAttention:
            return !hasNormalisation
        default: return false
        }
    }

    var isDepthwise: Bool {
        guard case .convolution(_, _, _, _, let groups) = kind else { return false }
        return groups > 1 && groups == inShape.channels && groups == outShape.channels
    }
}
