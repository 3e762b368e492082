import ArchitectureCost
import ArchitectureDistribution
import SearchSpace
import Support

/// What a mixture's cost is the cost of.
public enum MixtureCost: Int32, Sendable {
    /// The expectation when every variable is drawn with the coefficients, exact.
    case expected = 0
    /// The layers' mean costs at mean widths: FBNetV2's effective shapes.
    case effective = 1
}

/// Mixture coefficients of every variable of a space for an outside trainer, which runs all choices
/// weighted by them and gives back the loss's gradient.
///
///     loop: coefficients → the trainer's forward and backward → tell → the logits move
///
/// Logits are those of the factorised form. Noise is a pure function of (seed, step, variable,
/// choice): a step asked for again has the same coefficients on any machine.
public final class Mixture {
    public let space: SearchSpace
    public let options: MixtureOptions
    /// softmax(α).
    public let distribution: ArchitectureDistribution
    /// Tells so far.
    public private(set) var steps = 0
    /// Its probabilities are the coefficients, its logits (α + g) / T.
    private let relaxed: ArchitectureDistribution
    private var adam: Adam
    private let noise: Philox

    public init(space: SearchSpace, options: MixtureOptions) throws(FPNASError) {
        try options.check()
        self.space = space
        self.options = options
        distribution = try ArchitectureDistribution(space: space, form: .factorised)
        relaxed = try ArchitectureDistribution(space: space, form: .factorised)
        adam = try Adam(distribution.logitCount)
        noise = Philox(seed: options.seed, stream: .mixture)
        relax()
    }

    public var temperature: Double { options.temperature(step: steps) }

    /// One a choice, variable after variable; a variable's sum to 1.
    public var coefficients: UnsafeBufferPointer<Double> {
        unsafe UnsafeBufferPointer(relaxed.probabilities.elements)
    }

    public func setLogits(_ logits: UnsafeBufferPointer<Double>) throws(FPNASError) {
        let fresh = try Adam(distribution.logitCount)
        try unsafe distribution.setLogits(logits)
        adam = fresh
        relax()
    }

    /// Takes in the logits and the step as they are.
    private func relax() {
        let scale = 1 / temperature
        let limit = ArchitectureDistribution.largestLogit
        for v in 0..<space.variableCount {
            let start = distribution.groupOffsets[v]
            for c in 0..<space.choiceCounts[v] {
                var z = distribution.logits[start + c]
                if options.algorithm == .fbnetV2 {
                    let u = noise.uniform(step: UInt64(steps), sample: v, index: c)
                    // Never 0, and below 1 by itself.
                    z -= Elementary.log(-Elementary.log(max(u, 0x1p-54)))
                }
                relaxed.logits[start + c] = min(max(z * scale, -limit), limit)
            }
        }
        relaxed.normalise()
    }

    // MARK: - Tell

    /// Moves the logits by Adam against the gradient of the present step's loss.
    ///
    ///     ∂L/∂α_vc = m_vc · (G_vc − Σ_j m_vj G_vj) / T + logit gradient + weight decay · α_vc
    ///
    /// - Parameters:
    ///   - step: the step whose coefficients were used, `steps`; another one is refused.
    ///   - gradients: G = ∂L/∂m, one a choice.
    ///   - logitGradients: what is known of ∂L/∂α already, such as `cost` gives it.
    ///
    /// On an error nothing has changed.
    public func tell(
        _ step: UInt64, _ gradients: UnsafeBufferPointer<Double>,
        logitGradients: UnsafeBufferPointer<Double>? = nil
    ) throws(FPNASError) {
        guard step == UInt64(steps) else {
            throw FPNASError(
                .state, "gradients of step \(step) are told, the mixture is at step \(steps)")
        }
        try unsafe check(gradients, "gradients")
        if let own = unsafe logitGradients { try unsafe check(own, "logit_gradients") }
        let m = relaxed.probabilities
        let scale = 1 / temperature
        for v in 0..<space.variableCount {
            let range = distribution.groupOffsets[v]..<distribution.groupOffsets[v + 1]
            var mean = 0.0
            for i in range { unsafe mean += m[i] * gradients[i] }
            for i in range {
                let own = unsafe logitGradients.map { unsafe $0[i] } ?? 0
                unsafe adam.pull[i] =
                    scale * m[i] * (gradients[i] - mean) + own
                    + options.weightDecay * distribution.logits[i]
            }
        }
        _ = adam.update(distribution, total: 0, options.adam)
        steps += 1
        relax()
    }

    /// Goes on to the next step without moving the logits: fresh noise at its temperature.
    public func advance() {
        steps += 1
        relax()
    }

    private func check(
        _ values: UnsafeBufferPointer<Double>, _ name: String
    ) throws(FPNASError) {
        guard values.count == distribution.logitCount else {
            throw .invalid(
                "\(name) must have \(distribution.logitCount) values, got \(values.count)")
        }
        // Squares are then far from infinite.
        for i in 0..<values.count where unsafe !(abs(values[i]) <= 1e100) {
            throw unsafe .invalid("\(name) \(i) must be within ±1e100, got \(values[i])")
        }
    }

    // MARK: - Cost and result

    /// A cost of the present coefficients and its gradient with respect to the logits α.
    public func cost(
        _ chain: CostChain, _ form: MixtureCost
    ) throws(FPNASError) -> (value: Double, gradient: [Double]) {
        let scale = 1 / temperature
        switch form {
        case .expected:
            return (
                try chain.moments(under: relaxed).mean,
                try chain.expectationGradient(under: relaxed).map { $0 * scale }
            )
        case .effective:
            let (value, gradient) = try chain.effectiveCost(under: relaxed)
            return (value, gradient.map { $0 * scale })
        }
    }

    /// The choice of the largest logit of every variable that exists, the first of equals.
    public func result() -> [Int32] {
        var row = [Int32](repeating: 0, count: space.variableCount)
        for v in row.indices {
            let start = distribution.groupOffsets[v]
            var best = 0
            for c in 1..<max(space.choiceCounts[v], 1)
            where distribution.logits[start + c] > distribution.logits[start + best] { best = c }
            row[v] = Int32(truncatingIfNeeded: best)
        }
        space.canonicalise(&row)
        return row
    }

    /// A distribution in which a network's log-probability is what it loses against every
    /// variable's largest logit, Σ_v (α_v − max α_v) over the variables it has, times a large
    /// factor: its mode is `result`, and under a budget the network that loses least.
    ///
    /// The mode of softmax(α) itself would be another: as long as nothing is decided, a skip, which
    /// is one network, has the probability of all that it skips.
    public func decided() throws(FPNASError) -> ArchitectureDistribution {
        let sharp = try ArchitectureDistribution(space: space, form: .factorised)
        var range = 0.0
        for v in 0..<space.variableCount {
            let own = distribution.groupOffsets[v]..<distribution.groupOffsets[v + 1]
            let peak = own.reduce(-Double.infinity) { max($0, distribution.logits[$1]) }
            for i in own {
                sharp.logits[i] = distribution.logits[i] - peak
                range = max(range, -sharp.logits[i])
            }
        }
        let scale = range > 0 ? ArchitectureDistribution.largestLogit / range : 1
        for i in 0..<sharp.logitCount { sharp.logits[i] *= scale }
        sharp.normalise()
        return sharp
    }

    // MARK: - Checkpoints

    public func encode(into writer: inout ByteWriter) {
        writer.put(options.algorithm.rawValue)
        writer.put(options.seed)
        writer.put([
            options.learningRate, options.adamBeta1, options.adamBeta2, options.adamEpsilon,
            options.weightDecay, options.initialTemperature, options.temperatureDecay,
            options.minimumTemperature,
        ])
        writer.put(options.stepsPerEpoch)
        writer.put(steps)
        unsafe writer.put(UnsafeBufferPointer(distribution.logits.elements))
        adam.encode(into: &writer)
    }

    public convenience init(
        space: SearchSpace, from reader: inout ByteReader
    ) throws(FPNASError) {
        guard let algorithm = MixtureAlgorithm(rawValue: try reader.take(Int32.self)) else {
            throw reader.damaged("unknown algorithm of a mixture")
        }
        var options = MixtureOptions(algorithm)
        options.seed = try reader.take(UInt64.self)
        let values = try reader.takeDoubles()
        guard values.count == 8 else { throw reader.damaged("the options") }
        options.learningRate = values[0]
        options.adamBeta1 = values[1]
        options.adamBeta2 = values[2]
        options.adamEpsilon = values[3]
        options.weightDecay = values[4]
        options.initialTemperature = values[5]
        options.temperatureDecay = values[6]
        options.minimumTemperature = values[7]
        options.stepsPerEpoch = try reader.takeInt()
        let steps = try reader.takeInt(0...(Int.max >> 1))
        try self.init(space: space, options: options)
        let logits = try Buffer<Double>(distribution.logitCount, of: "logits")
        try unsafe reader.fill(logits.elements)
        try unsafe distribution.setLogits(UnsafeBufferPointer(logits.elements))
        try adam.restore(from: &reader)
        self.steps = steps
        relax()
    }
}
