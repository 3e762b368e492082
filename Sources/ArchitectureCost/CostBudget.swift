import Support

/// A demand on one additive cost: least ≤ C(A) ≤ most.
public struct CostBudget: Sendable {
    public let chain: CostChain
    public let least: Int
    public let most: Int
    /// The unit costs are counted in where they cannot be counted exactly: 0 chooses, 1 insists
    /// on exact arithmetic.
    public let resolution: Int

    /// Refuses bands out of order and, at once, demands that nothing meets, stating what does.
    public init(
        _ chain: CostChain, least: Int = 0, most: Int, resolution: Int = 0
    ) throws(FPNASError) {
        guard least >= 0, least <= most else {
            throw .invalid("the band of costs must be in order and >= 0, got \(least) to \(most)")
        }
        guard (0..<CostChain.limit).contains(resolution) else {
            throw .invalid("resolution must be in [0, 2^60), got \(resolution)")
        }
        try chain.requireFeasible(most)
        let greatest = chain.range.upperBound
        guard greatest >= least else {
            throw FPNASError(
                .infeasible,
                "nothing in '\(chain.space.name)' costs \(least) or more: the most costs \(greatest)"
            )
        }
        self.chain = chain
        self.least = least
        self.most = most
        self.resolution = resolution
    }

    /// Whether anything costs too much or too little.
    var isBinding: Bool {
        let range = chain.range
        return range.lowerBound < least || range.upperBound > most
    }
}

/// How one cost is counted in whole units from the least cost of every layer on.
///
///     units of a row = ⌈(cost − base of its layer) / unit⌉      (or ⌊ ⌋)
///
/// Rounded up, whatever keeps `bottom` ≤ Σ ≤ `top` keeps the band; rounded down, whatever keeps
/// the band keeps them.
struct CostAxis {
    enum Rounding { case up, down }

    let unit: Int
    /// By layer, then by row.
    let costs: [[Int]]
    let bottom: Int
    let top: Int
    /// Whether no cost was rounded.
    let isExact: Bool

    /// The unit that rounds nothing: the greatest common divisor of all differences.
    static func exactUnit(_ joint: JointChain, axis: Int) -> Int {
        var divisor = 0
        for layer in joint.layers {
            let base = layer.costs[axis].min() ?? 0
            for cost in layer.costs[axis] {
                var (a, b) = (divisor, cost - base)
                while b != 0 { (a, b) = (b, a % b) }
                divisor = a
                if divisor == 1 { return 1 }
            }
        }
        return max(divisor, 1)
    }

    /// What lies above the bases: the largest sum in units of 1.
    static func room(_ joint: JointChain, axis: Int, _ budget: CostBudget) -> Int {
        let base = joint.layers.reduce(0) { $0 + ($1.costs[axis].min() ?? 0) }
        return max(min(budget.most, budget.chain.range.upperBound) - base, 0)
    }

    /// The axis of a budget; one that binds nothing counts nothing.
    init(_ joint: JointChain, axis: Int, _ budget: CostBudget, unit: Int, _ rounding: Rounding) {
        guard budget.isBinding else {
            self.init(
                unit: unit, costs: joint.layers.map { [Int](repeating: 0, count: $0.next.count) },
                bottom: 0, top: 0, isExact: true)
            return
        }
        let (costs, base, error) = CostAxis.count(joint, axis, unit, rounding)
        let most = min(budget.most, budget.chain.range.upperBound)
        // Rounded up a sum is at most `error` too large, rounded down as much too small.
        let least = budget.least - base + (rounding == .up ? error : -error)
        self.init(
            unit: unit, costs: costs, bottom: least <= 0 ? 0 : (least - 1) / unit + 1,
            top: max(most - base, 0) / unit, isExact: error == 0)
    }

    /// The axis of all architectures, whatever they cost.
    init(_ joint: JointChain, axis: Int, unit: Int, _ rounding: Rounding) {
        let (costs, _, error) = CostAxis.count(joint, axis, unit, rounding)
        self.init(
            unit: unit, costs: costs, bottom: 0, top: costs.reduce(0) { $0 + ($1.max() ?? 0) },
            isExact: error == 0)
    }

    private init(unit: Int, costs: [[Int]], bottom: Int, top: Int, isExact: Bool) {
        self.unit = unit
        self.costs = costs
        self.bottom = bottom
        self.top = top
        self.isExact = isExact
    }

    /// Costs in units, Σ of the layers' bases, and the most that rounding changes a sum by.
    private static func count(
        _ joint: JointChain, _ axis: Int, _ unit: Int, _ rounding: Rounding
    ) -> (costs: [[Int]], base: Int, error: Int) {
        var base = 0
        var error = 0
        var costs: [[Int]] = []
        for layer in joint.layers {
            let own = layer.costs[axis].min() ?? 0
            base += own
            var worst = 0
            costs.append(
                layer.costs[axis].map { cost in
                    let (whole, rest) = (cost - own).quotientAndRemainder(dividingBy: unit)
                    guard rest > 0 else { return whole }
                    worst = max(worst, rounding == .up ? unit - rest : rest)
                    return rounding == .up ? whole + 1 : whole
                })
            error = min(error + worst, 1 << 61)  // each is below 2^60
        }
        return (costs, base, error)
    }
}
