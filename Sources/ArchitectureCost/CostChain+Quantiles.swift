import ArchitectureDistribution
import SearchSpace
import Support

extension CostChain {
    /// For every level the least cost c with P(C ≤ c) ≥ level, between certified bounds, which are
    /// equal where the sums that can occur are few enough to be exact.
    ///
    /// Levels are in [0, 1]; one that a sum of probabilities meets but for rounding (1e-14) counts
    /// as met. Otherwise costs are counted in units of `resolution`, rounded down and up.
    public func quantiles(
        _ levels: [Double], under distribution: ArchitectureDistribution, resolution: Int = 0
    ) throws(FPNASError) -> (lower: [Int], upper: [Int], resolution: Int) {
        for level in levels where !(level >= 0 && level <= 1) {
            throw .invalid("a quantile's level must be in [0, 1], got \(level)")
        }
        let probabilities = try probabilities(distribution)
        let range = range
        guard range.lowerBound < range.upperBound else {
            let same = levels.map { _ in range.lowerBound }
            return (same, same, 1)
        }
        let joint = try JointChain([self])
        let whole = try everything(joint, resolution)
        let upper = quantiles(levels, try spread(whole, probabilities), whole)
        if whole.isExact { return (upper, upper, 1) }
        let unit = whole.axes[0].unit
        let axis = CostAxis(joint, axis: 0, unit: unit, .down)
        guard let found = BudgetProgram.Found([axis], joint, .largest) else {
            return (levels.map { _ in range.lowerBound }, upper, unit)
        }
        let less = try BudgetProgram(found, isMerging: false)
        return (quantiles(levels, try spread(less, probabilities), less), upper, unit)
    }

    /// The programme of all architectures, exact or in the finest units that fit.
    private func everything(
        _ joint: JointChain, _ resolution: Int
    ) throws(FPNASError) -> BudgetProgram {
        let exact = CostAxis.exactUnit(joint, axis: 0)
        let room = joint.layers.reduce(0) {
            $0 + ($1.costs[0].max() ?? 0) - ($1.costs[0].min() ?? 0)
        }
        var units = [resolution > 1 ? resolution : exact]
        if resolution == 0 {
            var bins = BudgetProgram.mostBins
            while bins >= 16 {
                units.append(max(exact, (room + bins - 1) / bins))
                bins /= 2
            }
        }
        for (attempt, unit) in units.enumerated() {
            let axis = CostAxis(joint, axis: 0, unit: unit, .up)
            let limit: BudgetProgram.Limit =
                resolution > 0 ? .largest : attempt == 0 ? .exact : .usual
            if let found = BudgetProgram.Found([axis], joint, limit) {
                return try BudgetProgram(found, isMerging: false)
            }
        }
        throw FPNASError(
            .infeasible,
            "the cost of '\(space.name)' has too many sums for quantiles at resolution "
                + "\(resolution)"
                + (resolution > 0
                    ? ": choose a coarser one, above 1" : " (0 chooses), however coarse")
        )
    }

    /// P of every node after the last layer: costs in units and masses, ascending.
    private func spread(
        _ program: BudgetProgram, _ probabilities: [[Double]]
    ) throws(FPNASError) -> [(cost: Int, mass: Double)] {
        let masses = try Buffer<Double>(program.placeCount, of: "sums of costs")
        masses[program.layers[0][0].offset] = 1
        for layer in probabilities.indices {
            for state in program.layers[layer] {
                var terms = [Double](repeating: 0, count: state.terms.count)
                for (o, term) in state.termOfOption.enumerated() where term >= 0 {
                    terms[Int(term)] += probabilities[layer][o]
                }
                for (t, p) in terms.enumerated() where p > 0 {
                    for place in program.nodes(of: state) {
                        let target = program.target(state, term: t, place: place)
                        masses[target] += p * masses[place]
                    }
                }
            }
        }
        var spread: [(cost: Int, mass: Double)] = []
        for state in program.layers[probabilities.count] {
            for (i, place) in program.nodes(of: state).enumerated() where masses[place] > 0 {
                spread.append((state.isWindow ? state.low + i : state.keys[i], masses[place]))
            }
        }
        return spread.sorted { ($0.cost, $0.mass) < ($1.cost, $1.mass) }
    }

    private func quantiles(
        _ levels: [Double], _ spread: [(cost: Int, mass: Double)], _ program: BudgetProgram
    ) -> [Int] {
        let base = program.joint.layers.reduce(0) { $0 + ($1.costs[0].min() ?? 0) }
        let total = spread.reduce(0) { $0 + $1.mass }
        return levels.map { level in
            var sum = 0.0
            var cost = 0
            for entry in spread {
                sum += entry.mass
                cost = entry.cost
                if sum >= level * total * (1 - 1e-14) { break }
            }
            let (units, overflow) = cost.multipliedReportingOverflow(by: program.axes[0].unit)
            return min(max(overflow ? .max : base + units, range.lowerBound), range.upperBound)
        }
    }
}
