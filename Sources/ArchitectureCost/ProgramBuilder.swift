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

    private static let tooMany = FPNASError(.noMemory, "too many sums of costs")

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

    /// Every open key that some choices lead to, as bits between the least and the greatest.
    func windows(_ limit: Int) throws(FPNASError) -> [[Nodes]] {
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
                guard !overflow, sum <= limit, places <= BudgetProgram.mostNodes else {
                    throw ProgramBuilder.tooMany
                }
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
                for term in terms(layer, s).terms {
                    let low = nodes[layer + 1][term.next].low
                    nodes[layer + 1][term.next].add(own.bits, shift: own.low + term.cost - low)
                }
            }
        }
    }

    /// Every open key that some choices lead to.
    func lists(_ limit: Int) throws(FPNASError) -> [[Nodes]] {
        guard let span else { throw ProgramBuilder.tooMany }
        let usesMarks = span <= 1 << 22
        var result = [[isOpen(0, 0, 0) ? Nodes(list: [0], count: 1) : Nodes()]]
        var work = 0
        for layer in joint.layers.indices {
            let count = joint.stateCount(after: layer)
            var marks = [[Bool]](repeating: [], count: count)
            var sums = [[Int]](repeating: [], count: count)
            for (state, keys) in result[layer].enumerated() where keys.count > 0 {
                for term in terms(layer, state).terms {
                    work += keys.count
                    guard work <= limit else { throw ProgramBuilder.tooMany }
                    for key in keys.list where isOpen(key + term.cost, layer + 1, term.next) {
                        if usesMarks {
                            if marks[term.next].isEmpty {
                                marks[term.next] = [Bool](repeating: false, count: span)
                            }
                            marks[term.next][key + term.cost] = true
                        } else {
                            sums[term.next].append(key + term.cost)
                        }
                    }
                }
            }
            result.append(
                (0..<count).map { s in
                    let list =
                        usesMarks ? marks[s].indices.filter { marks[s][$0] } : unique(&sums[s])
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

    /// The options of a state with equal costs and equal next states put together; those too dear
    /// in any case left out.
    func terms(
        _ layer: Int, _ state: Int
    ) -> (terms: [BudgetProgram.Term], ofOption: [Int32]) {
        let own = joint.layers[layer]
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
        var terms: [BudgetProgram.Term] = []
        var ofOption = [Int32](repeating: -1, count: own.optionCount)
        for entry in entries {
            if terms.last.map({ $0.cost != entry.cost || $0.next != entry.next }) ?? true {
                terms.append(BudgetProgram.Term(cost: entry.cost, next: entry.next))
            }
            ofOption[entry.option] = Int32(terms.count - 1)
        }
        return (terms, ofOption)
    }

    // MARK: - Windows of lists

    /// Whether windows around listed nodes take less time than the list: their (place, term) pairs
    /// are looked at some six times as fast.
    func prefersWindows(_ lists: [[Nodes]]) -> Bool {
        var listed = 0
        var moved = 0
        var places = 0
        for (layer, states) in lists.enumerated() {
            for (s, state) in states.enumerated() where state.count > 0 {
                let low = state.list[0]
                places += min(state.list[state.count - 1] - low, BudgetProgram.mostNodes)
                guard layer < joint.layers.count else { continue }
                let chunk = BudgetProgram.chunk
                var chunks = 0
                var last = -1
                for key in state.list where (key - low) / chunk != last {
                    last = (key - low) / chunk
                    chunks += 1
                }
                let count = terms(layer, s).terms.count
                listed += count * state.count
                moved += count * chunks * chunk
            }
        }
        return places <= BudgetProgram.mostNodes / 8 && listed > 1 << 12 && moved < 6 * listed
    }

    /// The window of a list.
    static func window(of list: Nodes) -> Nodes {
        guard let low = list.list.first, let high = list.list.last else { return Nodes() }
        var result = Nodes(low: low, count: high - low + 1)
        result.bits = [UInt64](repeating: 0, count: (result.count + 63) / 64)
        for key in list.list { result.bits[(key - low) / 64] |= 1 << UInt64((key - low) % 64) }
        return result
    }
}

extension ProgramBuilder.Nodes {
    /// Sets the bits of others moved up by `shift`, or down; those that then lie outside are lost.
    fileprivate mutating func add(_ other: [UInt64], shift: Int) {
        let words = shift >> 6
        let up = UInt64(shift & 63)
        for i in bits.indices {
            let j = i - words
            var word: UInt64 = 0
            if other.indices.contains(j) { word = other[j] << up }
            if up > 0, other.indices.contains(j - 1) { word |= other[j - 1] >> (64 - up) }
            bits[i] |= word
        }
        if count % 64 > 0 { bits[bits.count - 1] &= ~0 >> UInt64(64 - count % 64) }
    }

    /// Up to 16 bits from a key on.
    func mask(at place: Int) -> UInt16 {
        guard place < count else { return 0 }
        let word = bits[place / 64] >> UInt64(place % 64)
        return UInt16(truncatingIfNeeded: word)
    }
}
