import ArchitectureDistribution
import CSearchKernels
import SearchSpace
import Support

/// A distribution over architectures given that their costs keep some budgets,
///
///     q(A) = P(A) · 1[least_d ≤ C_d(A) ≤ most_d for every d] / Z,   Z = P(all of it)
///
/// by dynamic programming over the layers: nothing is drawn by rejection or estimated. Exact while
/// the sums that can occur are few; otherwise costs are counted in units of `resolution`, rounded
/// up layer by layer, so that everything q knows of keeps the budgets and Z is a lower bound of
/// the true probability; `probabilityBounds()` gives the upper one. (`docs/budgets.md`)
///
/// Making one costs the time of the programme's building, `update()` O(nodes · terms), and what asks
/// for q's options as much again; `docs/budgets.md` says how they grow.
@safe public final class BudgetedDistribution {
    public let distribution: ArchitectureDistribution
    public let budgets: [CostBudget]
    let program: BudgetProgram
    let view: LayerOptions

    /// log Z in nats; −∞ where the budget's probability is below the range of doubles.
    public private(set) var logProbability = 0.0
    /// H(q) of raw encodings in nats: what sets K under a hard budget.
    public private(set) var entropy = 0.0

    /// P of every option, in the order of `view.offsets`, and P log P of its encodings.
    let probabilities: Buffer<Double>
    private let logMasses: Buffer<Double>
    /// Of every term: P and P log P of its options.
    let weights: Buffer<Double>
    /// At every node's place V, P that what follows keeps the budgets, times a power of two of its
    /// layer; 0 elsewhere and at place 0. W, Σ P log P over what follows and keeps them, times the
    /// same, is at the place after of a step, and `logs` places after in windows. Once the entropy is
    /// known W has served, and `forward` counts there P of arriving at every node.
    let values: Buffer<Double>
    private let logs: Int
    private let follows: Buffer<Double>
    /// q's probability of every option.
    private let masses: Buffer<Double>
    private var isForward = false
    private let kernels: UnsafePointer<fpnas_priv_search_kernels>
    let scratch: DrawScratch

    /// Errors: INVALID for budgets of another space or none; INFEASIBLE where nothing keeps them
    /// all, at once, or where they do not fit at the resolution wanted.
    public convenience init(
        _ distribution: ArchitectureDistribution, _ budgets: [CostBudget]
    ) throws(FPNASError) {
        guard (1...8).contains(budgets.count) else {
            throw .invalid("1 to 8 budgets can be kept together, got \(budgets.count)")
        }
        for budget in budgets where budget.chain.space != distribution.space {
            throw .invalid(
                "the costs are of '\(budget.chain.space.name)', the distribution of another space "
                    + "'\(distribution.space.name)'")
        }
        let joint = try JointChain(budgets.map(\.chain))
        try self.init(distribution, budgets, try BudgetProgram.make(budgets, joint))
        try requireProbability()
    }

    /// The same budgets for another distribution over the same space.
    public func moved(
        to distribution: ArchitectureDistribution
    ) throws(FPNASError) -> BudgetedDistribution {
        try BudgetedDistribution(distribution, budgets, program)
    }

    /// The same for one that takes this one's place and memory, at its first `update`: until then it
    /// knows nothing, from then on this one does not.
    public func handedOver(
        to distribution: ArchitectureDistribution
    ) throws(FPNASError) -> BudgetedDistribution {
        try BudgetedDistribution(distribution, takingOver: self)
    }

    private init(
        _ distribution: ArchitectureDistribution, takingOver other: BudgetedDistribution
    ) throws(FPNASError) {
        self.distribution = distribution
        view = try LayerOptions(distribution, options: other.view.options)
        unsafe kernels = unsafe other.kernels
        budgets = other.budgets
        program = other.program
        probabilities = other.probabilities
        logMasses = other.logMasses
        masses = other.masses
        weights = other.weights
        follows = other.follows
        logs = other.logs
        values = other.values
        scratch = other.scratch
    }

    init(
        _ distribution: ArchitectureDistribution, _ budgets: [CostBudget], _ program: BudgetProgram,
        kernels name: String? = nil
    ) throws(FPNASError) {
        guard let kernels = unsafe fpnas_priv_search_kernels_named(name) else {
            throw .invalid("FPNAS_KERNELS names kernels this CPU has not got")
        }
        unsafe self.kernels = unsafe kernels
        self.distribution = distribution
        self.budgets = budgets
        self.program = program
        view = try LayerOptions(
            distribution, options: budgets[0].chain.layers.map(\.options))
        let options = view.offsets[view.options.count]
        probabilities = try Buffer(options, of: "probabilities of options")
        logMasses = try Buffer(options, of: "probabilities of options")
        masses = try Buffer(options, of: "probabilities of options")
        weights = try Buffer(2 * program.termCount, of: "probabilities of terms")
        follows = try Buffer(program.termCount, of: "probabilities of terms")
        logs = program.placeCount - program.firstWindow
        values = try Buffer(program.placeCount + logs, of: "sums of costs")
        scratch = try DrawScratch(program)
        for state in program.layers[program.layers.count - 1] {
            for place in program.nodes(of: state) where !state.isWindow || program.isNode(place) {
                values[place] = 1
            }
        }
        update()
    }

    // MARK: - What it says

    public var space: SearchSpace { distribution.space }
    /// Whether costs are counted exactly, so that nothing below is a bound.
    public var isExact: Bool { program.isExact }
    /// By budget, the unit its costs are rounded up to; 1 where they are exact.
    public var resolutions: [Int] { program.axes.map { $0.isExact ? 1 : $0.unit } }
    /// P(budgets), or in coarse units a lower bound of it.
    public var probability: Double { Elementary.exp(logProbability) }

    /// Certified bounds of P(budgets); equal where exact. Costs as much as making this once more.
    public func probabilityBounds() throws(FPNASError) -> (lower: Double, upper: Double) {
        guard !isExact else { return (probability, probability) }
        guard let generous = try program.generous(budgets) else { return (probability, 1) }
        let pass = try BudgetedDistribution(distribution, budgets, generous)
        return (probability, min(max(pass.probability, probability), 1))
    }

    /// Refuses a distribution whose doubles give the budgets no probability.
    public func requireProbability() throws(FPNASError) {
        guard logProbability > -.infinity else { throw infeasible }
    }

    private var infeasible: FPNASError {
        let demands = budgets.map { budget in
            (budget.least > 0 ? "\(budget.least) to " : "at most ") + "\(budget.most)"
                + " (the least possible costs \(budget.chain.range.lowerBound))"
        }
        let unit = resolutions.map { "\($0)" }.joined(separator: ", ")
        return FPNASError(
            .infeasible,
            "no architecture of '\(space.name)' was found that costs "
                + demands.joined(separator: " and ")
                + (isExact ? "" : ", rounded up to units of \(unit): choose a finer resolution"))
    }

    // MARK: - Passes

    /// Takes in the distribution's present logits: Z, entropy, what draws need. One pass over the
    /// (node, term) pairs; allocates nothing.
    public func update() {
        isForward = false
        unsafe view.evaluate(
            distribution, probabilities: probabilities.pointer, logMasses: logMasses.pointer)
        addUpTerms()
        let exponent = backward()
        let first = program.layers[0][0]
        let whole = first.count > 0 ? values[first.offset] : 0
        logProbability = Elementary.log(whole) + Double(exponent) * 0.6931471805599453
        // H(q) = log Z − E_q[log P(A)], whose scales cancel.
        entropy =
            logProbability > -.infinity
            ? max(logProbability - values[first.offset + log(of: first)] / whole, 0) : 0
    }

    private func addUpTerms() {
        let (p, l) = unsafe (probabilities.pointer, logMasses.pointer)
        let members = unsafe program.members.pointer
        let starts = unsafe program.memberStarts.pointer
        for layer in 0..<view.options.count {
            let base = view.offsets[layer]
            for state in program.layers[layer] {
                for t in state.firstTerm..<(state.firstTerm + state.terms.count) {
                    var sum = 0.0
                    var log = 0.0
                    for i in unsafe Int(starts[t])..<Int(starts[t + 1]) {
                        let o = unsafe base + Int(members[i])
                        unsafe sum += p[o]
                        unsafe log += l[o]
                    }
                    weights[2 * t] = sum
                    weights[2 * t + 1] = log
                }
            }
        }
    }

    /// Fills `values` from the last layer on; returns the power of two they were divided by.
    private func backward() -> Int {
        let v = unsafe values.pointer
        var exponent = 0
        for layer in (0..<(program.layers.count - 1)).reversed() {
            if layer + 1 == program.firstStep { fillEdge() }
            var peak = 0.0
            for state in program.layers[layer] where state.count > 0 {
                let own = unsafe weights.pointer + 2 * state.firstTerm
                let count = state.terms.count
                if state.isWindow {
                    peak = max(
                        peak,
                        unsafe kernels.pointee.expect(
                            program.moves.pointer + state.firstTerm, own, count,
                            program.chunks.pointer + state.chunks.lowerBound,
                            state.chunks.count, program.firstWindow, program.masks.pointer, v,
                            v + logs))
                } else {
                    peak = max(
                        peak,
                        unsafe kernels.pointee.expect_steps(
                            program.leads.pointer + state.leads, program.targets.pointer, own,
                            count,
                            state.count, v, state.offset))
                }
            }
            guard peak > 0, peak < 0x1p-256 else { continue }
            exponent += Int(peak.exponent)
            for state in program.layers[layer] {
                let places = program.places(of: state)
                unsafe rescale(v, places, Int(peak.exponent))
                if state.isWindow { unsafe rescale(v + logs, places, Int(peak.exponent)) }
            }
        }
        return exponent
    }

    /// How far after V its W lies.
    private func log(of state: BudgetProgram.State) -> Int { state.isWindow ? logs : 1 }

    /// Copies the values of the first layer of steps to where the windows before it look for them.
    private func fillEdge() {
        let first = program.firstEdge
        let (v, steps) = unsafe (values.pointer, program.steps.pointer)
        for i in 0..<program.steps.count {
            unsafe v[first + i] = v[Int(steps[i])]
            unsafe v[first + i + logs] = v[Int(steps[i]) + 1]
        }
    }

    /// Keeps numbers away from the smallest doubles, exactly.
    private func rescale(
        _ numbers: UnsafeMutablePointer<Double>, _ places: some Sequence<Int>, _ exponent: Int
    ) {
        // In two steps, as a factor of 2^1074 is no double.
        let factor = Double(sign: .plus, exponent: -exponent / 2, significand: 1)
        let other = Double(sign: .plus, exponent: -exponent - (-exponent / 2), significand: 1)
        for i in places { unsafe numbers[i] = numbers[i] * factor * other }
    }

    // MARK: - Options

    /// q's probability of every option of every layer, in the order of `space.options(ofLayer:)`.
    public var optionProbabilities: [[Double]] {
        if !isForward { forward() }
        return view.options.indices.map { layer in
            (view.offsets[layer]..<view.offsets[layer + 1]).map { masses[$0] }
        }
    }

    /// q's mass of every option, from the first layer on, `values` being there: one more pass.
    private func forward() {
        isForward = true
        let v = unsafe values.pointer
        for i in 0..<masses.count { masses[i] = 0 }
        guard logProbability > -.infinity else { return }
        for i in 0..<follows.count { follows[i] = 0 }
        clear(0)
        let first = program.layers[0][0]
        unsafe arrivals(of: first)[first.offset] = 1
        for layer in 0..<view.options.count {
            clear(layer + 1)
            for state in program.layers[layer] where state.count > 0 {
                let own = unsafe weights.pointer + 2 * state.firstTerm
                let sums = unsafe follows.pointer + state.firstTerm
                let a = unsafe arrivals(of: state)
                if state.isWindow {
                    unsafe kernels.pointee.arrive(
                        program.moves.pointer + state.firstTerm, own, state.terms.count,
                        program.chunks.pointer + state.chunks.lowerBound, state.chunks.count, v, a,
                        sums)
                } else {
                    unsafe kernels.pointee.arrive_steps(
                        program.leads.pointer + state.leads, program.targets.pointer, own,
                        state.terms.count, state.count, v, a, state.offset, sums)
                }
            }
            let peak = settle(layer + 1)
            if peak > 0, peak < 0x1p-256 {
                for state in program.layers[layer + 1] {
                    let places = places(of: state)
                    unsafe rescale(arrivals(of: state), places, Int(peak.exponent))
                }
            }
            addUpOptions(layer)
        }
        // As `update` needs it: around windows and at the end W is 0.
        for i in stride(from: 1, to: program.firstWindow, by: 2) { unsafe v[i] = 0 }
        for i in program.firstWindow..<program.placeCount { unsafe v[i + logs] = 0 }
    }

    private func addUpOptions(_ layer: Int) {
        let options = view.offsets[layer]..<view.offsets[layer + 1]
        var total = 0.0
        for state in program.layers[layer] where state.count > 0 {
            for (o, term) in state.termOfOption.enumerated() where term >= 0 {
                let place = options.lowerBound + o
                masses[place] += probabilities[place] * follows[state.firstTerm + Int(term)]
            }
        }
        for o in options { total += masses[o] }
        guard total > 0 else { return }
        for o in options { masses[o] /= total }
    }

    /// Where the arrivals at a state's places are counted: at their W.
    private func arrivals(of state: BudgetProgram.State) -> UnsafeMutablePointer<Double> {
        unsafe values.pointer + log(of: state)
    }

    /// All places of V of a state, up to the last chunk's or block's end.
    private func places(of state: BudgetProgram.State) -> StrideTo<Int> {
        let places = program.places(of: state)
        return stride(
            from: places.lowerBound, to: places.upperBound, by: state.isWindow ? 1 : 2)
    }

    /// No arrivals at a layer.
    private func clear(_ layer: Int) {
        for state in program.layers[layer] {
            let a = unsafe arrivals(of: state)
            for i in places(of: state) { unsafe a[i] = 0 }
        }
        guard layer == program.firstStep else { return }
        let edge = unsafe values.pointer + logs + program.firstEdge
        for i in 0..<program.steps.count { unsafe edge[i] = 0 }
    }

    /// Takes arrivals away where a budget is broken; the largest that is left.
    private func settle(_ layer: Int) -> Double {
        let v = unsafe values.pointer
        if layer == program.firstStep {
            let (edge, steps) = unsafe (v + logs + program.firstEdge, program.steps.pointer)
            for i in 0..<program.steps.count { unsafe v[Int(steps[i]) + 1] += edge[i] }
        }
        var peak = 0.0
        for state in program.layers[layer] {
            let a = unsafe arrivals(of: state)
            for i in places(of: state) {
                unsafe a[i] = v[i] > 0 ? a[i] : 0
                unsafe peak = max(peak, a[i])
            }
        }
        values[1] = 0
        return peak
    }

    /// q's probability of every choice where its variable exists, flat in factorised order.
    public func marginals() -> [Double] {
        var result = [Double](repeating: 0, count: space.factorisedLogitCount)
        for (layer, own) in optionProbabilities.enumerated() {
            let members = space.variables(of: layer)
            for (option, q) in zip(view.options[layer], own) where q > 0 {
                for (v, c) in zip(members, option) where c >= 0 {
                    result[space.factorisedOffsets[v] + Int(c)] += q
                }
            }
        }
        return result
    }

    /// Adds factor · ∂ log Z / ∂α: q's probability of every logit's choice minus P's.
    public func addLogProbabilityGradient(
        factor: Double, to gradient: UnsafeMutablePointer<Double>
    ) {
        if !isForward { forward() }
        unsafe view.addGradient(
            ofMasses: masses.pointer, distribution, probabilities.pointer, factor: factor,
            to: gradient)
    }

    /// ∂ log Z / ∂α for every logit of the distribution's form.
    public func logProbabilityGradient() -> [Double] {
        var gradient = [Double](repeating: 0, count: distribution.logitCount)
        unsafe gradient.withUnsafeMutableBufferPointer { gradient in
            guard let start = gradient.baseAddress else { return }
            unsafe addLogProbabilityGradient(factor: 1, to: start)
        }
        return gradient
    }
}
