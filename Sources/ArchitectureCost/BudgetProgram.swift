import ArchitectureDistribution
import CSearchKernels
import SearchSpace
import Support

/// What a dynamic programme over the layers and what may have been spent looks like, without
/// probabilities: built once for some budgets, evaluated for every distribution.
///
/// A node is (layer, state that comes in, costs so far), of which only those are kept that some
/// choices lead to and from which every budget can still be met. The costs so far are one integer
/// key: the units of one cost, or of several in mixed radix, so that adding costs adds keys.
///
/// Nodes have places in one array of values. Either a state has a *window*, one place for every key
/// from its least to its greatest, nodes or not, so that a term moves all of them by the same
/// distance and the kernels work on chunks of neighbours; or a *list* of its nodes alone with a table
/// of where every term leads from every node, where keys are too far apart.
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
        /// The first term's number among those of all states.
        let firstTerm: Int
        /// Place in `targets` of term 0 and node 0, term after term; −1 in windows.
        let targets: Int
        /// In windows: those of all chunks that hold the state's nodes.
        let chunks: Range<Int>
    }

    let joint: JointChain
    let axes: [CostAxis]
    /// By layer, then by state; after the last layer, the final states without terms.
    let layers: [[State]]
    /// Places of all nodes, and the one after them, where a budget is broken for good.
    let nodeCount: Int
    let termCount: Int
    /// The options of term t are members[memberStarts[t]..<memberStarts[t + 1]], ascending.
    let members: Buffer<Int32>
    let memberStarts: Buffer<Int32>
    let isWindow: Bool
    /// (node, term) pairs of a list, whether or not there is one.
    let pairs: Int
    /// Lists: the place that a term leads to, `nodeCount` where a budget is then broken.
    let targets: Buffer<Int32>
    /// Windows: where terms lead, the first places of chunks, and by place / chunk their nodes.
    let moves: Buffer<fpnas_priv_move>
    let chunks: Buffer<Int32>
    let masks: Buffer<UInt16>

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

    init(_ axes: [CostAxis], _ joint: JointChain, _ layout: ProgramLayout) {
        self.joint = joint
        self.axes = axes
        layers = layout.layers
        nodeCount = layout.placeCount
        termCount = layout.termCount
        members = layout.members
        memberStarts = layout.memberStarts
        isWindow = layout.isWindow
        pairs = layout.pairs
        targets = layout.targets
        moves = layout.moves
        chunks = layout.chunks
        masks = layout.masks
    }

    /// The programme of these axes, nil where it is too large. Nodes are listed where the axes are
    /// exact or several, and then kept in windows where these are evaluated sooner; one cost may
    /// be of windows alone.
    ///
    /// - Parameter isWindow: decides for one or the other, for tests.
    static func fitting(
        _ axes: [CostAxis], _ joint: JointChain, _ limit: Limit, isWindow: Bool? = nil
    ) throws(FPNASError) -> BudgetProgram? {
        let isExact = axes.allSatisfy(\.isExact)
        let builder = ProgramBuilder(axes, joint)
        do throws(FPNASError) {
            if isExact || axes.count > 1 {
                let lists = try builder.lists(limit.targets)
                let layout = try ProgramLayout(
                    lists, builder, isWindow: isWindow ?? builder.prefersWindows(lists))
                return BudgetProgram(axes, joint, layout)
            }
        } catch {
            guard error.code == .noMemory else { throw error }
        }
        guard axes.count == 1 else { return nil }
        do throws(FPNASError) {
            let windows = try builder.windows(limit.work)
            return BudgetProgram(
                axes, joint, try ProgramLayout(windows, builder, isWindow: true))
        } catch {
            guard error.code == .noMemory else { throw error }
            return nil
        }
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
                let growth = Double(Limit.usual.targets) / Double(max(found.pairs, 1))
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

    /// Whether a place in a window is a node's.
    @inline(__always)
    func isNode(_ place: Int) -> Bool {
        unsafe masks.pointer[place / BudgetProgram.chunk] >> UInt16(place % BudgetProgram.chunk) & 1
            == 1
    }

    static let chunk = Int(FPNAS_PRIV_BUDGET_CHUNK)

    /// All places of a state, in windows up to the last chunk's end.
    func places(of state: State) -> Range<Int> {
        let chunk = BudgetProgram.chunk
        let count = isWindow ? (state.count + chunk - 1) / chunk * chunk : state.count
        return state.offset..<(state.offset + count)
    }

    /// The node that a term leads to, `nodeCount` if a budget is then broken.
    func target(_ layer: Int, _ state: State, term: Int, node: Int) -> Int {
        guard isWindow else {
            return unsafe Int(targets.pointer[state.targets + term * state.count + node])
        }
        let next = layers[layer + 1][state.terms[term].next]
        let place = state.low + node + state.terms[term].cost - next.low
        return place >= 0 && place < next.count && isNode(next.offset + place)
            ? next.offset + place : nodeCount
    }
}
