import Supernet
import Support

/// How weights are trained, besides rate, momentum and decay; the same for a search and a
/// retraining.
public struct TrainingOptions: Sendable, Equatable {
    public var optimiser = Optimiser.sgd
    /// Part of the run in which the rate rises to its highest value, in [0, 1); then a cosine.
    public var rateWarmUp: Double
    /// Smoothing of the target, in [0, 1): 0 is the label alone.
    public var labelSmoothing = 0.0
    /// See `Regularisation`.
    public var dropout = 0.0
    public var stochasticDepth = 0.0
    public var zeroesLastGamma = false
    /// Decay of the running average of the weights that is tested in their place; 0 for none.
    public var weightAveraging = 0.0

    public init(rateWarmUp: Double) { self.rateWarmUp = rateWarmUp }

    func check() throws(FPNASError) {
        try requireFinite(rateWarmUp, in: 0...0.9, "rate_warm_up")
        try requireFinite(labelSmoothing, in: 0...0.9, "label_smoothing")
        try requireFinite(dropout, in: 0...0.95, "dropout")
        try requireFinite(stochasticDepth, in: 0...0.95, "stochastic_depth")
        try requireFinite(weightAveraging, in: 0...0.999999, "weight_averaging")
    }

    var regularisation: Regularisation {
        var regularisation = Regularisation()
        regularisation.dropout = dropout
        regularisation.stochasticDepth = stochasticDepth
        regularisation.zeroesLastGamma = zeroesLastGamma
        return regularisation
    }

    /// How the rate falls after the warm-up.
    enum RateFall {
        /// To 0 along a cosine.
        case cosine
        /// Exponentially to 5 % of the highest over the first 65 %, where it stays. [BigNAS]
        case exponential
    }

    /// The rate of a step: linear from near 0 over the warm-up, then it falls.
    func rate(
        highest: Double, step: Int, of steps: Int, _ fall: RateFall = .cosine
    ) -> Double {
        let warmUp = Int(Double(steps) * rateWarmUp)  // in range: steps < 2^53, the part ≤ 0.9
        guard step >= warmUp else { return highest * Double(step + 1) / Double(warmUp) }
        let (done, all) = (step - warmUp, max(steps - warmUp, 1))
        switch fall {
        case .cosine: return cosineRate(initial: highest, step: done, of: all)
        case .exponential:
            let part = min(Double(done) / (0.65 * Double(all)), 1)
            return highest * Elementary.exp(part * Elementary.log(0.05))
        }
    }

    func stepOptions(
        rate: Double, momentum: Double, weightDecay: Double
    ) -> StepOptions {
        var options = StepOptions(rate: rate, momentum: momentum, weightDecay: weightDecay)
        options.optimiser = optimiser
        options.averaging = weightAveraging
        return options
    }

    func encode(into writer: inout ByteWriter) {
        writer.put(optimiser.rawValue)
        writer.put(zeroesLastGamma)
        writer.put([rateWarmUp, labelSmoothing, dropout, stochasticDepth, weightAveraging])
    }

    init(from reader: inout ByteReader) throws(FPNASError) {
        guard let optimiser = Optimiser(rawValue: try reader.take(Int32.self)) else {
            throw reader.damaged("unknown optimiser")
        }
        self.optimiser = optimiser
        zeroesLastGamma = try reader.takeBool()
        let values = try reader.takeDoubles()
        guard values.count == 5 else { throw reader.damaged("the options of training") }
        rateWarmUp = values[0]
        labelSmoothing = values[1]
        dropout = values[2]
        stochasticDepth = values[3]
        weightAveraging = values[4]
        try check()
    }
}
