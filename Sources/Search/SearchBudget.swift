import ArchitectureCost
import Support

/// A demand on one additive cost during a search.
public struct SearchBudget: Sendable {
    public enum Mode: Int32, Sendable {
        /// A further hinge term of equation 7, of weight β and target `most`: it pushes while a
        /// drawn network costs more, and promises nothing.
        case soft = 0
        /// Nothing else is ever drawn: the search draws from q = P · 1[least ≤ C ≤ most] / Z.
        case hard = 1
    }

    public let mode: Mode
    /// Its resolution is a hard budget's.
    public let budget: CostBudget
    /// β of a soft budget.
    public let weight: Double

    public var chain: CostChain { budget.chain }

    /// A soft budget needs `most` ≥ 1 and knows no `least`; a hard one needs no weight.
    public init(
        _ mode: Mode, _ chain: CostChain, least: Int = 0, most: Int, weight: Double = 1,
        resolution: Int = 0
    ) throws(FPNASError) {
        try requireFinite(weight, in: 0...1e6, "weight")
        self.mode = mode
        self.weight = weight
        guard mode == .soft else {
            budget = try CostBudget(chain, least: least, most: most, resolution: resolution)
            return
        }
        guard most >= 1, least == 0 else {
            throw .invalid(
                "a soft budget must have most >= 1 and least = 0, got \(most) and \(least)")
        }
        // Its target may lie below the least cost: the hinge then always pushes.
        budget = try CostBudget(chain, most: max(most, chain.range.upperBound))
        target = most
    }

    /// TAR of a soft budget.
    private(set) var target = 1

    /// C(A) = max(0, cost / TAR − 1). [FP-NAS §3.4]
    func excess(_ architecture: [Int32]) -> Double {
        // Drawn architectures are of the chain's space.
        guard let cost = try? chain.cost(of: architecture) else { return 0 }
        return max(0, Double(cost) / Double(target) - 1)
    }
}

/// The objective that a search with hard budgets lowers.
public enum BudgetObjective: Int32, Sendable {
    /// −log E_q[P(y|A)]: how good architectures within the budgets are; indifferent to how much of
    /// P keeps them.
    case conditioned = 0
    /// −log E_P[P(y|A) · 1[A keeps the budgets]] = −log Z − log E_q[P(y|A)]: also that P does.
    case within = 1
}
