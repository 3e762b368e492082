import ArchitectureDistribution
import SearchSpace
import Support

extension CostChain {
    /// The most probable network whose cost is at most the budget.
    ///
    /// Best-first over the chain of widths with partial networks (cost, log p) that no other of
    /// the same width dominates, pruned by a Lagrangian bound, so exact. Should more than 2^20
    /// partial networks remain in one layer, those of the best bounds are kept and `isExact` is
    /// false; the budget is kept in any case. An impossible budget is an `infeasible` error that
    /// states the least possible cost. (`method.md` point "budget result")
    public func mostProbable(
        under distribution: ArchitectureDistribution, within budget: Int
    ) throws(FPNASError) -> (best: RankedArchitecture, isExact: Bool) {
        guard distribution.space == space else {
            throw .invalid("the costs are of '\(space.name)', the distribution of another space")
        }
        try requireFeasible(budget)
        let chain = BudgetSearch(self, distribution, budget)
        let (path, logProbability, isExact) = chain.solve()
        var architecture = [Int32](repeating: 0, count: space.variableCount)
        for (index, option) in path.enumerated() {
            for (v, c) in zip(space.variables(of: index), layers[index].options[option]) {
                architecture[v] = max(c, 0)
            }
        }
        return (
            RankedArchitecture(architecture: architecture, logProbability: logProbability), isExact
        )
    }
}

extension CostChain {
    /// An impossible budget is an error at once that states the least possible cost.
    public func requireFeasible(_ budget: Int) throws(FPNASError) {
        let least = range.lowerBound
        guard budget >= least else {
            throw FPNASError(
                .infeasible,
                "nothing in '\(space.name)' costs at most \(budget): the least costs \(least)")
        }
    }
}

/// A longest path with one resource constraint over the layers' widths.
private struct BudgetSearch {
    /// A partial network: layers before some layer are decided.
    private struct Label {
        var cost: Int
        var logProbability: Double
        var bound: Double
        var width: Int
        var parent: Int
        var option: Int
    }

    /// The best that the layers from one on can add, by incoming width.
    private struct Remainder {
        var value: [[Double]]
        var cost: [[Int]]
    }

    private static let maximumLabels = 1 << 20

    private let table: CostChain
    private let budget: Int
    private let logProbabilities: [[Double]]

    init(
        _ table: CostChain, _ distribution: ArchitectureDistribution, _ budget: Int
    ) {
        self.table = table
        self.budget = budget
        logProbabilities = table.layers.indices.map {
            distribution.logProbabilities(ofLayer: $0, table.layers[$0].options)
        }
    }

    func solve() -> (path: [Int], logProbability: Double, isExact: Bool) {
        let (multiplier, incumbent) = bestMultiplier()
        let dual = remainder(multiplier)
        let cheapest = remainder(.infinity)
        var levels: [[Label]] = [
            [Label(cost: 0, logProbability: 0, bound: .infinity, width: 0, parent: -1, option: -1)]
        ]
        var isExact = true
        for (index, layer) in table.layers.enumerated() {
            var next: [Label] = []
            let count = layer.options.count
            for (parent, label) in (levels.last ?? []).enumerated() {
                for o in 0..<count where logProbabilities[index][o] > -.infinity {
                    let row = label.width * count + o
                    let cost = label.cost + layer.costs[row]
                    let width = layer.next[row]
                    guard cost + cheapest.cost[index + 1][width] <= budget else { continue }
                    let logProbability = label.logProbability + logProbabilities[index][o]
                    let bound =
                        logProbability + dual.value[index + 1][width]
                        + multiplier * Double(budget - cost)
                    // A little slack, or rounding could prune the optimum itself.
                    guard bound >= incumbent - 1e-9 * (1 + abs(incumbent)) else { continue }
                    next.append(
                        Label(
                            cost: cost, logProbability: logProbability, bound: bound, width: width,
                            parent: parent, option: o))
                }
            }
            next = undominated(next)
            if next.count > BudgetSearch.maximumLabels {
                isExact = false
                next.sort { $0.bound > $1.bound }
                next.removeLast(next.count - BudgetSearch.maximumLabels)
            }
            levels.append(next)
        }
        var entry = 0
        let last = levels[levels.count - 1]
        for i in last.indices where last[i].logProbability > last[entry].logProbability {
            entry = i
        }
        let logProbability = last.isEmpty ? -.infinity : last[entry].logProbability
        var path: [Int] = []
        for level in levels.dropFirst().reversed() where !level.isEmpty {
            path.append(level[entry].option)
            entry = level[entry].parent
        }
        return (path.reversed(), logProbability, isExact)
    }

    /// Of labels of one width keeps those that are cheaper than all more probable ones.
    private func undominated(_ labels: [Label]) -> [Label] {
        let order = labels.indices.sorted {
            let (a, b) = (labels[$0], labels[$1])
            if a.width != b.width { return a.width < b.width }
            if a.logProbability != b.logProbability { return a.logProbability > b.logProbability }
            return a.cost != b.cost ? a.cost < b.cost : $0 < $1
        }
        var kept: [Label] = []
        for i in order {
            if let last = kept.last, last.width == labels[i].width, last.cost <= labels[i].cost {
                continue
            }
            kept.append(labels[i])
        }
        return kept
    }

    /// max Σ (log p − multiplier · cost) of the layers from each on, with the cost of that choice;
    /// an infinite multiplier asks for the least cost alone.
    private func remainder(_ multiplier: Double) -> Remainder {
        var value = [[Double](repeating: 0, count: table.finalStateCount)]
        var cost = [[Int](repeating: 0, count: table.finalStateCount)]
        for (index, layer) in table.layers.enumerated().reversed() {
            let count = layer.options.count
            var best = [Double](repeating: -.infinity, count: layer.stateCount)
            var spent = [Int](repeating: 0, count: layer.stateCount)
            for row in layer.costs.indices {
                let logProbability = logProbabilities[index][row % count]
                guard logProbability > -.infinity else { continue }
                let own = layer.costs[row]
                let after = layer.next[row]
                let total =
                    multiplier == .infinity
                    ? -Double(own) + value[value.count - 1][after]
                    : logProbability - multiplier * Double(own) + value[value.count - 1][after]
                if total > best[row / count] {
                    best[row / count] = total
                    spent[row / count] = own + cost[cost.count - 1][after]
                }
            }
            value.append(best)
            cost.append(spent)
        }
        return Remainder(value: value.reversed(), cost: cost.reversed())
    }

    /// The multiplier whose optimum just keeps the budget, and that optimum's log p (a feasible
    /// network's, so a lower bound).
    private func bestMultiplier() -> (multiplier: Double, incumbent: Double) {
        let free = remainder(0)
        if free.cost[0][0] <= budget { return (0, free.value[0][0]) }
        var low = 0.0
        var high = 1e-9
        var incumbent = -Double.infinity
        for _ in 0..<200 {
            let trial = incumbent > -.infinity ? (low + high) / 2 : high
            let optimum = remainder(trial)
            if optimum.cost[0][0] <= budget {
                let logProbability = optimum.value[0][0] + trial * Double(optimum.cost[0][0])
                incumbent = max(incumbent, logProbability)
                high = trial
                if high - low <= 1e-6 * high { break }
            } else {
                low = trial
                if incumbent == -.infinity { high *= 8 }
                if high > 1e300 { break }
            }
        }
        return (high, incumbent)
    }
}
