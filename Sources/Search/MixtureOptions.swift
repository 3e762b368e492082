import Support

/// How an outside trainer's mixtures get their coefficients.
public enum MixtureAlgorithm: Int32, Sendable, CaseIterable {
    /// softmax(α). [DARTS: Liu et al. 2019]
    case darts = 0
    /// softmax((α + g) / T) with Gumbel noise g and a falling temperature T. [FBNetV2: Wan et al.
    /// 2020; Wu et al. 2019]
    case fbnetV2 = 1

    public var name: String { self == .darts ? "darts" : "fbnetv2" }
}

/// Everything that steers a mixture. The defaults are those of the algorithm's authors.
public struct MixtureOptions: Sendable, Equatable {
    public var algorithm: MixtureAlgorithm
    public var seed: UInt64 = 0
    /// Adam on the logits. [DARTS: 3e-4, (0.5, 0.999), weight decay 1e-3; FBNet: 0.01,
    /// (0.9, 0.999), 5e-4]
    public var learningRate: Double
    public var adamBeta1: Double
    public var adamBeta2 = 0.999
    public var adamEpsilon = 1e-8
    /// Added to the gradient as `weightDecay` · α, as torch.optim.Adam does.
    public var weightDecay: Double
    /// T = max(minimum, initial · decay^epoch), an epoch being `stepsPerEpoch` tells; fbnetv2 only.
    /// [FBNet: 5, 0.956]
    public var initialTemperature = 5.0
    public var temperatureDecay = 0.956
    public var minimumTemperature = 0.1
    public var stepsPerEpoch = 100

    public init(_ algorithm: MixtureAlgorithm) {
        self.algorithm = algorithm
        learningRate = algorithm == .darts ? 3e-4 : 0.01
        adamBeta1 = algorithm == .darts ? 0.5 : 0.9
        weightDecay = algorithm == .darts ? 1e-3 : 5e-4
    }

    public func check() throws(FPNASError) {
        try requireFinite(weightDecay, in: 0...1e3, "weight_decay")
        try requireFinite(initialTemperature, in: 1e-3...1e3, "initial_temperature")
        try requireFinite(temperatureDecay, in: 1e-3...1, "temperature_decay")
        try requireFinite(minimumTemperature, in: 1e-3...1e3, "minimum_temperature")
        guard (1...(Int.max >> 1)).contains(stepsPerEpoch) else {
            throw .invalid("steps_per_epoch must be at least 1, got \(stepsPerEpoch)")
        }
        try adam.check()
    }

    /// Adam's settings as a search has them.
    var adam: SearchOptions {
        var options = SearchOptions()
        options.learningRate = learningRate
        options.adamBeta1 = adamBeta1
        options.adamBeta2 = adamBeta2
        options.adamEpsilon = adamEpsilon
        return options
    }

    /// T of a step; 1 for darts.
    public func temperature(step: Int) -> Double {
        guard algorithm == .fbnetV2 else { return 1 }
        let epoch = Double(step / stepsPerEpoch)
        return max(
            minimumTemperature,
            initialTemperature * Elementary.exp(epoch * Elementary.log(temperatureDecay)))
    }
}
