import ArchitectureDistribution
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
/// Making one costs the time of the programme's building, `update()` O(nodes · terms); both are
/// said in `BudgetProgram`.
public final class BudgetedDistribution {
    public let distribution: ArchitectureDistribution
    public let budgets: [CostBudget]
    let program: BudgetProgram
    let view: LayerOptions

    /// log Z in nats; −∞ where the budget's probability is below the range of doubles.
    public private(set) var logProbability = 0.0
    /// H(q) of raw encodings in nats: what sets K under a hard budget.
    public private(set) var entropy = 0.0
    /// q's probability of every option of every layer, in the order of `space.options(ofLayer:)`.
    public private(set) var optionProbabilities: [[Double]] = []

    /// P of every option and, by layer and state, of every term.
    private(set) var probabilities: [[Double]] = []
    private(set) var terms: [[[Double]]] = []
    /// Of every node, P that what follows keeps the budgets, times a power of two of its layer;
    /// 0 at the end.
    let values: Buffer<Double>
    private let arrivals: Buffer<Double>

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

    init(
        _ distribution: ArchitectureDistribution, _ budgets: [CostBudget], _ program: BudgetProgram
    ) throws(FPNASError) {
        self.distribution = distribution
        self.budgets = budgets
        self.program = program
        view = try LayerOptions(
            distribution, options: budgets[0].chain.layers.map(\.options))
        values = try Buffer(program.nodeCount + 1, of: "sums of costs")
        arrivals = try Buffer(program.nodeCount + 1, of: "sums of costs")
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

    /// Takes in the distribution's present logits: Z, entropy, q's options. O(nodes · terms).
    public func update() {
        probabilities = view.probabilities(distribution)
        terms = program.layers.dropLast().enumerated().map { layer, states in
            states.map { state in
                var sums = [Double](repeating: 0, count: state.terms.count)
                for (o, term) in state.termOfOption.enumerated() where term >= 0 {
                    sums[Int(term)] += probabilities[layer][o]
                }
                return sums
            }
        }
        let exponent = backward()
        let first = program.layers[0][0]
        let whole = first.count > 0 ? values[first.offset] : 0
        logProbability = Elementary.log(whole) + Double(exponent) * 0.6931471805599453
        guard logProbability > -.infinity else {
            optionProbabilities = probabilities.map { $0.map { _ in 0 } }
            entropy = 0
            return
        }
        optionProbabilities = forward()
        // H(q) = log Z − E_q[log P(A)], and log P(A) is a sum over the layers.
        let logs = view.logProbabilities(distribution, probabilities)
        var sum = logProbability
        for layer in logs.indices {
            for (q, log) in zip(optionProbabilities[layer], logs[layer]) where q > 0 {
                sum -= q * log
            }
        }
        entropy = max(sum, 0)
    }

    /// Fills `values` from the last layer on; returns the power of two they were divided by.
    private func backward() -> Int {
        let v = unsafe values.pointer
        unsafe v.update(repeating: 0, count: values.count)
        for state in program.layers[program.layers.count - 1] {
            for i in 0..<state.count { unsafe v[state.offset + i] = 1 }
        }
        var exponent = 0
        for layer in (0..<(program.layers.count - 1)).reversed() {
            let nodes = program.layers[layer]
            for (s, state) in nodes.enumerated() {
                for (t, term) in state.terms.enumerated() {
                    let p = terms[layer][s][t]
                    guard p > 0 else { continue }
                    if program.isWindow {
                        let next = program.layers[layer + 1][term.next]
                        let (range, shift) = program.overlap(state, term, next)
                        guard !range.isEmpty else { continue }
                        unsafe Kernel.add(
                            range.count, p, v + next.offset + range.lowerBound + shift,
                            to: v + state.offset + range.lowerBound)
                    } else {
                        let table =
                            unsafe program.targets.pointer + (state.targets + t * state.count)
                        for i in 0..<state.count {
                            unsafe v[state.offset + i] += p * v[Int(table[i])]
                        }
                    }
                }
            }
            unsafe exponent += rescale(v, nodes)
        }
        return exponent
    }

    /// Keeps a layer's numbers away from the smallest doubles, exactly.
    private func rescale(
        _ values: UnsafeMutablePointer<Double>, _ nodes: [BudgetProgram.State]
    ) -> Int {
        guard let first = nodes.first, let last = nodes.last else { return 0 }
        let range = first.offset..<(last.offset + last.count)
        var peak = 0.0
        for i in range { unsafe peak = max(peak, values[i]) }
        guard peak > 0, peak < 0x1p-256 else { return 0 }
        let exponent = Int(peak.exponent)
        // In two steps, as a factor of 2^1074 is no double.
        let factor = Double(sign: .plus, exponent: -exponent / 2, significand: 1)
        let other = Double(sign: .plus, exponent: -exponent - (-exponent / 2), significand: 1)
        for i in range { unsafe values[i] = values[i] * factor * other }
        return exponent
    }

    /// q's mass of every option, from the first layer on, `values` being there.
    private func forward() -> [[Double]] {
        let a = unsafe arrivals.pointer
        let v = unsafe values.pointer
        unsafe a.update(repeating: 0, count: arrivals.count)
        unsafe a[program.layers[0][0].offset] = 1
        var result: [[Double]] = []
        for layer in probabilities.indices {
            var masses = [Double](repeating: 0, count: probabilities[layer].count)
            var total = 0.0
            for (s, state) in program.layers[layer].enumerated() where state.count > 0 {
                // What follows a term, over the nodes it is taken from; without its own P.
                var follows = [Double](repeating: 0, count: state.terms.count)
                for (t, term) in state.terms.enumerated() {
                    let p = terms[layer][s][t]
                    guard p > 0 else { continue }
                    if program.isWindow {
                        let next = program.layers[layer + 1][term.next]
                        let (range, shift) = program.overlap(state, term, next)
                        guard !range.isEmpty else { continue }
                        let from = state.offset + range.lowerBound
                        let to = next.offset + range.lowerBound + shift
                        follows[t] = unsafe Kernel.dot(range.count, a + from, v + to)
                        unsafe Kernel.add(range.count, p, a + from, to: a + to)
                    } else {
                        let table =
                            unsafe program.targets.pointer + (state.targets + t * state.count)
                        var sum = 0.0
                        for i in 0..<state.count {
                            let target = unsafe Int(table[i])
                            let arrival = unsafe a[state.offset + i]
                            unsafe sum += arrival * v[target]
                            unsafe a[target] += p * arrival
                        }
                        follows[t] = sum
                    }
                }
                for (o, term) in state.termOfOption.enumerated() where term >= 0 {
                    masses[o] += probabilities[layer][o] * follows[Int(term)]
                }
            }
            unsafe a[program.nodeCount] = 0  // what broke a budget
            _ = unsafe rescale(a, program.layers[layer + 1])
            for mass in masses { total += mass }
            result.append(total > 0 ? masses.map { $0 / total } : masses)
        }
        return result
    }

    /// q's probability of every choice where its variable exists, flat in factorised order.
    public func marginals() -> [Double] {
        var result = [Double](repeating: 0, count: space.factorisedLogitCount)
        for layer in optionProbabilities.indices {
            let members = space.variables(of: layer)
            for (option, q) in zip(view.options[layer], optionProbabilities[layer]) where q > 0 {
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
        unsafe view.addGradient(
            ofMasses: optionProbabilities, distribution, probabilities, factor: factor,
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

/// The two inner loops, in an order of additions that never changes.
private enum Kernel {
    /// to[i] += factor · from[i].
    @inline(__always)
    static func add(
        _ count: Int, _ factor: Double, _ from: UnsafePointer<Double>,
        to: UnsafeMutablePointer<Double>
    ) {
        for i in 0..<count { unsafe to[i] += factor * from[i] }
    }

    /// Σ a[i]·b[i] in four running sums.
    @inline(__always)
    static func dot(
        _ count: Int, _ a: UnsafePointer<Double>, _ b: UnsafePointer<Double>
    ) -> Double {
        var sums = SIMD4<Double>(repeating: 0)
        var i = 0
        while i + 4 <= count {
            let x = unsafe SIMD4(a[i], a[i + 1], a[i + 2], a[i + 3])
            let y = unsafe SIMD4(b[i], b[i + 1], b[i + 2], b[i + 3])
            sums += x * y
            i += 4
        }
        var rest = 0.0
        while i < count {
            unsafe rest += a[i] * b[i]
            i += 1
        }
        return (sums.x + sums.z) + (sums.y + sums.w) + rest
    }
}
