import ArchitectureCost
import SearchSpace
import Support

/// How children are chosen from trained shared weights.
public struct SelectionOptions: Sendable, Equatable {
    /// Skeletons tried for every budget; see `CoarseToFine`.
    public var coarseChildren = 48
    /// Mutations of the best tried for every budget.
    public var mutations = 96

    public init() {}

    public func check() throws(FPNASError) {
        try require(coarseChildren, in: 1...100_000, "coarse_children")
        try require(mutations, in: 0...1_000_000, "mutations")
    }
}

/// A network that was measured with the shared weights as they are.
public struct Child: Sendable, Equatable {
    public var architecture: [Int32]
    /// In the units of the budgets.
    public var cost: Int
    /// Nats per image, and part of the images in [0, 1].
    public var logLikelihood: Double
    public var accuracy: Double

    public init(
        _ architecture: [Int32], cost: Int, logLikelihood: Double, accuracy: Double
    ) {
        self.architecture = architecture
        self.cost = cost
        self.logLikelihood = logLikelihood
        self.accuracy = accuracy
    }
}

/// BigNAS's selection: for each of some budgets, in rising order, first skeletons of the coarse
/// grid, then mutations of the best. [Yu et al., ECCV 2020, §3.3]
///
/// The skeletons of a budget are the dearest that keep it among 2,048 drawn from `SkeletonGrid`, and
/// the dearest network of all where it keeps it; the last of the smallest budget is the cheapest of
/// all. A mutation changes one to three variables of the
/// best child so far within the budget, each to another of its choices, and keeps the budget. The
/// best has the highest log-likelihood, of equal ones the first. What a smaller budget found is
/// known to the larger ones, so that these find no worse.
///
///     while !selection.isDone {
///         if let next = try selection.candidate() { …measure… }
///         try selection.advance(measured)
///     }
///
/// A function of space, costs, budgets, options, seed and what it is told: the children measured and
/// the position are all there is to store.
public struct CoarseToFine: Sendable {
    /// In rising order, none twice.
    public let budgets: [Int]
    public let options: SelectionOptions
    /// In the order they were measured in.
    public private(set) var children: [Child]
    /// Candidates that are done with, whether they had to be measured or not.
    public private(set) var position = 0

    private let space: SearchSpace
    private let costs: CostChain
    private let random: Philox
    /// Skeletons by budget, dearest first.
    private let skeletons: [[[Int32]]]
    private let givenCount: Int
    private var known: Set<[Int32]>  // asked, never iterated

    public static let maximumBudgets = 1000
    private static let pool = 2048
    private static let attempts = 64

    /// A budget that nothing keeps is an `infeasible` error that states the least cost. Children
    /// that are `known` come first and are not measured again.
    public init(
        _ costs: CostChain, budgets: [Int], options: SelectionOptions, seed: UInt64,
        known: [Child] = []
    ) throws(FPNASError) {
        guard (1...CoarseToFine.maximumBudgets).contains(budgets.count) else {
            throw .invalid(
                "1 to \(CoarseToFine.maximumBudgets) budgets can be given, got \(budgets.count)")
        }
        try options.check()
        for budget in budgets { try costs.requireFeasible(budget) }
        self.budgets = Set(budgets).sorted()
        self.options = options
        self.costs = costs
        space = costs.space
        children = known
        givenCount = known.count
        self.known = Set(known.map(\.architecture))
        random = Philox(seed: seed, stream: .evolution)
        skeletons = try CoarseToFine.skeletons(costs, self.budgets, options.coarseChildren, random)
    }

    private static func skeletons(
        _ costs: CostChain, _ budgets: [Int], _ count: Int, _ random: Philox
    ) throws(FPNASError) -> [[[Int32]]] {
        let dearest = costs.dearest()
        let grid = try SkeletonGrid(costs.space, shapesOf: dearest)
        var seen: Set<[Int32]> = []  // asked, never iterated
        var pool: [(architecture: [Int32], cost: Int)] = []
        for number in -1..<CoarseToFine.pool {
            let architecture = number < 0 ? dearest : grid.draw(number, random)
            guard seen.insert(architecture).inserted else { continue }
            pool.append((architecture, try costs.cost(of: architecture)))
        }
        // Of equal costs those drawn first.
        let order = pool.indices.sorted { (-pool[$0].cost, $0) < (-pool[$1].cost, $1) }
        let cheapest = costs.cheapest()
        var isFirst = true
        return budgets.map { budget in
            let within = order.lazy.filter { pool[$0].cost <= budget }.prefix(count)
            var found = Array(within.map { pool[$0].architecture })
            if isFirst && !found.contains(cheapest) {
                if found.count == count && count > 1 { found.removeLast() }
                if found.count < count { found.append(cheapest) }
            }
            isFirst = false
            return found
        }
    }

    /// Candidates in all; some turn out to be known already and are not measured.
    public var candidateCount: Int { budgets.count * perBudget }
    public var isDone: Bool { position >= candidateCount }
    /// Children measured by this selection.
    public var measuredCount: Int { children.count - givenCount }
    /// The first candidate, which keeps the smallest budget.
    public var first: [Int32] { skeletons.first?.first ?? costs.cheapest() }
    private var perBudget: Int { options.coarseChildren + options.mutations }

    /// The budget under way.
    public var budget: Int { budgets[min(position / perBudget, budgets.count - 1)] }

    /// The network to measure next; nil where the next candidate is known already, or there is none.
    public func candidate() throws(FPNASError) -> [Int32]? {
        guard !isDone else { return nil }
        let place = position / perBudget
        let number = position % perBudget
        if number < options.coarseChildren {
            guard number < skeletons[place].count else { return nil }
            let skeleton = skeletons[place][number]
            return known.contains(skeleton) ? nil : skeleton
        }
        return try mutation(within: budgets[place])
    }

    /// Goes on to the next candidate. `measured` is this one, nil if it was nil.
    public mutating func advance(_ measured: Child?) {
        if let measured {
            known.insert(measured.architecture)
            children.append(measured)
        }
        position += 1
    }

    /// The best child measured so far within a budget.
    public func best(within budget: Int) -> Child? {
        var best: Child?
        for child in children
        where child.cost <= budget && child.logLikelihood > (best?.logLikelihood ?? -.infinity) {
            best = child
        }
        return best
    }

    /// A new network around the best one; nil if some attempts find none.
    private func mutation(within budget: Int) throws(FPNASError) -> [Int32]? {
        guard let parent = best(within: budget)?.architecture else { return nil }
        let width = space.variableCount
        for attempt in 0..<CoarseToFine.attempts {
            func draw(_ bound: Int, _ index: Int) -> Int {
                random.integer(
                    below: bound, step: UInt64(position) | 1 << 61, sample: attempt, index: index)
            }
            let exists = space.activity(parent)
            let changeable = (0..<width).filter { exists[$0] && space.choiceCounts[$0] > 1 }
            guard !changeable.isEmpty else { return nil }
            // What comes into existence is random.
            var mutant = parent
            for v in 0..<width where !exists[v] {
                mutant[v] = Int32(draw(space.choiceCounts[v], 16 + v))
            }
            for change in 0...draw(3, 0) {
                let v = changeable[draw(changeable.count, 1 + 2 * change)]
                let other = draw(space.choiceCounts[v] - 1, 2 + 2 * change)
                mutant[v] = Int32(other < Int(parent[v]) ? other : other + 1)
            }
            space.canonicalise(&mutant)
            if !known.contains(mutant), try costs.cost(of: mutant) <= budget { return mutant }
        }
        return nil
    }
}

extension CoarseToFine {
    public func encode(into writer: inout ByteWriter) {
        writer.put(position)
        writer.put(measuredCount)
        for child in children[givenCount...] {
            writer.put(child.architecture)
            writer.put([child.logLikelihood, child.accuracy])
        }
    }

    /// Takes the state that a selection of the same arguments stored.
    public mutating func restore(from reader: inout ByteReader) throws(FPNASError) {
        position = try reader.takeInt(0...candidateCount)
        children.removeLast(measuredCount)
        known = Set(children.map(\.architecture))
        for _ in 0..<(try reader.takeInt(0...position)) {
            let architecture = try reader.takeInt32s()
            try space.check(architecture)
            let values = try reader.takeDoubles()
            guard values.count == 2, values[0] <= 0, (0...1).contains(values[1]) else {
                throw reader.damaged("a child's values")
            }
            children.append(
                Child(
                    architecture, cost: try costs.cost(of: architecture),
                    logLikelihood: values[0], accuracy: values[1]))
            known.insert(architecture)
        }
    }
}
