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
/// Nodes have places in one array of values. A state of an early layer has a *window*, one place for
/// every key from its least to its greatest, nodes or not, so that a term moves all of them by the
/// same distance and the kernels work on chunks of neighbours. In the late layers, from which back
/// is found out, nodes from which the same follows are one *step* (`ProgramSteps`), which are few, with
/// a table of where every term leads; those of the first such layer are copied into windows, its
/// *edge*, for the layer before.
final class BudgetProgram: Sendable {
    /// Options of one cost and one outgoing state: from a node's key to key + cost.
    struct Term {
        let cost: Int
        let next: Int
    }

    /// The nodes of one layer and one incoming state.
    struct State {
        /// Of nodes that are not put together, sorted; else empty.
        let keys: [Int]
        /// Windows: the keys are low, low + 1, …
        let low: Int
        /// Places of the window, or steps.
        let count: Int
        /// The first node's place among all nodes; of steps every second one is a node's.
        let offset: Int
        let terms: [Term]
        /// −1 for options that can never be taken.
        let termOfOption: [Int32]
        /// The first term's number among those of all states.
        let firstTerm: Int
        /// Steps: place in `leads` of the first block's term 0; −1 in windows.
        let leads: Int
        /// In windows: those of all chunks that hold the state's nodes.
        let chunks: Range<Int>

        var isWindow: Bool { leads < 0 }
    }

    let joint: JointChain
    let axes: [CostAxis]
    /// By layer, then by state; after the last layer, the final states without terms.
    let layers: [[State]]
    /// The first layer of steps.
    let firstStep: Int
    /// Steps come first, then windows, the edge last; at place 0 a budget is broken for good.
    let firstWindow: Int
    let firstEdge: Int
    let placeCount: Int
    let termCount: Int
    /// The options of term t are members[memberStarts[t]..<memberStarts[t + 1]], ascending.
    let members: Buffer<Int32>
    let memberStarts: Buffer<Int32>
    /// Steps: where terms lead, see `ProgramSteps`.
    let leads: Buffer<Int32>
    let targets: Buffer<Int32>
    /// Windows: where terms lead, the first places of chunks, and by place / chunk their nodes.
    let moves: Buffer<fpnas_priv_move>
    let chunks: Buffer<Int32>
    let masks: Buffer<UInt16>
    /// By place of the edge, that of the node's step, 0 where there is no node.
    let steps: Buffer<Int32>

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
    /// Most targets of steps where windows would do as well.
    static let mostTargets = 1 << 24
    static let mostBins = 4096
    static let mostJointBins = 512

    var isExact: Bool { axes.allSatisfy(\.isExact) }

    init(
        _ found: Found, windows: Int? = nil, isMerging: Bool = true
    ) throws(FPNASError) {
        let layout = try ProgramLayout(
            found.nodes, found.builder, windows: windows, isMerging: isMerging)
        joint = found.builder.joint
        axes = found.builder.axes
        layers = layout.layers
        firstStep = layout.firstStep
        firstWindow = layout.firstWindow
        firstEdge = layout.firstEdge
        placeCount = layout.placeCount
        termCount = layout.termCount
        members = layout.members
        memberStarts = layout.memberStarts
        leads = layout.leads
        targets = layout.targets
        moves = layout.moves
        chunks = layout.chunks
        masks = layout.masks
        steps = layout.steps
    }

    /// The nodes of some axes, listed or, of one axis only, in windows.
    struct Found {
        let builder: ProgramBuilder
        let nodes: [[ProgramBuilder.Nodes]]

        /// Nil where there are too many. They are listed where the axes are exact or several.
        init?(_ axes: [CostAxis], _ joint: JointChain, _ limit: Limit) {
            builder = ProgramBuilder(axes, joint)
            let isListed = axes.count > 1 || axes[0].isExact
            if isListed, let lists = builder.lists(limit.targets) {
                nodes = lists
            } else if axes.count == 1, let windows = builder.windows(limit.work) {
                nodes = windows
            } else {
                return nil
            }
        }

        /// (node, term) pairs.
        var pairs: Int {
            var sum = 0
            for (layer, states) in nodes.enumerated() {
                for (s, state) in states.enumerated() {
                    sum += builder.terms(layer, s).all.count * state.count
                }
            }
            return sum
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
        func attempt(_ units: [Int], _ limit: Limit) -> Found? {
            let axes = budgets.indices.map {
                CostAxis(joint, axis: $0, budgets[$0], unit: units[$0], .up)
            }
            return Found(axes, joint, limit)
        }
        if let found = attempt(exact, insists ? .largest : .exact) {
            return try BudgetProgram(found)
        }
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
            if let found = attempt(units(bins), .usual) {
                guard budgets.count > 1 else { return try BudgetProgram(found) }
                let free = budgets.indices.filter { wanted[$0] == 0 && budgets[$0].isBinding }
                let growth = Double(Limit.usual.targets) / Double(max(found.pairs, 1))
                let root = Elementary.exp(Elementary.log(growth) / Double(max(free.count, 1)))
                var finer = Int(min(Double(bins) * root, Double(mostJointBins)))
                while finer > bins {
                    if let better = attempt(units(finer), .usual) {
                        return try BudgetProgram(better)
                    }
                    finer = finer * 9 / 10
                }
                return try BudgetProgram(found)
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
        return try Found(axes, joint, .largest).map { found throws(FPNASError) in
            try BudgetProgram(found)
        }
    }

    // MARK: - Where terms lead

    /// Whether a place in a window is a node's.
    @inline(__always)
    func isNode(_ place: Int) -> Bool {
        let (chunk, bit) = (place - firstWindow).quotientAndRemainder(
            dividingBy: BudgetProgram.chunk)
        return unsafe masks.pointer[chunk] >> UInt16(bit) & 1 == 1
    }

    static let chunk = Int(FPNAS_PRIV_BUDGET_CHUNK)

    /// All places of a state, up to the last chunk's or block's end.
    func places(of state: State) -> Range<Int> {
        let chunk = BudgetProgram.chunk
        let count = (state.count + chunk - 1) / chunk * chunk
        return state.offset..<(state.offset + (state.isWindow ? count : 2 * count))
    }

    /// The places of a state's nodes; in windows of others, too, where all values are 0.
    func nodes(of state: State) -> StrideTo<Int> {
        let step = state.isWindow ? 1 : 2
        return stride(from: state.offset, to: state.offset + step * state.count, by: step)
    }

    /// The place of the node that a term leads to, 0 if a budget is then broken.
    func target(_ state: State, term: Int, place: Int) -> Int {
        guard state.isWindow else {
            let (block, i) = ((place - state.offset) / 2).quotientAndRemainder(
                dividingBy: BudgetProgram.chunk)
            let lead = unsafe Int(leads.pointer[state.leads + block * state.terms.count + term])
            return lead >= 0 ? lead : unsafe Int(targets.pointer[~lead + i])
        }
        let move = unsafe moves.pointer[state.firstTerm + term]
        let next = place + Int(move.shift)
        guard place >= Int(move.first) + BudgetProgram.chunk - 1, place <= Int(move.last),
            isNode(next)
        else { return 0 }
        return next < firstEdge ? next : unsafe Int(steps.pointer[next - firstEdge])
    }
}
