import ArchitectureDistribution
import Support

/// What a completed ask does, and what strategies do it with.
extension Search {
    /// Lays out what was told, and lets the strategy learn from it.
    func update(_ ask: Ask) {
        var count = 0
        var draws = 0
        var sum = 0.0
        for network in 0..<ask.networkCount where ask.isTold(network) {
            told.values[count] = ask.logLikelihoods[network]
            told.counts[count] = ask.counts[network]
            told.costs[count] = ask.costs[network]
            told.excesses[count] = excess(ask.costs[network])
            draws += ask.counts[network]
            sum += ask.logLikelihoods[network] * Double(ask.counts[network])
            count += 1
        }
        told.count = count
        let values = unsafe told.values.first(count)
        let counts = unsafe told.counts.first(count)
        let weights = unsafe UnsafeMutableBufferPointer(start: told.weights.pointer, count: count)
        let scale =
            unsafe options.effectiveSampleShare > 0
            ? SampleCoefficients.scale(
                share: options.effectiveSampleShare, values, counts, weights: weights)
            : options.likelihoodScale
        unsafe SampleCoefficients.weights(values, counts, scale: scale, into: weights)
        progress.effectiveSamples = unsafe SampleCoefficients.effectiveSampleSize(
            UnsafeBufferPointer(weights), counts)
        progress.likelihoodScale = scale
        progress.meanLogLikelihood = sum / Double(draws)
        if progress.steps >= options.warmUpSteps { strategy.tell(ask, told, to: self) }
    }

    /// C(A) = max(0, cost / TAR − 1); 0 for a cost of NaN, which is unknown. [FP-NAS §3.4]
    private func excess(_ cost: Double) -> Double {
        guard options.costWeight > 0, cost >= 0 else { return 0 }
        return max(0, cost / options.costTarget - 1)
    }

    // MARK: - For strategies

    /// Draws raw encodings from the distribution, or under hard budgets from q.
    func draw(_ count: Int, into ask: Ask) throws(FPNASError) {
        if let conditioned = budgets.conditioned {
            try unsafe conditioned.sample(
                seed: options.seed, step: ask.number, count: count, into: ask.samples.pointer)
        } else {
            unsafe distribution.sample(
                seed: options.seed, step: ask.number, count: count, into: ask.samples.pointer)
        }
    }

    /// Moves the logits by Adam against Σ_k draws_k ∇(−log P(A_k)) and what was added to
    /// `adam.pull` before. O(K·V + number of logits).
    func descend(_ ask: Ask) {
        var total = 0.0
        for k in 0..<ask.sampleCount { total += told.draws[k] }
        unsafe distribution.addDraws(
            ask.samples.pointer, told.draws.first(ask.sampleCount), to: adam.pull.pointer)
        progress.gradientNorm = adam.update(distribution, total: total, options)
    }

    /// log P of a draw's raw encoding, under hard budgets log q, in nats.
    func logProbability(ofSample k: Int, of ask: Ask) -> Double {
        let logP = unsafe distribution.logProbability(ask.samples.pointer + k * ask.width)
        return logP - (budgets.conditioned?.logProbability ?? 0)
    }

    /// β·C of an ask's network over all soft budgets.
    func hinges(of network: Int, in ask: Ask) -> Double {
        guard budgets.all.contains(where: { $0.mode == .soft }) else { return 0 }
        let row = ask.architecture(network)
        var sum = 0.0
        for budget in budgets.all where budget.mode == .soft {
            sum += budget.weight * budget.excess(row)
        }
        return sum
    }

    /// Whether canonical choices keep all hard budgets.
    func keepsBudgets(_ row: UnsafePointer<Int32>) -> Bool {
        for budget in budgets.all where budget.mode == .hard {
            let cost = unsafe budget.chain.cost(ofCanonical: row)
            guard cost >= budget.budget.least, cost <= budget.budget.most else { return false }
        }
        return true
    }
}
