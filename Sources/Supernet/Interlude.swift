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

/// A matrix of weights whose gradient lies in parts, one a chunk.
struct Reduction {
    let part: Int
    let partLine: Int
    let rows: Int
    let columns: Int
    let target: MatrixPlace
}

extension Supernet {
    /// Nanoseconds that a piece is to take at least, several times what it costs to hand one out.
    private static let pieceTime = 1500

    func perform(
        _ interludes: [Interlude], _ pass: Pass, _ team: ThreadTeam,
        statistics: Buffer<Float>? = nil
    ) {
        let operators = bound.operators
        let fixed = unsafe statistics.map { unsafe UnsafePointer($0.pointer) }
        guard team.size > 1 else {
            for interlude in interludes {
                let (count, _) = pass.size(interlude, operators)
                unsafe pass.perform(interlude, operators, 0..<count, fixed)
            }
            return
        }
        var pieces: [(interlude: Interlude, items: Range<Int>)] = []
        var time = 0
        for interlude in interludes {
            let (count, each) = pass.size(interlude, operators)
            let number = min(count, max(1, count * each / Supernet.pieceTime))
            for i in 0..<number {
                pieces.append((interlude, (i * count / number)..<((i + 1) * count / number)))
            }
            time += count * each
        }
        let few = time < 2 * Supernet.pieceTime
        let body = { (i: Int) in
            unsafe pass.perform(pieces[i].interlude, operators, pieces[i].items, fixed)
        }
        if few { for i in pieces.indices { body(i) } } else { team.run(chunks: pieces.count, body) }
    }
}

extension Pass {
    /// Channels that a piece of a normalisation has at least, and columns a piece of the packing.
    private static let channels = 32
    private static let panel = 32

    /// How many items there are to cut between, and about how many nanoseconds each takes.
    fileprivate func size(
        _ interlude: Interlude, _ operators: [BoundOperator]
    ) -> (count: Int, each: Int) {
        switch interlude {
        case .moments(let i), .statistics(let i), .gradient(let i, _):
            let line = operators[i].s.outLine
            return ((line + Pass.channels - 1) / Pass.channels, Pass.channels * (8 + chunks))
        case .gradients(let i, let first):
            let sources = sources(operators[i], from: first)
            if sources.count == 1 {
                return size(.gradient(sources[0].source, sums: sources[0].sums), operators)
            }
            // Candidates of one place in a mixed network share a normalisation, and add to its
            // gradient in turn.
            return (
                min(sources.count, 1),
                sources.reduce(0) { $0 + operators[$1.source].s.outLine } * (8 + chunks)
            )
        case .weights(let i, let backward):
            let b = operators[i]
            guard b.isFused, b.s.code == .pointwise else {
                return (b.needsGathering ? b.s.taps : 0, b.s.groupIn * b.s.outChannels / 8)
            }
            let (inner, columns) =
                backward
                ? (b.s.outChannels, b.s.inChannels) : (b.s.inChannels, b.s.outChannels)
            return ((columns + Pass.panel - 1) / Pass.panel, inner * Pass.panel / 4)
        case .reduction(let i):
            let reductions = reductions(operators[i])
            let rows = reductions.reduce(0) { $0 + $1.rows }
            let floats = reductions.reduce(0) { $0 + $1.rows * $1.columns }
            return (rows, floats * chunks / (8 * max(rows, 1)))
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
            for d in sources {
                let b = operators[d.source]
                finishGradient(
                    b, sums: d.sums, sources.count == 1 ? channels(items, b) : 0..<b.s.outLine)
            }
        case .weights(let i, let backward):
            let b = operators[i]
            guard b.isFused, b.s.code == .pointwise else {
                return gatherWeights(b, taps: items)
            }
            packWeights(b, backward, panels: items)
        case .reduction(let i): reduce(reductions(operators[i]), rows: items)
        }
    }

    private func sources(_ b: BoundOperator, from first: Int) -> [BoundInput] {
        inputs[b.inputs].filter { $0.needsSums && $0.source >= first }
    }

    private func channels(_ items: Range<Int>, _ b: BoundOperator) -> Range<Int> {
        (items.lowerBound * Pass.channels)..<min(items.upperBound * Pass.channels, b.s.outLine)
    }

    private func packWeights(_ b: BoundOperator, _ backward: Bool, panels: Range<Int>) {
        let (inner, columns) =
            backward ? (b.s.outChannels, b.s.inChannels) : (b.s.inChannels, b.s.outChannels)
        let first = panels.lowerBound * Pass.panel
        let count = min(panels.upperBound * Pass.panel, columns) - first
        unsafe k.pack(
            weight(b.weight.offset) + first * (backward ? b.weight.line : 1), b.weight.line, inner,
            count, backward ? 1 : 0, at(plan.gathered) + inner * first)
    }

    // MARK: - Gradients of weights

    private func reductions(_ b: BoundOperator) -> [Reduction] {
        switch b.s.code {
        case .pointwise, .patches, .depthwise: return convolutionReductions(b)
        case .squeezeExcite, .splitAttention: return attentionReductions(b)
        default: return []
        }
    }

    /// Adds the chunks' parts of some rows, in chunk order, to the accumulator; rows are those of
    /// all reductions, one behind the other.
    private func reduce(_ reductions: [Reduction], rows: Range<Int>) {
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
