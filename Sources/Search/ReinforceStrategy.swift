import ArchitectureDistribution
import Support

/// Policy gradient with an exponentially moving baseline, as MnasNet and NAS-Bench-201 search.
///
///     ∇ = −(1/K) Σ_k (R_k − b) ∇log P(A_k) − η ∇H(P),   b ← d·b + (1 − d)·mean R
///
/// b starts as the first ask's mean. With a clip range ε every ask makes several updates, in which
/// a draw counts r_k = P(A_k) / P_ask(A_k) times, and no more where r_k has left [1 − ε, 1 + ε] the
/// way its advantage pulls. Under hard budgets P is q in all but the entropy.
/// [Williams 1992; Schulman et al. 2017; Tan et al. 2019]
final class ReinforceStrategy: Strategy {
    private let options: SearchOptions
    private(set) var baseline = 0.0
    private(set) var hasBaseline = false

    init(_ options: SearchOptions) { self.options = options }

    func sampleCount(entropy: Double) -> Int { options.sampleCount }

    private var isClipped: Bool { options.clipRange > 0 }

    func ask(_ ask: Ask, count: Int, of search: Search) throws(FPNASError) {
        if isClipped { try ask.makeRoomForLogProbabilities() }
        try search.draw(count, into: ask)
        guard isClipped, let logs = ask.logProbabilities else { return }
        for k in 0..<count { logs[k] = search.logProbability(ofSample: k, of: ask) }
    }

    func tell(_ ask: Ask, _ told: Told, to search: Search) {
        guard findAdvantages(ask, told, search) else { return }
        for _ in 0..<(isClipped ? options.clipEpochs : 1) {
            var total = 0.0
            for k in 0..<ask.sampleCount {
                let advantage = told.shares[Int(ask.networkOfSample[k])]
                told.draws[k] = advantage * ratio(k, advantage, ask, search)
                total += told.draws[k]
            }
            unsafe search.budgets.addGradient(
                total: total, hasPreference: true, .conditioned, to: search.adam.pull.pointer)
            if options.entropyWeight > 0 {
                unsafe search.distribution.addEntropyGradient(
                    factor: -options.entropyWeight, to: search.adam.pull.pointer)
            }
            search.descend(ask)
            if isClipped { search.budgets.update() }
        }
    }

    /// Writes (R − b) / K to `told.shares`, 0 for networks not told, and moves b; false where no
    /// reward is a number.
    private func findAdvantages(_ ask: Ask, _ told: Told, _ search: Search) -> Bool {
        var lowest = Double.infinity
        var next = 0
        for network in 0..<ask.networkCount where ask.isTold(network) {
            let reward = reward(next, told) - search.hinges(of: network, in: ask)
            told.coefficients[next] = reward
            guard reward > -.infinity else {
                next += 1
                continue
            }
            // Sums and squares of such are finite.
            told.coefficients[next] = min(max(reward, -1e100), 1e100)
            lowest = min(lowest, told.coefficients[next])
            next += 1
        }
        guard lowest < .infinity else { return false }
        var sum = 0.0
        var draws = 0.0
        for i in 0..<told.count {
            // A likelihood of zero counts as the least of the ask that is a number.
            if !told.coefficients[i].isFinite { told.coefficients[i] = lowest }
            sum += Double(told.counts[i]) * told.coefficients[i]
            draws += Double(told.counts[i])
        }
        let mean = sum / draws
        if !hasBaseline {
            baseline = mean
            hasBaseline = true
        }
        next = 0
        for network in 0..<ask.networkCount {
            let isTold = ask.isTold(network)
            told.shares[network] = isTold ? (told.coefficients[next] - baseline) / draws : 0
            next += isTold ? 1 : 0
        }
        baseline = options.baselineDecay * baseline + (1 - options.baselineDecay) * mean
        return true
    }

    /// The reward of a network without the soft budgets.
    private func reward(_ i: Int, _ told: Told) -> Double {
        switch options.reward {
        case .told: return told.values[i] - options.costWeight * told.excesses[i]
        case .product:
            // Bounded, so that no cost, told or zero, makes it infinite.
            let ratio = max(told.costs[i] / options.costTarget, 1e-9)
            let logCost = ratio < .infinity ? Elementary.log(ratio) : 700  // 700 also for NaN
            return Elementary.exp(min(told.values[i] + options.rewardExponent * logCost, 200))
        }
    }

    /// How often a draw counts; 1 without clipping.
    private func ratio(_ k: Int, _ advantage: Double, _ ask: Ask, _ search: Search) -> Double {
        guard isClipped, let logs = ask.logProbabilities else { return 1 }
        let difference = search.logProbability(ofSample: k, of: ask) - logs[k]
        guard difference.isFinite else { return 1 }
        let ratio = Elementary.exp(min(difference, 50))
        if advantage > 0 && ratio > 1 + options.clipRange { return 0 }
        if advantage < 0 && ratio < 1 - options.clipRange { return 0 }
        return ratio
    }

    // MARK: - Checkpoints

    func encode(into writer: inout ByteWriter) {
        writer.put(hasBaseline)
        writer.put(baseline)
    }

    func restore(from reader: inout ByteReader, of search: Search) throws(FPNASError) {
        hasBaseline = try reader.takeBool()
        baseline = try reader.takeDouble()
        guard baseline.isFinite else { throw reader.damaged("the baseline of the rewards") }
    }

    func encode(_ ask: Ask, into writer: inout ByteWriter) {
        guard isClipped else { return }
        for k in 0..<ask.sampleCount { writer.put(ask.logProbabilities?[k] ?? 0) }
    }

    func restore(_ ask: Ask, from reader: inout ByteReader) throws(FPNASError) {
        guard isClipped else { return }
        try ask.makeRoomForLogProbabilities()
        for k in 0..<ask.sampleCount {
            let value = try reader.takeDouble()
            guard value == value else { throw reader.damaged("a log-probability is NaN") }
            ask.logProbabilities?[k] = value
        }
    }
}
