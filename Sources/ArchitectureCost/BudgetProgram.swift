import ArchitectureDistribution
import SearchSpace
import Support

/// What a dynamic programme over the layers and what may have been spent looks like, without
/// probabilities: built once for some budgets, evaluated for every distribution.
///
/// A node is (layer, state that comes in, costs so far), of which only those are kept from which
/// every budget can still be met. The costs so far are one integer key: the units of one cost, or
/// of several in mixed radix, so that adding costs adds keys. Keys are either all integers of a
/// window, or a sorted list with a table of where every term leads from every node.
final class BudgetProgram: Sendable {
    /// Options of one cost and one outgoing state: from a node's key to key + cost.
    struct Term {
        let cost: Int
        let next: Int
    }

    /// The nodes of one layer and one incoming state.
    struct State {
        /// Sorted; empty where the keys are low, low + 1, …
        let keys: [Int]
        let low: Int
        let count: Int
        /// The first node's place among all nodes.
        let offset: Int
        let terms: [Term]
        /// −1 for options that can never be taken.
        let termOfOption: [Int32]
        /// Place in `targets` of term 0 and node 0, term after term; −1 in windows.
        let targets: Int
    }

    let joint: JointChain
    let axes: [CostAxis]
    /// By layer, then by state; after the last layer, the final states without terms.
    let layers: [[State]]
    let nodeCount: Int
    /// Node that a term leads to; `nodeCount` where a budget is then broken for good.
    let targets: Buffer<Int32>
    let isWindow: Bool

    /// How large a programme may become.
    struct Limit {
        /// Most (node, term) pairs of the table, and of windows.
        let targets: Int
        let work: Int

        /// What is tried without being asked for.
        static let usual = Limit(targets: 1 << 24, work: 1 << 27)
        static let exact = Limit(targets: 1 << 22, work: 1 << 27)
        /// Where every resolution is the caller's.
        static let largest = Limit(targets: 1 << 25, work: 1 << 30)
    }

    static let mostNodes = 1 << 25
    static let mostBins = 4096
    static let mostJointBins = 512

    var isExact: Bool { axes.allSatisfy(\.isExact) }

    /// A window only ever holds one axis. Errors: NOMEM beyond the limit.
    private init(
        _ axes: [CostAxis], _ joint: JointChain, _ limit: Limit, isWindow: Bool
    ) throws(FPNASError) {
        let builder = ProgramBuilder(axes, joint)
        let keys = isWindow ? try builder.windows(limit.work) : try builder.lists(limit.targets)
        self.isWindow = isWindow
        self.joint = joint
        self.axes = axes
        (layers, nodeCount, targets) = try builder.finish(keys)
    }

    /// The programme of these axes, nil where it is too large. What occurs is listed where it is
    /// exact or of several costs; windows hold one cost otherwise, or where the list is too long.
    static func fitting(
        _ axes: [CostAxis], _ joint: JointChain, _ limit: Limit
    ) throws(FPNASError) -> BudgetProgram? {
        let isExact = axes.allSatisfy(\.isExact)
        for isWindow in [false, true] where isWindow ? axes.count == 1 : isExact || axes.count > 1 {
            do throws(FPNASError) {
                return try BudgetProgram(axes, joint, limit, isWindow: isWindow)
            } catch {
                guard error.code == .noMemory else { throw error }
            }
        }
        return nil
    }

    // MARK: - Choosing units

    /// The programme of some budgets: exact where its nodes are few enough, or else in the finest
    /// units that fit, rounded up. Never coarser than asked; an error where nothing fits.
    static func make(
        _ budgets: [CostBudget], _ joint: JointChain
    ) throws(FPNASError) -> BudgetProgram {
        let wanted = budgets.map(\.resolution)
        let exact = budgets.indices.map {
            wanted[$0] > 1 ? wanted[$0] : CostAxis.exactUnit(joint, axis: $0)
        }
        let insists = wanted.allSatisfy { $0 > 0 }
        func attempt(_ units: [Int], _ limit: Limit) throws(FPNASError) -> BudgetProgram? {
            let axes = budgets.indices.map {
                CostAxis(joint, axis: $0, budgets[$0], unit: units[$0], .up)
            }
            return try fitting(axes, joint, limit)
        }
        if let found = try attempt(exact, insists ? .largest : .exact) { return found }
        let rooms = budgets.indices.map { CostAxis.room(joint, axis: $0, budgets[$0]) }
        func units(_ bins: Int) -> [Int] {
            budgets.indices.map { axis in
                wanted[axis] > 0
                    ? exact[axis] : max(exact[axis], (rooms[axis] + bins - 1) / bins)
            }
        }
        // Pairs of several costs grow with the bins' power: from a small programme to the largest.
        var bins = budgets.count == 1 ? mostBins : 32
        while !insists && bins >= 16 {
            if let found = try attempt(units(bins), .usual) {
                guard budgets.count > 1 else { return found }
                let free = budgets.indices.filter { wanted[$0] == 0 && budgets[$0].isBinding }
                let growth = Double(Limit.usual.targets) / Double(max(found.targets.count, 1))
                let root = Elementary.exp(Elementary.log(growth) / Double(max(free.count, 1)))
                var finer = Int(min(Double(bins) * root, Double(mostJointBins)))
                while finer > bins {
                    if let better = try attempt(units(finer), .usual) { return better }
                    finer = finer * 9 / 10
                }
                return found
            }
            bins /= 2
        }
        throw FPNASError(
            .infeasible,
            "the budgets of '\(joint.space.name)' have too many sums of costs at resolution "
                + wanted.map { "\($0)" }.joined(separator: ", ")
                + (insists ? ": choose a coarser one, above 1" : " (0 chooses), however coarse"))
    }

    /// The same budgets in the same units rounded down: an upper bound; nil where sums then spread
    /// wider than they fit.
    func generous(_ budgets: [CostBudget]) throws(FPNASError) -> BudgetProgram? {
        let axes = budgets.indices.map {
            CostAxis(joint, axis: $0, budgets[$0], unit: self.axes[$0].unit, .down)
        }
        return try BudgetProgram.fitting(axes, joint, .largest)
    }

    // MARK: - Where terms lead

    /// In windows: the nodes of a state from which a term stays within, and the shift of places.
    @inline(__always)
    func overlap(_ state: State, _ term: Term, _ next: State) -> (nodes: Range<Int>, shift: Int) {
        let shift = state.low + term.cost - next.low
        let first = max(0, -shift)
        return (first..<max(first, min(state.count, next.count - shift)), shift)
    }

    /// The node that a term leads to, `nodeCount` if a budget is then broken.
    func target(_ layer: Int, _ state: State, term: Int, node: Int) -> Int {
        guard isWindow else {
            return unsafe Int(targets.pointer[state.targets + term * state.count + node])
        }
        let next = layers[layer + 1][state.terms[term].next]
        let place = state.low + node + state.terms[term].cost - next.low
        return place >= 0 && place < next.count ? next.offset + place : nodeCount
    }
}

/// Finds the nodes layer by layer from the first on, then what leads where.
private struct ProgramBuilder {
    let axes: [CostAxis]
    let joint: JointChain
    /// By axis, layer and state: the least and the most that is still to come.
    private let least: [[[Int]]]
    private let most: [[[Int]]]
    /// Mixed radix, so wide that a sum never carries; no span where 62 bits are too few.
    private let strides: [Int]
    private let span: Int?

    typealias Keys = (list: [Int], low: Int, count: Int)

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

    /// Every integer between the least and the greatest open key.
    func windows(_ limit: Int) throws(FPNASError) -> [[Keys]] {
        let axis = axes[0]
        var reach = [0...0]
        var result: [[Keys]] = []
        var work = 0
        var nodes = 0
        for layer in 0...joint.layers.count {
            let states: [Keys] = reach.indices.map { s in
                let low = max(reach[s].lowerBound, axis.bottom - most[0][layer][s])
                let high = min(reach[s].upperBound, axis.top - least[0][layer][s])
                return high < low ? ([], 0, 0) : ([], low, high - low + 1)
            }
            result.append(states)
            for state in states { nodes += min(state.count, BudgetProgram.mostNodes) }
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
                guard !overflow, sum <= limit, nodes <= BudgetProgram.mostNodes else {
                    throw ProgramBuilder.tooMany
                }
                work = sum
            }
            // A state that nothing leads to has an empty window.
            let nowhere = (Int.max / 2)...(Int.max / 2)
            reach = lows.indices.map { highs[$0] < 0 ? nowhere : lows[$0]...highs[$0] }
        }
        return result
    }

    /// Every open key that some choices lead to.
    func lists(_ limit: Int) throws(FPNASError) -> [[Keys]] {
        guard let span else { throw ProgramBuilder.tooMany }
        let usesMarks = span <= 1 << 22
        var result: [[Keys]] = [[isOpen(0, 0, 0) ? ([0], 0, 1) : ([], 0, 0)]]
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
                    return (list, 0, list.count)
                })
        }
        return result
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

    private func unique(_ values: inout [Int]) -> [Int] {
        values.sort()
        var kept: [Int] = []
        for value in values where value != kept.last { kept.append(value) }
        return kept
    }

    // MARK: - Terms

    /// The options of a state with equal costs and equal next states put together; those too dear
    /// in any case left out.
    private func terms(
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

    // MARK: - Targets

    func finish(
        _ keys: [[Keys]]
    ) throws(FPNASError) -> (layers: [[BudgetProgram.State]], nodes: Int, targets: Buffer<Int32>) {
        var layers: [[BudgetProgram.State]] = []
        var nodes = 0
        var edges = 0
        for (layer, states) in keys.enumerated() {
            var built: [BudgetProgram.State] = []
            for (s, own) in states.enumerated() {
                let (terms, ofOption) =
                    layer < joint.layers.count && own.count > 0 ? self.terms(layer, s) : ([], [])
                let isList = !own.list.isEmpty
                built.append(
                    BudgetProgram.State(
                        keys: own.list, low: own.low, count: own.count, offset: nodes,
                        terms: terms, termOfOption: ofOption, targets: isList ? edges : -1))
                nodes += own.count
                if isList { edges += terms.count * own.count }
            }
            layers.append(built)
        }
        let targets = try Buffer<Int32>(edges, of: "the table of sums")
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
                            isFound ? next.offset + j : nodes)
                    }
                }
            }
        }
        return (layers, nodes, targets)
    }
}
