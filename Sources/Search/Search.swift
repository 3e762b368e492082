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
    /// Open asks by number, ascending.
    var open: [Ask] = []
    // Completed asks, for their memory.
    private var spare: [Ask] = []
    var told: Told
    let strategy: any Strategy
    // Exact MACs, in a network space.
    private let macs: CostChain?
    private let isConditional: Bool
    // Layers that can be skipped: their kernel variable and its choice 0.
    private let skips: [(variable: Int, choice: Int)]

    public static let maximumOpenAsks = 1 << 12

    public convenience init(space: SearchSpace, options: SearchOptions) throws(FPNASError) {
        try self.init(space: space, options: options, strategy: nil)
    }

    /// A strategy that is not nil replaces the options' algorithm.
    init(
        space: SearchSpace, options: SearchOptions, strategy: (any Strategy)?
    ) throws(FPNASError) {
        try options.check()
        self.space = space
        self.options = options
        costs = space.isNetwork ? try CostTable(space) : nil
        distribution = try ArchitectureDistribution(
            space: space, form: options.jointStep == 0 ? .joint : .factorised)
        adam = try Adam(distribution.logitCount)
        told = try Told(capacity: 1)
        if let strategy {
            self.strategy = strategy
        } else {
            self.strategy = try options.algorithm.strategy(
                options, variableCount: space.variableCount)
        }
        macs = costs?.chain(of: .macs)
        isConditional = space.parents.contains { $0 >= 0 }
        skips = space.skips
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

    /// Draws K architectures as the algorithm does.
    public func ask() throws(FPNASError) -> Ask {
        guard open.count < Search.maximumOpenAsks else {
            throw FPNASError(
                .state, "\(open.count) asks are open, the most there may be: tell or close some")
        }
        let count = strategy.sampleCount(entropy: samplingEntropy)
        let ask = try memory(samples: count)
        ask.number = progress.asks
        try strategy.ask(ask, count: count, of: self)
        fill(ask, number: progress.asks, sampleCount: count)
        open.append(ask)
        progress.asks += 1
        progress.openAsks = open.count
        progress.samplesDrawn += count
        progress.sampleCount = count
        return ask
    }

    /// Memory for an ask of so many samples, and for what its update will need: that of a
    /// completed one which nobody holds, or new.
    func memory(samples count: Int) throws(FPNASError) -> Ask {
        if told.capacity < count { told = try Told(capacity: count) }
        while !spare.isEmpty {
            if spare[spare.count - 1].capacity >= count,
                isKnownUniquelyReferenced(&spare[spare.count - 1])
            {
                return spare.removeLast()
            }
            spare.removeLast()
        }
        return try Ask(capacity: count, width: space.variableCount)
    }

    func fill(_ ask: Ask, number: UInt64, sampleCount: Int) {
        ask.fill(
            number: number, sampleCount: sampleCount, space: space, isConditional: isConditional,
            table: told.table)
    }

    /// Numbers of the open asks, ascending.
    public var openAskNumbers: [UInt64] { open.map(\.number) }

    /// The open ask of that number.
    public func openAsk(_ number: UInt64) throws(FPNASError) -> Ask { open[try place(of: number)] }

    /// Where the ask of that number is in `open`.
    private func place(of number: UInt64) throws(FPNASError) -> Int {
        var low = 0
        var high = open.count
        while low < high {
            let middle = (low + high) / 2
            if open[middle].number < number { low = middle + 1 } else { high = middle }
        }
        guard low < open.count, open[low].number == number else {
            throw .invalid(
                number < progress.asks
                    ? "ask \(number) is closed already" : "there is no ask \(number) yet")
        }
        return low
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
        // As buffers; the error is carried out of the closures, which may throw no typed one.
        var failure: FPNASError?
        let indices = networks?.map { Int64($0) } ?? []
        unsafe indices.withUnsafeBufferPointer { indices in
            unsafe logLikelihoods.withUnsafeBufferPointer { values in
                unsafe (told ?? []).withUnsafeBufferPointer { prices in
                    do throws(FPNASError) {
                        try unsafe tell(
                            number, networks: networks == nil ? nil : indices,
                            logLikelihoods: values, costs: told == nil ? nil : prices)
                    } catch {
                        failure = error
                    }
                }
            }
        }
        if let failure { throw failure }
    }

    /// As above on memory of the caller's, without allocation.
    public func tell(
        _ number: UInt64, networks: UnsafeBufferPointer<Int64>?,
        logLikelihoods: UnsafeBufferPointer<Double>, costs told: UnsafeBufferPointer<Double>?
    ) throws(FPNASError) {
        let place = try place(of: number)
        let ask = open[place]
        try unsafe check(ask, networks, logLikelihoods, told)
        let count = logLikelihoods.count
        let switching = try ask.missingCount == count ? prepareSwitch() : nil
        // From here on nothing fails.
        for i in 0..<count {
            let network = unsafe networks.map { Int(unsafe $0[i]) } ?? i
            let value = unsafe logLikelihoods[i]
            let cost = unsafe told.map { unsafe $0[i] } ?? knownCost(of: network, in: ask)
            ask.put(network, value, cost: cost)
            if value > progress.bestLogLikelihood {
                progress.bestLogLikelihood = value
                remember(network, of: ask)
            }
        }
        progress.evaluations += count
        if ask.missingCount == 0 { complete(place, switching) }
    }

    /// Copies the best network into memory that is there after the first time.
    private func remember(_ network: Int, of ask: Ask) {
        if bestArchitecture.isEmpty {
            bestArchitecture = [Int32](repeating: 0, count: space.variableCount)
        }
        for v in bestArchitecture.indices {
            bestArchitecture[v] = ask.rows[network * space.variableCount + v]
        }
    }

    /// Closes an open ask without the networks that were not told; those told move the logits.
    public func close(_ number: UInt64) throws(FPNASError) {
        let place = try place(of: number)
        if open[place].missingCount == open[place].networkCount {
            spare.append(open.remove(at: place))
            progress.openAsks = open.count
        } else {
            complete(place, try prepareSwitch())
        }
    }

    /// The cost equation 7 needs and nobody told: exact MACs, or NaN where none is needed.
    private func knownCost(of network: Int, in ask: Ask) -> Double {
        guard options.usesCosts, let macs else { return .nan }
        return unsafe Double(macs.cost(ofCanonical: ask.rows.pointer + network * ask.width))
    }

    private func check(
        _ ask: Ask, _ networks: UnsafeBufferPointer<Int64>?,
        _ logLikelihoods: UnsafeBufferPointer<Double>, _ told: UnsafeBufferPointer<Double>?
    ) throws(FPNASError) {
        let count = unsafe networks?.count ?? ask.networkCount
        guard logLikelihoods.count == count else {
            throw .invalid(
                "ask \(ask.number) needs \(count) log-likelihoods, got \(logLikelihoods.count)")
        }
        if let told = unsafe told, told.count != count {
            throw .invalid("ask \(ask.number) needs \(count) costs, got \(told.count)")
        }
        guard unsafe told != nil || costs != nil || !options.usesCosts else {
            throw .invalid(
                "costs must be told: '\(space.name)' is abstract and "
                    + (options.costWeight > 0
                        ? "cost_weight is \(options.costWeight)"
                        : "the reward is a product with them"))
        }
        ask.beginCheck()
        for i in 0..<count {
            let given = unsafe networks.map { unsafe $0[i] } ?? Int64(i)
            guard given >= 0, given < ask.networkCount else {
                throw .invalid(
                    "ask \(ask.number) has networks 0..<\(ask.networkCount), got \(given)")
            }
            let network = Int(given)
            guard ask.isNew(network), !ask.isTold(network) else {
                throw .invalid("network \(network) of ask \(ask.number) is told twice")
            }
            let value = unsafe logLikelihoods[i]
            guard value < .infinity else {  // false for NaN as well
                throw .invalid(
                    "log-likelihood of network \(network) of ask \(ask.number) is \(value)")
            }
            if let cost = unsafe told.map({ unsafe $0[i] }), !(cost >= 0 && cost <= 1e18) {
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
            budgets: try budgets.handedOver(to: joint))
    }

    private func complete(_ place: Int, _ switching: Switch?) {
        let ask = open.remove(at: place)
        update(ask)
        if let switching {
            switching.distribution.setJoint(of: distribution)
            distribution = switching.distribution
            adam = switching.adam
            budgets = switching.budgets
        }
        budgets.update()
        spare.append(ask)
        progress.steps += 1
        progress.openAsks = open.count
        refreshProgress()
    }

    // MARK: - Progress

    func refreshProgress() {
        progress.entropy = samplingEntropy
        progress.form = distribution.form
        progress.nextSampleCount = strategy.sampleCount(entropy: progress.entropy)
        progress.budgetLogProbability = budgets.conditioned?.logProbability ?? 0
        var total = 0.0
        var least = 1.0
        if !skips.isEmpty {
            for skip in skips {
                let p = distribution.marginal(of: skip.variable, choice: skip.choice)
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
}
