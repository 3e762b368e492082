import SearchSpace

/// An independent part of an architecture and its canonical options: a whole layer in the joint
/// form, a variable with those that depend on it in the factorised form.
struct Unit {
    let variables: [Int]
    /// Log-probability and choices (in `variables` order), most probable first.
    let options: [(logProbability: Double, choices: [Int32])]
}

extension ArchitectureDistribution {
    /// The independent parts of the distribution with their `limit` best canonical options.
    func units(keeping limit: Int) -> [Unit] {
        switch form {
        case .joint:
            return (0..<groupCount).map { group in
                let members = Array(variables(ofGroup: group))
                let masses = canonicalLogMasses(ofGroup: group)
                return Unit(
                    variables: members,
                    options: best(masses, limit).map { index in
                        (masses[index], members.map { Int32(choice(of: $0, at: index)) })
                    })
            }
        case .factorised:
            return parts().map { members in
                var tree = ConditionTree(self, members, limit)
                return Unit(variables: members, options: tree.rank())
            }
        }
    }

    /// A variable without condition and all that depend on it, for each of these.
    private func parts() -> [[Int]] {
        var members: [[Int]] = []
        var part = [Int](repeating: 0, count: space.variableCount)
        for v in 0..<space.variableCount {
            let parent = space.parents[v]
            part[v] = parent < 0 ? members.count : part[parent]
            if parent < 0 { members.append([v]) } else { members[part[v]].append(v) }
        }
        return members
    }

    /// Indices of the `limit` largest finite values, largest first, ties in order.
    private func best(_ values: [Double], _ limit: Int) -> ArraySlice<Int> {
        let finite = values.indices.filter { values[$0] > -.infinity }
        if limit == 1 {
            var top = finite.first
            for i in finite { if let t = top, values[i] > values[t] { top = i } }
            return (top.map { [$0] } ?? [])[...]
        }
        return finite.sorted {
            values[$0] != values[$1] ? values[$0] > values[$1] : $0 < $1
        }.prefix(limit)
    }
}

/// The best choices of a variable and all that depend on it, from the last variable to the first.
///
/// What lies below a choice is the sum of the variables that exist under it, each with its own
/// best options; so the options, whose number grows exponentially, are never listed.
/// O(Σ choices · variables that exist under them · limit · log limit).
private struct ConditionTree {
    /// Choices of some variables: one choice of one of them, or two earlier entries together.
    private enum Entry {
        case choice(place: Int, Int32)
        case pair(Int, Int)
    }

    private typealias Ranked = [(logProbability: Double, entry: Int)]

    private let distribution: ArchitectureDistribution
    /// Variables in space order, so that each comes after the one it depends on.
    private let members: [Int]
    private let limit: Int
    private var entries: [Entry] = []

    init(_ distribution: ArchitectureDistribution, _ members: [Int], _ limit: Int) {
        self.distribution = distribution
        self.members = members
        self.limit = limit
    }

    mutating func rank() -> [(logProbability: Double, choices: [Int32])] {
        let space = distribution.space
        // Looked up by variable, never iterated.
        var below: [Int: [(variable: Int, ranked: Ranked)]] = [:]
        var last: Ranked = []
        for place in members.indices.reversed() {
            let v = members[place]
            var ranked: Ranked = []
            for c in 0..<space.choiceCounts[v] {
                let logProbability =
                    unsafe distribution.logProbabilities.pointer[distribution.groupOffsets[v] + c]
                entries.append(.choice(place: place, Int32(c)))
                var own: Ranked = [(logProbability, entries.count - 1)]
                for child in (below[v] ?? []).reversed() where space.existence[child.variable][c] {
                    own = together(own, child.ranked)
                }
                ranked += own
                if ranked.count > 2 * limit { trim(&ranked) }
            }
            trim(&ranked)
            below[v] = nil
            below[space.parents[v], default: []].append((v, ranked))
            last = ranked
        }
        return last.map { ($0.logProbability, choices(of: $0.entry)) }
    }

    /// The best sums of two rankings of different variables.
    private mutating func together(_ left: Ranked, _ right: Ranked) -> Ranked {
        var sums = BestSums(left.map(\.logProbability), right.map(\.logProbability))
        var ranked: Ranked = []
        while ranked.count < limit, let best = sums.removeBest() {
            entries.append(.pair(left[best.left].entry, right[best.right].entry))
            ranked.append((best.sum, entries.count - 1))
        }
        return ranked
    }

    /// Keeps the best, ties in the order in which they came.
    private func trim(_ ranked: inout Ranked) {
        let order = ranked.indices.sorted {
            let (a, b) = (ranked[$0].logProbability, ranked[$1].logProbability)
            return a != b ? a > b : $0 < $1
        }
        ranked = order.prefix(limit).map { ranked[$0] }
    }

    /// What an entry stands for, 0 where a variable does not exist.
    private func choices(of entry: Int) -> [Int32] {
        var choices = [Int32](repeating: 0, count: members.count)
        var waiting = [entry]
        while let next = waiting.popLast() {
            switch entries[next] {
            case .choice(let place, let choice): choices[place] = choice
            case .pair(let left, let right): waiting += [left, right]
            }
        }
        return choices
    }
}
