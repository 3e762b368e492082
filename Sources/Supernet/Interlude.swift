import CKernels
import Support

// Between the rounds of two operators lies what needs all chunks of the one, and what the other is
// to find ready. None of it reads or writes what another part of it writes, and every number is
// made by the same operations in the same order however it is cut: so a team does it in pieces.

/// One part of it; operators by their place in the network.
enum Interlude {
    /// The state of the normalisation behind an operator, from its chunks' moments.
    case moments(Int)
    /// The same from running statistics.
    case statistics(Int)
    /// The weights an operator will read, packed or gathered.
    case weights(Int, backward: Bool)
    /// The gradient of an operator's weights, from its chunks' parts.
    case reduction(Int)
    /// The gradients of the normalisations behind an operator's inputs, from the chunks' sums, as
    /// far as the inputs come from operators from a place on.
    case gradients(Int, from: Int)
    /// That of the normalisation behind an operator, from sums at a place.
    case gradient(Int, sums: Int)
}

/// How much there is to do in one.
private struct InterludeSize {
    /// What it can be cut between.
    var items = 0
    /// About how many nanoseconds an item takes.
    var each = 0

    var time: Int { items * each }
    /// Nanoseconds that a piece is to take at least, several times what it costs to hand one out.
    static let pieceTime = 1500
    var pieces: Int { min(items, max(1, time / InterludeSize.pieceTime)) }
}

extension Supernet {
    func perform(
        _ interludes: [Interlude], _ pass: Pass, _ team: ThreadTeam,
        statistics: Buffer<Float>? = nil
    ) {
        let operators = bound.operators
        let fixed = unsafe statistics.map { unsafe UnsafePointer($0.pointer) }
        guard team.size > 1 else {
            for interlude in interludes {
                let items = 0..<pass.size(interlude, operators).items
                unsafe pass.perform(interlude, operators, items, fixed)
            }
            return
        }
        var (pieces, time) = (0, 0)
        for interlude in interludes {
            let size = pass.size(interlude, operators)
            pieces += size.pieces
            time += size.time
        }
        let body = { (piece: Int) in
            var i = piece
            for interlude in interludes {
                let size = pass.size(interlude, operators)
                if i < size.pieces {
                    let (start, end) = (i * size.items, (i + 1) * size.items)
                    let items = (start / size.pieces)..<(end / size.pieces)
                    return unsafe pass.perform(interlude, operators, items, fixed)
                }
                i -= size.pieces
            }
        }
        let few = time < 2 * InterludeSize.pieceTime
        if few { for i in 0..<pieces { body(i) } } else { team.run(chunks: pieces, body) }
    }
}

extension Pass {
    /// Channels that a piece of a normalisation has at least.
    private static let channels = 32

    fileprivate func size(_ interlude: Interlude, _ operators: [BoundOperator]) -> InterludeSize {
        switch interlude {
        case .moments(let i), .statistics(let i), .gradient(let i, _):
            return InterludeSize(
                items: (operators[i].s.outLine + Pass.channels - 1) / Pass.channels,
                each: Pass.channels * (8 + chunks))
        case .gradients(let i, let first):
            let sources = sources(operators[i], from: first)
            guard let one = sources.first else { return InterludeSize() }
            if sources.dropFirst().isEmpty {
                return size(.gradient(one.source, sums: one.sums), operators)
            }
            // Candidates of one place in a mixed network share a normalisation, and add to its
            // gradient in turn.
            let channels = sources.reduce(0) { $0 + operators[$1.source].s.outLine }
            return InterludeSize(items: 1, each: channels * (8 + chunks))
        case .weights(let i, let backward):
            let b = operators[i]
            guard let (inner, columns) = packs(b, backward) else {
                let gathers = b.needsGathering && needsWeights(b, backward)
                return InterludeSize(
                    items: gathers ? b.s.taps : 0, each: b.s.groupIn * b.s.outChannels / 8)
            }
            return InterludeSize(
                items: (columns + FPNAS_PANEL - 1) / FPNAS_PANEL, each: inner * FPNAS_PANEL / 4)
        case .reduction(let i):
            var (rows, floats) = (0, 0)
            for r in reductions[operators[i].reductions] {
                rows += r.rows
                floats += r.rows * r.columns
            }
            return InterludeSize(items: rows, each: floats * chunks / (8 * max(rows, 1)))
        }
    }

    fileprivate func perform(
        _ interlude: Interlude, _ operators: [BoundOperator], _ items: Range<Int>,
        _ statistics: UnsafePointer<Float>?
    ) {
        switch interlude {
        case .moments(let i): finishMoments(operators[i], channels(items, operators[i]))
        case .statistics(let i):
            guard let statistics = unsafe statistics else { return }
            unsafe useStatistics(operators[i].norm, statistics, channels(items, operators[i]))
        case .gradient(let i, let sums):
            finishGradient(operators[i], sums: sums, channels(items, operators[i]))
        case .gradients(let i, let first):
            let sources = sources(operators[i], from: first)
            let isOne = sources.dropFirst().isEmpty
            for d in sources {
                let b = operators[d.source]
                finishGradient(b, sums: d.sums, isOne ? channels(items, b) : 0..<b.s.outLine)
            }
        case .weights(let i, let backward):
            let b = operators[i]
            if packs(b, backward) != nil {
                packWeights(b, backward, panels: items)
            } else {
                gatherWeights(b, taps: items)
            }
        case .reduction(let i): reduce(reductions[operators[i].reductions], rows: items)
        }
    }

    private func sources(
        _ b: BoundOperator, from first: Int
    ) -> LazyFilterSequence<ArraySlice<BoundInput>> {
        inputs[b.inputs].lazy.filter { $0.needsSums && $0.source >= first }
    }

    private func channels(_ items: Range<Int>, _ b: BoundOperator) -> Range<Int> {
        (items.lowerBound * Pass.channels)..<min(items.upperBound * Pass.channels, b.s.outLine)
    }

    /// The inner length and columns of a matrix of weights that is packed; backward it is transposed.
    private func packs(_ b: BoundOperator, _ backward: Bool) -> (inner: Int, columns: Int)? {
        guard needsWeights(b, backward), b.s.groups == 1 else { return nil }
        switch b.s.code {
        case .pointwise:
            return backward
                ? (b.s.outChannels, b.s.inChannels) : (b.s.inChannels, b.s.outChannels)
        case .patches where backward: return (b.s.outChannels, b.s.patchSize)
        default: return nil
        }
    }

    /// Backward they are for the gradient of the input.
    private func needsWeights(_ b: BoundOperator, _ backward: Bool) -> Bool {
        b.s.isConvolution && !(backward && inputs[b.inputs.lowerBound].delivery.isVoid)
    }

    private func packWeights(_ b: BoundOperator, _ backward: Bool, panels: Range<Int>) {
        guard let (inner, columns) = packs(b, backward) else { return }
        let first = panels.lowerBound * FPNAS_PANEL
        let count = min(panels.upperBound * FPNAS_PANEL, columns) - first
        let target = unsafe at(plan.packed) + inner * first
        let w = unsafe weight(b.weight.offset)
        guard b.needsGathering else {
            return unsafe k.pack(
                w + first * (backward ? b.weight.line : 1), b.weight.line, inner, count,
                backward ? 1 : 0, target)
        }
        // Its rows do not lie together.
        let line = b.s.outLine
        unsafe withUnsafeTemporaryAllocation(of: Float.self, capacity: FPNAS_PANEL * line) { rows in
            guard let base = rows.baseAddress else { return }
            for start in stride(from: 0, to: count, by: FPNAS_PANEL) {
                let held = min(FPNAS_PANEL, count - start)
                for i in 0..<held {
                    let (tap, channel) = (first + start + i).quotientAndRemainder(
                        dividingBy: b.s.groupIn)
                    let row = tap * b.weightRows + channel
                    unsafe (base + i * line).update(from: w + row * b.weight.line, count: line)
                }
                unsafe k.pack(base, line, inner, held, 1, target + inner * start)
            }
        }
    }

    // MARK: - Gradients of weights

    /// Adds the chunks' parts of some rows, in chunk order, to the accumulator; rows are those of
    /// all reductions, one behind the other.
    private func reduce(_ reductions: ArraySlice<Reduction>, rows: Range<Int>) {
        var start = 0
        for r in reductions {
            let own = rows.clamped(to: start..<(start + r.rows))
            if !own.isEmpty {
                let first = own.lowerBound - start
                unsafe k.reduce(
                    arena + plan.weightParts + r.part + first * r.partLine, plan.weightStep,
                    chunks, own.count, r.columns, r.partLine, factor,
                    gradient + r.target.offset + first * r.target.line, r.target.line)
            }
            start += r.rows
        }
    }
}
