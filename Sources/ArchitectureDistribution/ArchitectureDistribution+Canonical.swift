import SearchSpace
import Support

/// Sums over the raw encodings of one and the same network.
///
/// In the factorised form the variables that do not exist sum out to 1. In the joint form a
/// layer's equivalent indices are added up.
extension ArchitectureDistribution {
    /// log of the probability of the network an encoding stands for, in nats. O(V), and in the
    /// joint form the number of a layer's encodings that are this network.
    public func canonicalLogProbability(_ architecture: [Int32]) throws(FPNASError) -> Double {
        try space.check(architecture)
        let active = space.activity(architecture)
        var sum = 0.0
        switch form {
        case .factorised:
            for v in 0..<space.variableCount where active[v] {
                unsafe sum += logProbabilities.pointer[groupOffsets[v] + Int(architecture[v])]
            }
        case .joint:
            for g in 0..<groupCount {
                // Variables that do not exist may have any choice.
                var equivalent = [groupOffsets[g]]
                for v in variables(ofGroup: g) {
                    let choices =
                        active[v]
                        ? Int(architecture[v])...Int(architecture[v])
                        : 0...(space.choiceCounts[v] - 1)
                    equivalent = equivalent.flatMap { i in choices.map { i + $0 * strides[v] } }
                }
                sum += Elementary.logSumExp(
                    equivalent.map { unsafe logProbabilities.pointer[$0] })
            }
        }
        return sum
    }

    /// Probability of every choice, flat in factorised order; canonical ones count a choice only
    /// where its variable exists, so a variable's sum is its activity.
    public func marginals(canonical: Bool) -> [Double] {
        var result = [Double](repeating: 0, count: space.factorisedLogitCount)
        switch form {
        case .factorised:
            var activity = [Double](repeating: 1, count: space.variableCount)
            for v in 0..<space.variableCount {
                let parent = space.parents[v]
                if canonical && parent >= 0 {
                    // The parent's canonical marginals already hold its own activity.
                    activity[v] = 0
                    for c in 0..<space.choiceCounts[parent] where space.existence[v][c] {
                        activity[v] += result[space.factorisedOffsets[parent] + c]
                    }
                }
                for i in groupOffsets[v]..<groupOffsets[v + 1] {
                    unsafe result[i] = activity[v] * probabilities.pointer[i]
                }
            }
        case .joint:
            for g in 0..<groupCount {
                let members = variables(ofGroup: g)
                for i in groupOffsets[g]..<groupOffsets[g + 1] {
                    let index = i - groupOffsets[g]
                    for v in members where !canonical || exists(v, at: index) {
                        unsafe result[space.factorisedOffsets[v] + choice(of: v, at: index)] +=
                            probabilities.pointer[i]
                    }
                }
            }
        }
        return result
    }

    /// Probability that every variable exists.
    public func activity() -> [Double] {
        let marginals = marginals(canonical: true)
        return (0..<space.variableCount).map { v in
            min(
                1,
                marginals[space.factorisedOffsets[v]..<space.factorisedOffsets[v + 1]].reduce(0, +))
        }
    }

    /// H of the distribution over networks in nats: at most the raw entropy.
    public func canonicalEntropy() throws(FPNASError) -> Double {
        switch form {
        case .factorised:
            // By the chain rule: a variable's entropy counts as often as it exists.
            let activity = activity()
            var total = 0.0
            for v in 0..<space.variableCount {
                var own = 0.0
                for i in groupOffsets[v]..<groupOffsets[v + 1] {
                    unsafe own -= probabilities.pointer[i] * logProbabilities.pointer[i]
                }
                total += activity[v] * own
            }
            return total
        case .joint:
            var total = 0.0
            for g in 0..<groupCount {
                for mass in canonicalLogMasses(ofGroup: g) where mass > -.infinity {
                    total -= Elementary.exp(mass) * mass
                }
            }
            return total
        }
    }

    // MARK: - Units

    /// Whether a variable exists under a joint index of its layer, which conditions never leave.
    private func exists(_ variable: Int, at index: Int) -> Bool {
        var v = variable
        while space.parents[v] >= 0 {
            let parent = space.parents[v]
            guard space.existence[v][choice(of: parent, at: index)] else { return false }
            v = parent
        }
        return true
    }

    /// The canonical index every index of a layer's group stands for.
    func canonicalIndices(ofGroup group: Int) -> [Int] {
        let members = variables(ofGroup: group)
        return (0..<(groupOffsets[group + 1] - groupOffsets[group])).map { j in
            var index = 0
            for v in members where exists(v, at: j) { index += choice(of: v, at: j) * strides[v] }
            return index
        }
    }

    /// log-mass of every canonical index of a layer's group; −∞ at indices that are not canonical.
    func canonicalLogMasses(ofGroup group: Int) -> [Double] {
        let start = groupOffsets[group]
        let count = groupOffsets[group + 1] - start
        let members = variables(ofGroup: group)
        var masses = [Double](repeating: -.infinity, count: count)
        guard members.contains(where: { space.parents[$0] >= 0 }) else {
            for j in 0..<count { unsafe masses[j] = logProbabilities.pointer[start + j] }
            return masses
        }
        let canonical = canonicalIndices(ofGroup: group)
        // In two passes, as a sum of exponentials relative to the largest.
        var peaks = masses
        for j in 0..<count {
            unsafe peaks[canonical[j]] = max(
                peaks[canonical[j]], logProbabilities.pointer[start + j])
        }
        var sums = [Double](repeating: 0, count: count)
        for j in 0..<count {
            unsafe sums[canonical[j]] += Elementary.exp(
                logProbabilities.pointer[start + j] - peaks[canonical[j]])
        }
        for j in 0..<count where sums[j] > 0 { masses[j] = peaks[j] + Elementary.log(sums[j]) }
        return masses
    }
}
