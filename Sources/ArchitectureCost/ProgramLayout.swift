import CSearchKernels
import Support

/// Where the nodes that `ProgramBuilder` found lie, and what leads where.
struct ProgramLayout {
    private(set) var layers: [[BudgetProgram.State]] = []
    let isWindow: Bool
    let placeCount: Int
    let termCount: Int
    let pairs: Int
    let members: Buffer<Int32>
    let memberStarts: Buffer<Int32>
    let targets: Buffer<Int32>
    let moves: Buffer<fpnas_priv_move>
    let chunks: Buffer<Int32>
    let masks: Buffer<UInt16>

    init(
        _ found: [[ProgramBuilder.Nodes]], _ builder: ProgramBuilder, isWindow: Bool
    ) throws(FPNASError) {
        self.isWindow = isWindow
        let chunk = BudgetProgram.chunk
        // A chunk read past either end of a window finds zeros.
        var places = isWindow ? chunk : 0
        var terms = 0
        var pairs = 0
        var memberCount = 0
        var starts: [Int32] = []
        var marks: [(place: Int, mask: UInt16)] = []
        for (layer, states) in found.enumerated() {
            var built: [BudgetProgram.State] = []
            for (s, nodes) in states.enumerated() {
                let isInner = layer < builder.joint.layers.count && nodes.count > 0
                let (own, ofOption) = isInner ? builder.terms(layer, s) : ([], [])
                let isList = !nodes.list.isEmpty
                let window = isWindow && isList ? ProgramBuilder.window(of: nodes) : nodes
                let firstChunk = starts.count
                if isWindow {
                    for place in stride(from: 0, to: window.count, by: chunk) {
                        let mask = window.mask(at: place)
                        guard mask > 0 else { continue }
                        starts.append(Int32(places + place))
                        marks.append((places + place, mask))
                    }
                }
                built.append(
                    BudgetProgram.State(
                        keys: isWindow ? [] : nodes.list, low: window.low, count: window.count,
                        offset: places, terms: own, termOfOption: ofOption, firstTerm: terms,
                        targets: isWindow ? -1 : isList ? pairs : -1,
                        chunks: firstChunk..<starts.count))
                if isList { pairs += own.count * nodes.count }
                places +=
                    isWindow
                    ? (window.count + chunk - 1) / chunk * chunk + (window.count > 0 ? chunk : 0)
                    : nodes.count
                guard places <= 2 * BudgetProgram.mostNodes else {
                    throw FPNASError(.noMemory, "too many sums of costs")
                }
                terms += own.count
                for term in ofOption where term >= 0 { memberCount += 1 }
            }
            layers.append(built)
        }
        placeCount = places
        termCount = terms
        self.pairs = pairs
        members = try Buffer(memberCount, of: "options of terms")
        memberStarts = try Buffer(terms + 1, of: "options of terms")
        targets = try Buffer(isWindow ? 0 : pairs, of: "the table of sums")
        moves = try Buffer(isWindow ? terms : 0, of: "the moves of terms")
        chunks = try Buffer(starts.count, of: "chunks of sums")
        masks = try Buffer(isWindow ? places / chunk + 1 : 0, of: "chunks of sums")
        for (i, start) in starts.enumerated() { chunks[i] = start }
        for mark in marks { masks[mark.place / chunk] = mark.mask }
        fillMembers()
        if isWindow { fillMoves() } else { fillTargets() }
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
        for (layer, states) in layers.enumerated() {
            for state in states {
                for (t, term) in state.terms.enumerated() {
                    let next = layers[layer + 1][term.next]
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

    private func fillTargets() {
        for (layer, states) in layers.enumerated() {
            for state in states where state.targets >= 0 {
                for (t, term) in state.terms.enumerated() {
                    let next = layers[layer + 1][term.next]
                    var j = 0
                    for (i, key) in state.keys.enumerated() {
                        let sum = key + term.cost
                        j = place(of: sum, in: next.keys, from: j)
                        let isFound = j < next.count && next.keys[j] == sum
                        unsafe targets.pointer[state.targets + t * state.count + i] = Int32(
                            isFound ? next.offset + j : placeCount)
                    }
                }
            }
        }
    }

    /// The first place from `start` on of a key that is not below, by doubling steps.
    private func place(of key: Int, in keys: [Int], from start: Int) -> Int {
        var low = start
        var step = 1
        while low + step < keys.count, keys[low + step] < key {
            low += step
            step *= 2
        }
        var high = min(low + step, keys.count)
        while low < high {
            let middle = (low + high) / 2
            if keys[middle] < key { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
