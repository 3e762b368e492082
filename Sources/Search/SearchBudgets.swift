import ArchitectureCost
import ArchitectureDistribution
import SearchSpace
import Support

/// The budgets of a search, and what it draws from under the hard ones.
///
/// With hard budgets of probability Z, q = P · 1[kept] / Z, all importance weights of draws from q
/// are equal, and the gradient is (`docs/budgets.md`)
///
///     Σ_k m_k ∇(−log P(A_k)) + s ∇log Z,   s = Σ_k m_k                conditioned
///                                          s = Σ_k m_k − 1            within
///
/// so that every baseline multiplies ∇(−log q), whose expectation under q is zero. Without
/// likelihoods (all −∞) the 1 is 0.
struct SearchBudgets {
    private(set) var all: [SearchBudget] = []
    /// Present with a hard budget.
    private(set) var conditioned: BudgetedDistribution?

    var hard: [SearchBudget] { all.filter { $0.mode == .hard } }

    /// These and one more; throws and leaves these alone where it cannot be kept with them.
    func adding(
        _ budget: SearchBudget, _ distribution: ArchitectureDistribution
    ) throws(FPNASError) -> SearchBudgets {
        guard budget.chain.space == distribution.space else {
            throw .invalid(
                "the costs are of '\(budget.chain.space.name)', the search is of "
                    + "'\(distribution.space.name)'")
        }
        guard all.count < 16 else { throw .invalid("a search has 16 budgets at most") }
        var more = self
        more.all.append(budget)
        if budget.mode == .hard {
            more.conditioned = try BudgetedDistribution(distribution, more.hard.map(\.budget))
        }
        return more
    }

    /// The same budgets of another distribution.
    func moved(to distribution: ArchitectureDistribution) throws(FPNASError) -> SearchBudgets {
        var moved = self
        if let conditioned { moved.conditioned = try conditioned.moved(to: distribution) }
        return moved
    }

    /// The same of one that takes these ones' place, and their memory at its first `update`.
    func handedOver(to distribution: ArchitectureDistribution) throws(FPNASError) -> SearchBudgets {
        var next = self
        if let conditioned { next.conditioned = try conditioned.handedOver(to: distribution) }
        return next
    }

    /// Takes in the logits as they are now.
    func update() { conditioned?.update() }

    // MARK: - Gradient

    /// Takes the soft budgets' terms off the coefficients m_i of networks with multiplicities n:
    /// β·(n_i C_i / Σ n C − n_i / K), the last under the mean baseline, where some C > 0.
    func subtractHinges(
        of architectures: [[Int32]], _ multiplicities: [Int], _ baseline: Baseline,
        from coefficients: inout [Double]
    ) {
        var count = 0.0
        for n in multiplicities { count += Double(n) }
        for budget in all where budget.mode == .soft && budget.weight > 0 {
            let excesses = architectures.map(budget.excess)
            var total = 0.0
            for (n, excess) in zip(multiplicities, excesses) { total += Double(n) * excess }
            guard total > 0 else { continue }
            for i in excesses.indices {
                let n = Double(multiplicities[i])
                let mean = baseline == .mean ? n / count : 0
                coefficients[i] -= budget.weight * (n * excesses[i] / total - mean)
            }
        }
    }

    /// Adds s ∇log Z to the gradient.
    ///
    /// - Parameters:
    ///   - total: Σ_k m_k.
    ///   - hasPreference: whether a likelihood above zero was told.
    func addGradient(
        total: Double, hasPreference: Bool, _ objective: BudgetObjective,
        to gradient: UnsafeMutablePointer<Double>
    ) {
        guard let conditioned, conditioned.logProbability > -.infinity else { return }
        let factor = total - (objective == .within && hasPreference ? 1 : 0)
        // Under the mean baseline Σ m is zero but for rounding.
        guard abs(factor) > 1e-9 else { return }
        unsafe conditioned.addLogProbabilityGradient(factor: factor, to: gradient)
    }

    // MARK: - Checkpoints

    func encode(into writer: inout ByteWriter) {
        writer.put(all.count)
        for budget in all {
            writer.put(budget.mode.rawValue)
            writer.put(budget.budget.least)
            writer.put(budget.mode == .soft ? budget.target : budget.budget.most)
            writer.put(budget.weight)
            writer.put(budget.budget.resolution)
            budget.chain.encode(into: &writer)
        }
    }

    /// What `encode` wrote, for the uniform distribution.
    init(
        _ distribution: ArchitectureDistribution, from reader: inout ByteReader
    ) throws(FPNASError) {
        for _ in 0..<(try reader.takeInt(0...16)) {
            guard let mode = SearchBudget.Mode(rawValue: try reader.take(Int32.self)) else {
                throw reader.damaged("unknown mode of a budget")
            }
            let least = try reader.takeInt()
            let most = try reader.takeInt()
            let weight = try reader.takeDouble()
            let resolution = try reader.takeInt()
            let chain = try CostChain(space: distribution.space, from: &reader)
            all.append(
                try SearchBudget(
                    mode, chain, least: least, most: most, weight: weight,
                    resolution: mode == .soft ? 0 : resolution))
        }
        if !hard.isEmpty {
            conditioned = try BudgetedDistribution(distribution, hard.map(\.budget))
        }
    }

    init() {}
}

extension Search {
    /// Adds a budget, before the first ask. Hard ones are kept all together, from the first draw.
    ///
    /// Errors: STATE once asked; INFEASIBLE at once where nothing keeps them, stating the least
    /// possible cost; INVALID for a cost of another space. On an error nothing has changed.
    public func add(_ budget: SearchBudget) throws(FPNASError) {
        guard progress.asks == 0 else {
            throw FPNASError(
                .state,
                "budgets are added before the first ask, of which there were "
                    + "\(progress.asks)")
        }
        budgets = try budgets.adding(budget, distribution)
        progress.initialEntropy = samplingEntropy
        refreshProgress()
    }

    /// The budgets in the order in which they were added.
    public var budgetList: [SearchBudget] { budgets.all }

    /// H of what is drawn from: q under hard budgets, else P. It sets K.
    var samplingEntropy: Double { budgets.conditioned?.entropy ?? distribution.entropy }

    /// The result: the most probable network that keeps all hard budgets, with its log P; exact
    /// unless several of them needed rounded costs.
    public func result() throws(FPNASError) -> (best: RankedArchitecture, isExact: Bool) {
        if let conditioned = budgets.conditioned { return try conditioned.mode() }
        guard let best = try distribution.top(1).first else {
            throw FPNASError(.infeasible, "the space '\(space.name)' has no architecture")
        }
        return (best, true)
    }
}
