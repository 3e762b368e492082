import CSearchKernels
import Support

/// Where the nodes that `ProgramBuilder` found lie, and what leads where.
struct ProgramLayout {
    private(set) var layers: [[BudgetProgram.State]] = []
    private var edge: [BudgetProgram.State] = []
    let firstStep: Int
    let firstWindow: Int
    let firstEdge: Int
    let placeCount: Int
    let termCount: Int
    let members: Buffer<Int32>
    let memberStarts: Buffer<Int32>
    let leads: Buffer<Int32>
    let targets: Buffer<Int32>
    let moves: Buffer<fpnas_priv_move>
    let chunks: Buffer<Int32>
    let masks: Buffer<UInt16>
    let steps: Buffer<Int32>

    /// - Parameters:
    ///   - windows: the number of layers kept in windows, nil to choose.
    ///   - isMerging: whether nodes from which the same follows are put together.
    init(
        _ found: [[ProgramBuilder.Nodes]], _ builder: ProgramBuilder, windows: Int?,
        isMerging: Bool
    ) throws(FPNASError) {
        let ends = try ProgramLayout.steps(found, builder, windows, isMerging)
        let firstStep = found.count - ends.layers.count
        self.firstStep = firstStep
        let chunk = BudgetProgram.chunk
        let base = (ends.end + chunk - 1) / chunk * chunk
        firstWindow = base
        // Chunks read past either end of a window find zeros.
        let margin = Int(FPNAS_PRIV_BUDGET_WIDEST) * chunk
        var end = firstStep > 0 ? base + margin : base
        var starts: [Int32] = []
        var marks: [(place: Int, mask: UInt16)] = []
        var terms = 0
        var memberCount = 0
        func window(
            _ nodes: ProgramBuilder.Nodes, _ own: ProgramBuilder.Terms
        ) throws(FPNASError) -> BudgetProgram.State {
            let window = nodes.window
            let firstChunk = starts.count
            for place in stride(from: 0, to: window.count, by: chunk) {
                let mask = window.mask(at: place)
                guard mask > 0 else { continue }
                starts.append(Int32(end + place))
                marks.append((end + place, mask))
            }
            let state = BudgetProgram.State(
                keys: [], low: window.low, count: window.count, offset: end, terms: own.all,
                termOfOption: own.ofOption, firstTerm: terms, leads: -1,
                chunks: firstChunk..<starts.count)
            if window.count > 0 { end += (window.count + chunk - 1) / chunk * chunk + margin }
            guard end <= 2 * BudgetProgram.mostNodes + base else {
                throw FPNASError(.noMemory, "too many sums of costs")
            }
            return state
        }
        for (layer, states) in found.enumerated() {
            if layer == firstStep && layer > 0 {
                edge = try states.map { nodes throws(FPNASError) in
                    try window(nodes, ProgramBuilder.Terms())
                }
            }
            var built: [BudgetProgram.State] = []
            for (s, nodes) in states.enumerated() {
                let own = nodes.count > 0 ? builder.terms(layer, s) : ProgramBuilder.Terms()
                if layer < firstStep {
                    built.append(try window(nodes, own))
                } else {
                    let steps = ends.layers[found.count - 1 - layer][s]
                    built.append(
                        BudgetProgram.State(
                            keys: isMerging ? [] : nodes.keys, low: 0, count: steps.count,
                            offset: steps.offset, terms: own.all, termOfOption: own.ofOption,
                            firstTerm: terms, leads: steps.leads, chunks: 0..<0))
                }
                terms += own.all.count
                for term in own.ofOption where term >= 0 { memberCount += 1 }
            }
            layers.append(built)
        }
        placeCount = end
        termCount = terms
        members = try Buffer(memberCount, of: "options of terms")
        memberStarts = try Buffer(terms + 1, of: "options of terms")
        leads = try ProgramLayout.buffer(ends.leads)
        targets = try ProgramLayout.buffer(ends.targets)
        moves = try Buffer(firstStep > 0 ? terms : 0, of: "the moves of terms")
        chunks = try ProgramLayout.buffer(starts)
        masks = try Buffer((end - firstWindow) / chunk, of: "chunks of sums")
        for mark in marks { masks[(mark.place - firstWindow) / chunk] = mark.mask }
        let first = edge.first?.offset ?? end
        firstEdge = first
        steps = try Buffer(end - first, of: "the table of sums")
        for (s, state) in edge.enumerated() {
            for i in 0..<state.count {
                steps[state.offset - first + i] = ends.places.place(of: state.low + i, s)
            }
        }
        fillMembers()
        fillMoves()
    }

    /// Steps of the last layers: as far back as they take less time than windows.
    private static func steps(
        _ found: [[ProgramBuilder.Nodes]], _ builder: ProgramBuilder, _ windows: Int?,
        _ isMerging: Bool
    ) throws(FPNASError) -> ProgramSteps {
        var steps = try ProgramSteps(builder, isMerging: isMerging)
        var width = 0
        for nodes in found.joined() { width += min(nodes.width, BudgetProgram.mostNodes) }
        let isListed = found[0][0].bits.isEmpty
        let mayChoose =
            windows == nil && isMerging && (!isListed || width <= BudgetProgram.mostNodes / 8)
        let least = windows ?? (isListed || isMerging ? 0 : found.count)
        for layer in found.indices.reversed() where layer >= least {
            var limit = Int.max
            if mayChoose {
                var work = 0
                for (s, nodes) in found[layer].enumerated() {
                    work += nodes.chunks * builder.terms(layer, s).all.count
                }
                // Pairs of windows take a third of the time.
                let room = BudgetProgram.mostTargets - steps.targets.count
                limit = min(work / 3, max(room, 0) / BudgetProgram.chunk)
            }
            guard try steps.add(layer, found[layer], limit: limit) else { break }
        }
        return steps
    }

    private static func buffer(_ values: [Int32]) throws(FPNASError) -> Buffer<Int32> {
        let buffer = try Buffer<Int32>(values.count, of: "the table of sums")
        for (i, value) in values.enumerated() { unsafe buffer.pointer[i] = value }
        return buffer
    }

    private func fillMembers() {
        for states in layers {
            for state in states where !state.terms.isEmpty {
                for term in state.termOfOption where term >= 0 {
                    memberStarts[state.firstTerm + Int(term) + 1] += 1
                }
            }
        }
        for t in 0..<termCount { memberStarts[t + 1] += memberStarts[t] }
        for states in layers {
            for state in states where !state.terms.isEmpty {
                var next = state.terms.indices.map { memberStarts[state.firstTerm + $0] }
                for (o, term) in state.termOfOption.enumerated() where term >= 0 {
                    members[Int(next[Int(term)])] = Int32(o)
                    next[Int(term)] += 1
                }
            }
        }
    }

    private func fillMoves() {
        let chunk = BudgetProgram.chunk
        for layer in 0..<min(firstStep, layers.count - 1) {
            let after = layer + 1 < firstStep ? layers[layer + 1] : edge
            for state in layers[layer] {
                for (t, term) in state.terms.enumerated() {
                    let next = after[term.next]
                    guard next.count > 0 else {
                        moves[state.firstTerm + t] = fpnas_priv_move(shift: 0, first: 0, last: -1)
                        continue
                    }
                    // Both are below 2^26, so a move of windows that do not meet is none at all.
                    let reach = 1 << 27
                    let place = min(max(state.low + term.cost - next.low, -reach), reach)
                    let shift = next.offset - state.offset + place
                    moves[state.firstTerm + t] = fpnas_priv_move(
                        shift: Int32(shift), first: Int32(next.offset - shift - chunk + 1),
                        last: Int32(next.offset - shift + next.count - 1))
                }
            }
        }
    }
}
