import Search
import Support

/// What steers a run of a mixture besides the rates.
public struct MixtureSettings: Sendable, Equatable {
    /// DARTS's ∇_α L_val(w − ξ∇_w L_train) in place of ∇_α L_val(w), ξ being the weights' rate.
    public var isSecondOrder = false
    /// T = max(0.1, initial · decay^epoch) of fbnetv2. [FBNet: 5, 0.956]
    public var initialTemperature = 5.0
    public var temperatureDecay = 0.956

    public init() {}

    func encode(into writer: inout ByteWriter) {
        writer.put(isSecondOrder)
        writer.put([initialTemperature, temperatureDecay])
    }

    init(from reader: inout ByteReader) throws(FPNASError) {
        isSecondOrder = try reader.takeBool()
        let values = try reader.takeDoubles()
        guard values.count == 2 else { throw reader.damaged("the options of the mixture") }
        initialTemperature = values[0]
        temperatureDecay = values[1]
    }
}

extension RunOptions {
    /// Adam's rate on the logits: the algorithm's own unless one is given.
    var resolvedLearningRate: Double {
        guard learningRate < 0 else { return learningRate }
        switch algorithm {
        case .search, .bigNAS: return 0.1
        case .mixture(.darts): return 0.01
        case .mixture(.fbnetV2): return 0.05
        }
    }

    /// The part of the training images the weights learn from.
    var resolvedWeightsShare: Double {
        guard weightsShare == 0 else { return weightsShare }
        return algorithm == .mixture(.fbnetV2) ? 0.8 : 0.5
    }

    func mixtureOptions(_ algorithm: MixtureAlgorithm, stepsPerEpoch: Int) -> MixtureOptions {
        var options = MixtureOptions(algorithm)
        options.seed = seed
        options.learningRate = resolvedLearningRate
        options.initialTemperature = mixture.initialTemperature
        options.temperatureDecay = mixture.temperatureDecay
        options.stepsPerEpoch = stepsPerEpoch
        return options
    }

    /// Refuses what means nothing to a mixture, or is not in its network.
    func checkMixture() throws(FPNASError) {
        guard case .mixture(let algorithm) = algorithm else {
            guard !mixture.isSecondOrder else {
                throw .invalid("second_order is for darts, not for \(self.algorithm.name)")
            }
            return
        }
        try mixtureOptions(algorithm, stepsPerEpoch: 1).check()
        func refuse(_ isSet: Bool, _ option: String, _ why: String) throws(FPNASError) {
            guard isSet else { return }
            throw .invalid("\(option) is not for \(algorithm.name): \(why)")
        }
        try refuse(
            training.stochasticDepth > 0, "stochastic_depth",
            "its shortcuts are terms of a mixture")
        try refuse(
            mixture.isSecondOrder && algorithm == .fbnetV2, "second_order",
            "its authors take the first order")
        try refuse(
            mixture.isSecondOrder && training.weightAveraging > 0, "second_order",
            "it unrolls the weights, not their average (weight_averaging)")
    }
}
