import ArchitectureCost
import ArchitectureDistribution
import SearchSpace
import Support

/// Learns a distribution over the architectures of a space by asking and being told.
///
///     loop: ask → K draws → log-likelihood of each distinct network → tell → the logits move
///
/// Asks are numbered; several may be open, be told in parts, and be told late: each moves the
/// logits when its last network is told. The trajectory depends only on the options, the seed
/// and the values told, in the order of completion. One step costs O(K·V + number of logits).
public final class Search {
    public let space: SearchSpace
    public let options: SearchOptions
    public internal(set) var distribution: ArchitectureDistribution
    public internal(set) var progress = SearchProgress()
    /// The network of the highest log-likelihood told.
    public internal(set) var bestArchitecture: [Int32] = []
    /// Present in a network space: fills in costs that are not told.
    public let costs: CostTable?

    var budgets = SearchBudgets()
    var adam: Adam
    var gradient: Buffer<Double>
    /// Open asks by number, ascending.
    var open: [Ask] = []
    // Layers that can be skipped: their kernel variable and its choice 0.
    private let skips: [(variable: Int, choice: Int)]

    public static let maximumOpenAsks = 1 << 12

    public init(
        space: SearchSpace, options: SearchOptions
    ) throws(FPNASError) {
        try options.check()
        self.space = space
        self.options = options
        costs = space.isNetwork ? try CostTable(space) : nil
        distribution = try ArchitectureDistribution(
            space: space, form: options.jointStep == 0 ? .joint : .factorised)
        adam = try Adam(distribution.logitCount)
        gradient = try Buffer(distribution.logitCount, of: "gradient")
        skips = Search.skips(of: space)
        progress.form = distribution.form
        progress.initialEntropy = distribution.entropy
        refreshProgress()
    }

    /// Sets all logits of the present form, a warm start; Adam starts again.
    public func setLogits(_ logits: UnsafeBufferPointer<Double>) throws(FPNASError) {
        let fresh = try Adam(distribution.logitCount)
        let trial = try ArchitectureDistribution(space: space, form: distribution.form)
        try unsafe trial.setLogits(logits)
        let moved = try budgets.moved(to: trial)
        try moved.conditioned?.requireProbability()
        distribution = trial
        budgets = moved
        adam = fresh
        if progress.steps == 0 { progress.initialEntropy = samplingEntropy }
        refreshProgress()
    }

    // MARK: - Ask

    /// Draws K architectures from the present distribution.
    public func ask() throws(FPNASError) -> Ask {
        guard open.count < Search.maximumOpenAsks else {
            throw FPNASError(
                .state, "\(open.count) asks are open, the most there may be: tell or close some")
        }
        let count = options.sampleCount(entropy: samplingEntropy)
        let size = try checkedProduct(count, space.variableCount, of: "samples")
        let samples = try Buffer<Int32>(size, of: "samples")
        if let conditioned = budgets.conditioned {
            try unsafe conditioned.sample(
                seed: options.seed, step: progress.asks, count: count, into: samples.pointer)
        } else {
            unsafe distribution.sample(
                seed: options.seed, step: progress.asks, count: count, into: samples.pointer)
        }
        let ask = Ask(number: progress.asks, samples: samples, sampleCount: count, space: space)
        open.append(ask)
        progress.asks += 1
        progress.openAsks = open.count
        progress.samplesDrawn += count
        progress.sampleCount = count
        return ask
    }

    /// Numbers of the open asks, ascending.
    public var openAskNumbers: [UInt64] { open.map(\.number) }

    /// The open ask of that number.
    public func openAsk(_ number: UInt64) throws(FPNASError) -> Ask {
        guard let ask = open.first(where: { $0.number == number }) else {
            throw .invalid(
                number < progress.asks
                    ? "ask \(number) is closed already" : "there is no ask \(number) yet")
        }
        return ask
    }

    // MARK: - Tell

    /// Tells log-likelihoods of networks of an open ask; the last one moves the logits.
    ///
    /// - Parameters:
    ///   - number: the ask's number.
    ///   - networks: indices into `architectures`, all distinct and not told yet; nil for all.
    ///   - logLikelihoods: mean per validation example in nats. −∞ is a likelihood of zero; NaN
    ///     and +∞ are refused.
    ///   - costs: finite, ≥ 0, in the unit of `costTarget`; nil in a network space for exact MACs.
    ///
    /// On an error nothing has changed.
    public func tell(
        _ number: UInt64, networks: [Int]? = nil, logLikelihoods: [Double],
        costs told: [Double]? = nil
    ) throws(FPNASError) {
        let ask = try openAsk(number)
        let networks = networks ?? Array(ask.architectures.indices)
        try check(ask, networks, logLikelihoods, told)
        var costs: [Double?] = []
        for (i, network) in networks.enumerated() {
            if let told {
                costs.append(told[i])
            } else {
                costs.append(try cost(of: ask.architectures[network]))
            }
        }
        let switching = try ask.missingCount == networks.count ? prepareSwitch() : nil
        // From here on nothing fails.
        for (i, network) in networks.enumerated() {
            ask.put(network, logLikelihoods[i], cost: costs[i])
            if logLikelihoods[i] > progress.bestLogLikelihood {
                progress.bestLogLikelihood = logLikelihoods[i]
                bestArchitecture = ask.architectures[network]
            }
        }
        progress.evaluations += networks.count
        if ask.missingCount == 0 { complete(ask, switching) }
    }

    /// Closes an open ask without the networks that were not told; those told move the logits.
    public func close(_ number: UInt64) throws(FPNASError) {
        let ask = try openAsk(number)
        if ask.missingCount == ask.architectures.count {
            open.removeAll { $0 === ask }
            progress.openAsks = open.count
        } else {
            complete(ask, try prepareSwitch())
        }
    }

    /// The cost equation 7 needs and nobody told: exact MACs, or nil where none is needed.
    private func cost(of architecture: [Int32]) throws(FPNASError) -> Double? {
        guard options.costWeight > 0 else { return nil }
        return Double(try space.network(architecture).cost().macs)
    }

    private func check(
        _ ask: Ask, _ networks: [Int], _ logLikelihoods: [Double], _ told: [Double]?
    ) throws(FPNASError) {
        guard logLikelihoods.count == networks.count else {
            throw .invalid(
                "ask \(ask.number) needs \(networks.count) log-likelihoods, got \(logLikelihoods.count)"
            )
        }
        if let told, told.count != networks.count {
            throw .invalid("ask \(ask.number) needs \(networks.count) costs, got \(told.count)")
        }
        guard told != nil || costs != nil || options.costWeight == 0 else {
            throw .invalid(
                "costs must be told: '\(space.name)' is abstract and cost_weight is "
                    + "\(options.costWeight)")
        }
        var seen = [Bool](repeating: false, count: ask.architectures.count)
        for (i, network) in networks.enumerated() {
            guard ask.architectures.indices.contains(network) else {
                throw .invalid(
                    "ask \(ask.number) has networks 0..<\(ask.architectures.count), got \(network)")
            }
            guard !seen[network], ask.logLikelihoods[network] == nil else {
                throw .invalid("network \(network) of ask \(ask.number) is told twice")
            }
            seen[network] = true
            guard logLikelihoods[i] < .infinity else {  // false for NaN as well
                throw .invalid(
                    "log-likelihood of network \(network) of ask \(ask.number) is "
                        + "\(logLikelihoods[i])")
            }
            if let cost = told?[i], !(cost >= 0 && cost <= 1e18) {
                throw .invalid(
                    "cost of network \(network) of ask \(ask.number) must be in [0, 1e18], got \(cost)"
                )
            }
        }
    }

    // MARK: - Update

    /// Memory for the joint form.
    private struct Switch {
        let distribution: ArchitectureDistribution
        let adam: Adam
        let gradient: Buffer<Double>
        let budgets: SearchBudgets
    }

    /// What the next completed ask needs if it is the one that ends the factorised form.
    private func prepareSwitch() throws(FPNASError) -> Switch? {
        guard progress.steps + 1 == options.jointStep, distribution.form == .factorised else {
            return nil
        }
        let joint = try ArchitectureDistribution(space: space, form: .joint)
        return Switch(
            distribution: joint, adam: try Adam(joint.logitCount),
            gradient: try Buffer(joint.logitCount, of: "gradient"),
            budgets: try budgets.moved(to: joint))
    }

    private func complete(_ ask: Ask, _ switching: Switch?) {
        update(ask)
        if let switching {
            switching.distribution.setJoint(of: distribution)
            distribution = switching.distribution
            adam = switching.adam
            gradient = switching.gradient
            budgets = switching.budgets
        }
        budgets.update()
        open.removeAll { $0 === ask }
        progress.steps += 1
        progress.openAsks = open.count
        refreshProgress()
    }

    /// C(A) = max(0, cost / TAR − 1). [FP-NAS §3.4]
    private func excess(_ cost: Double?) -> Double {
        guard options.costWeight > 0, let cost else { return 0 }
        return max(0, cost / options.costTarget - 1)
    }

    private func update(_ ask: Ask) {
        let told = ask.architectures.indices.filter { ask.logLikelihoods[$0] != nil }
        let values = told.map { ask.logLikelihoods[$0] ?? 0 }
        let multiplicities = told.map { ask.multiplicities[$0] }
        let scale =
            options.effectiveSampleShare > 0
            ? SampleCoefficients.scale(share: options.effectiveSampleShare, values, multiplicities)
            : options.likelihoodScale
        let weights = SampleCoefficients.weights(values, multiplicities, scale: scale)
        progress.effectiveSamples = SampleCoefficients.effectiveSampleSize(weights, multiplicities)
        progress.likelihoodScale = scale
        var sum = 0.0
        for (value, n) in zip(values, multiplicities) { sum += value * Double(n) }
        progress.meanLogLikelihood = sum / Double(multiplicities.reduce(0, +))
        guard options.algorithm != .random, progress.steps >= options.warmUpSteps else { return }

        var perNetwork = SampleCoefficients.coefficients(
            weights: weights, excesses: told.map { excess(ask.costs[$0]) },
            multiplicities: multiplicities,
            costWeight: options.costWeight, baseline: options.baseline)
        budgets.subtractHinges(
            of: told.map { ask.architectures[$0] }, multiplicities, options.baseline,
            from: &perNetwork)
        var share = [Double](repeating: 0, count: ask.architectures.count)
        for (i, network) in told.enumerated() {
            share[network] = perNetwork[i] / Double(multiplicities[i])
        }
        // Every draw moves the logits of its own raw encoding.
        let perSample = ask.networkOfSample.map { share[$0] }
        unsafe gradient.pointer.update(repeating: 0, count: gradient.count)
        unsafe perSample.withUnsafeBufferPointer { coefficients in
            unsafe distribution.addGradient(
                ask.samples.pointer, coefficients, to: gradient.pointer)
        }
        unsafe budgets.addGradient(
            total: perNetwork.reduce(0, +), hasPreference: weights.contains { $0 > 0 },
            options.budgetObjective, to: gradient.pointer)
        progress.gradientNorm = adam.update(distribution.logits, gradient, options)
        distribution.normalise()
    }

    // MARK: - Progress

    func refreshProgress() {
        progress.entropy = samplingEntropy
        progress.form = distribution.form
        progress.nextSampleCount = options.sampleCount(entropy: progress.entropy)
        progress.budgetLogProbability = budgets.conditioned?.logProbability ?? 0
        var total = 0.0
        var least = 1.0
        if !skips.isEmpty {
            let marginals = distribution.marginals(canonical: false)
            for skip in skips {
                let p = marginals[space.factorisedOffsets[skip.variable] + skip.choice]
                total += p
                least = min(least, p)
            }
            progress.skipProbability = total / Double(skips.count)
        }
        if options.stopsOnCollapse && !skips.isEmpty && least > 0.5 {
            progress.stopReason = .collapse
        } else if options.stopEntropy > 0 && progress.entropy <= options.stopEntropy {
            progress.stopReason = .entropy
        } else if options.maximumSteps > 0 && progress.steps >= options.maximumSteps {
            progress.stopReason = .maximumSteps
        } else {
            progress.stopReason = .none
        }
    }

    private static func skips(of space: SearchSpace) -> [(variable: Int, choice: Int)] {
        var skips: [(variable: Int, choice: Int)] = []
        for (index, layer) in space.layers.enumerated() where layer.block?.operation == .mbconv {
            for (offset, variable) in layer.variables.enumerated()
            where variable.name == Attribute.kernel.rawValue {
                if let zero = variable.choices.firstIndex(of: .integer(0)) {
                    skips.append((space.layerStarts[index] + offset, zero))
                }
            }
        }
        return skips
    }
}
