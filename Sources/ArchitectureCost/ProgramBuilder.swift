import SearchSpace
import Support

/// Finds a programme's nodes layer by layer from the first on.
struct ProgramBuilder {
    let axes: [CostAxis]
    let joint: JointChain
    /// By axis, layer and state: the least and the most that is still to come.
    private let least: [[[Int]]]
    private let most: [[[Int]]]
    /// Mixed radix, so wide that a sum never carries; no span where 62 bits are too few.
    private let strides: [Int]
    private let span: Int?
    /// By layer and state.
    private let terms: [[Terms]]

    /// The options of a state with equal costs and equal next states put together, ascending by
    /// cost; those too dear in any case left out.
    struct Terms {
        var all: [BudgetProgram.Term] = []
        /// −1 for options that can never be taken.
        var ofOption: [Int32] = []
    }

    /// The nodes of a state: listed, or those bits of a window from `low` on that are set.
    struct Nodes {
        var list: [Int] = []
        var low = 0
        /// Of the list or the window.
        var count = 0
        var bits: [UInt64] = []
    }

    init(_ axes: [CostAxis], _ joint: JointChain) {
        self.axes = axes
        self.joint = joint
        let radices = axes.map { 2 * $0.top + 2 }
        var strides = [Int](repeating: 1, count: axes.count)
        var span: Int? = 1
        for d in axes.indices.reversed() {
            strides[d] = span ?? 1
            let (product, overflow) = (span ?? 1).multipliedReportingOverflow(by: radices[d])
            if overflow || product >= 1 << 62 { span = nil }
            span = span.map { _ in product }
        }
        self.strides = strides
        self.span = span
        // Keys of no span are never made.
        let isCounted = axes.count == 1 || span != nil
        terms = joint.layers.indices.map { layer in
            guard isCounted else { return [] }
            return (0..<joint.layers[layer].stateCount).map {
                ProgramBuilder.terms(axes, strides, joint.layers[layer], layer, $0)
            }
        }
        var least: [[[Int]]] = []
        var most: [[[Int]]] = []
        for axis in axes {
            var low = [[Int](repeating: 0, count: joint.finalStateCount)]
            var high = low
            for (index, layer) in joint.layers.enumerated().reversed() {
                var less = [Int](repeating: .max, count: layer.stateCount)
                var more = [Int](repeating: 0, count: layer.stateCount)
                let after = (low[low.count - 1], high[high.count - 1])
                for row in layer.next.indices {
                    let state = row / layer.optionCount
                    let cost = axis.costs[index][row]
                    less[state] = min(less[state], cost + after.0[layer.next[row]])
                    more[state] = max(more[state], cost + after.1[layer.next[row]])
                }
                low.append(less)
                high.append(more)
            }
            least.append(low.reversed())
            most.append(high.reversed())
        }
        self.least = least
        self.most = most
    }

    /// Whether a key can still meet every budget.
    private func isOpen(_ key: Int, _ layer: Int, _ state: Int) -> Bool {
        var rest = key
        for d in axes.indices {
            let (units, left) = rest.quotientAndRemainder(dividingBy: strides[d])
            rest = left
            guard units + least[d][layer][state] <= axes[d].top,
                units + most[d][layer][state] >= axes[d].bottom
            else { return false }
        }
        return true
    }

    // MARK: - Nodes

    /// Every open key that some choices lead to, as bits between the least and the greatest; nil
    /// where there are too many.
    func windows(_ limit: Int) -> [[Nodes]]? {
        let axis = axes[0]
        var reach = [0...0]
        var result: [[Nodes]] = []
        var work = 0
        var places = 0
        for layer in 0...joint.layers.count {
            let states: [Nodes] = reach.indices.map { s in
                let low = max(reach[s].lowerBound, axis.bottom - most[0][layer][s])
                let high = min(reach[s].upperBound, axis.top - least[0][layer][s])
                return high < low ? Nodes() : Nodes(low: low, count: high - low + 1)
            }
            result.append(states)
            for state in states { places += min(state.count, BudgetProgram.mostNodes) }
            guard layer < joint.layers.count else { break }
            let own = joint.layers[layer]
            var lows = [Int](repeating: .max, count: joint.stateCount(after: layer))
            var highs = [Int](repeating: -1, count: lows.count)
            for row in own.next.indices {
                let state = states[row / own.optionCount]
                guard state.count > 0 else { continue }
                let n = own.next[row]
                let cost = axis.costs[layer][row]
                lows[n] = min(lows[n], state.low + cost)
                highs[n] = max(highs[n], state.low + state.count - 1 + cost)
                let (sum, overflow) = work.addingReportingOverflow(state.count)
                guard !overflow, sum <= limit, places <= BudgetProgram.mostNodes else { return nil }
                work = sum
            }
            // A state that nothing leads to has an empty window.
            let nowhere = (Int.max / 2)...(Int.max / 2)
            reach = lows.indices.map { highs[$0] < 0 ? nowhere : lows[$0]...highs[$0] }
        }
        mark(&result)
        return result
    }

    /// Sets the bits of what is reached from the first layer on, a word of keys at a time.
    private func mark(_ nodes: inout [[Nodes]]) {
        for layer in nodes.indices {
            for s in nodes[layer].indices {
                nodes[layer][s].bits = [UInt64](
                    repeating: 0, count: (nodes[layer][s].count + 63) / 64)
            }
        }
        guard nodes[0][0].count > 0, nodes[0][0].low == 0 else { return }
        nodes[0][0].bits[0] = 1
        for layer in joint.layers.indices {
            for (s, own) in nodes[layer].enumerated() where own.count > 0 {
                for term in terms(layer, s).all {
                    nodes[layer + 1][term.next].add(own, plus: term.cost)
                }
            }
        }
    }

    /// Every open key that some choices lead to; nil where there are too many.
    func lists(_ limit: Int) -> [[Nodes]]? {
        guard let span else { return nil }
        let usesMarks = span <= 1 << 22
        var result = [[isOpen(0, 0, 0) ? Nodes(list: [0], count: 1) : Nodes()]]
        var work = 0
        for layer in joint.layers.indices {
            let count = joint.stateCount(after: layer)
            for (state, keys) in result[layer].enumerated() {
                work += terms(layer, state).all.count * keys.count
            }
            guard work <= limit else { return nil }
            // Of sums as bits only those that occur are looked at.
            var marks = [Nodes](repeating: Nodes(count: span), count: count)
            var sums = [[Int]](repeating: [], count: count)
            for (state, keys) in result[layer].enumerated() where keys.count > 0 {
                let own = usesMarks && keys.width / 64 < keys.count ? keys.window : keys
                for term in terms(layer, state).all {
                    if usesMarks {
                        if marks[term.next].bits.isEmpty {
                            marks[term.next].bits = [UInt64](repeating: 0, count: (span + 63) / 64)
                        }
                        if own.bits.isEmpty {
                            for key in own.list { marks[term.next].add(key + term.cost) }
                        } else {
                            marks[term.next].add(own, plus: term.cost)
                        }
                    } else {
                        for key in keys.list where isOpen(key + term.cost, layer + 1, term.next) {
                            sums[term.next].append(key + term.cost)
                        }
                    }
                }
            }
            result.append(
                (0..<count).map { s in
                    let list =
                        usesMarks
                        ? marks[s].keys.filter { isOpen($0, layer + 1, s) } : unique(&sums[s])
                    return Nodes(list: list, count: list.count)
                })
        }
        return result
    }

    private func unique(_ values: inout [Int]) -> [Int] {
        values.sort()
        var kept: [Int] = []
        for value in values where value != kept.last { kept.append(value) }
        return kept
    }

    // MARK: - Terms

    /// None after the last layer.
    func terms(_ layer: Int, _ state: Int) -> Terms {
        layer < terms.count ? terms[layer][state] : Terms()
    }

    private static func terms(
        _ axes: [CostAxis], _ strides: [Int], _ own: JointChain.LayerChain, _ layer: Int,
        _ state: Int
    ) -> Terms {
        let start = state * own.optionCount
        var entries: [(cost: Int, next: Int, option: Int)] = []
        for o in 0..<own.optionCount {
            var key = 0
            var isOpen = true
            for d in axes.indices {
                let cost = axes[d].costs[layer][start + o]
                isOpen = isOpen && cost <= axes[d].top
                key += isOpen ? cost * strides[d] : 0
            }
            if isOpen { entries.append((key, own.next[start + o], o)) }
        }
        entries.sort { ($0.cost, $0.next, $0.option) < ($1.cost, $1.next, $1.option) }
        var result = Terms(ofOption: [Int32](repeating: -1, count: own.optionCount))
        for entry in entries {
            if result.all.last.map({ $0.cost != entry.cost || $0.next != entry.next }) ?? true {
                result.all.append(BudgetProgram.Term(cost: entry.cost, next: entry.next))
            }
            result.ofOption[entry.option] = Int32(result.all.count - 1)
        }
        return result
    }
}

extension ProgramBuilder.Nodes {
    var keys: [Int] {
        guard list.isEmpty else { return list }
        var keys: [Int] = []
        for (i, word) in bits.enumerated() {
            var rest = word
            while rest != 0 {
                keys.append(low + 64 * i + rest.trailingZeroBitCount)
                rest &= rest - 1
            }
        }
        return keys
    }

    /// Whether a place of the window is a node's.
    func isNode(_ place: Int) -> Bool { bits[place / 64] >> UInt64(place % 64) & 1 == 1 }

    /// The same as a window.
    var window: Self {
        guard let first = list.first, let last = list.last else { return self }
        var result = Self(low: first, count: last - first + 1)
        result.bits = [UInt64](repeating: 0, count: (result.count + 63) / 64)
        for key in list { result.add(key) }
        return result
    }

    /// Places from the first key to the last.
    var width: Int { bits.isEmpty ? (list.last ?? -1) - (list.first ?? 0) + 1 : count }

    /// Chunks of a window that hold a node.
    var chunks: Int {
        let chunk = BudgetProgram.chunk
        guard bits.isEmpty else {
            return stride(from: 0, to: count, by: chunk).reduce(0) {
                $0 + (mask(at: $1) > 0 ? 1 : 0)
            }
        }
        var sum = 0
        var last = -1
        for key in list where (key - list[0]) / chunk != last {
            last = (key - list[0]) / chunk
            sum += 1
        }
        return sum
    }

    /// Adds the keys of another window plus a cost; those that then lie outside are lost.
    mutating func add(_ other: Self, plus cost: Int) {
        guard other.count > 0 else { return }
        let shift = other.low + cost - low
        let (words, up) = (shift >> 6, UInt64(shift & 63))
        let last = min(other.bits.count, bits.count - words)
        for j in max(-words - 1, 0)..<max(last, -words - 1, 0) {
            let word = other.bits[j]
            if j + words >= 0 { bits[j + words] |= word << up }
            if up > 0 && j + words + 1 < bits.count { bits[j + words + 1] |= word >> (64 - up) }
        }
        if count % 64 > 0 { bits[bits.count - 1] &= ~0 >> UInt64(64 - count % 64) }
    }

    /// Adds a key of the window.
    mutating func add(_ key: Int) { bits[(key - low) / 64] |= 1 << UInt64((key - low) % 64) }

    /// Up to 16 bits from a key on.
    func mask(at place: Int) -> UInt16 {
        guard place < count else { return 0 }
        let word = bits[place / 64] >> UInt64(place % 64)
        return UInt16(truncatingIfNeeded: word)
    }
}
