import ArgumentParser
import Experiment
import Supernet

extension Optimiser: ExpressibleByArgument {
    public init?(argument: String) { self.init(name: argument) }
    public static var allValueStrings: [String] { allCases.map(\.name) }
}

/// The options of training weights that search and retrain share.
struct TrainingFlags: ParsableArguments {
    @Option(help: "How the weights move.") var optimiser = Optimiser.sgd
    @Option(help: "Momentum; of adam, its first coefficient.") var momentum = RunOptions().momentum
    @Option(help: "Part of the run in which the rate rises; by default 0, when retraining 0.1.")
    var rateWarmUp: Double?
    @Option(help: "Smoothing of the labels, in [0, 0.9].") var labelSmoothing = 0.0
    @Option(help: "Dropout of the classifier's inputs.") var dropout = 0.0
    @Option(help: "Probability of leaving the last residual block out.") var stochasticDepth = 0.0
    @Option(help: "Decay of the average of the weights that is tested; 0 for none.")
    var weightAveraging = 0.0
    @Flag(help: "Residual blocks begin as nothing.") var zeroLastGamma = false

    func options(rateWarmUp usual: Double) -> TrainingOptions {
        var options = TrainingOptions(rateWarmUp: rateWarmUp ?? usual)
        options.optimiser = optimiser
        options.labelSmoothing = labelSmoothing
        options.dropout = dropout
        options.stochasticDepth = stochasticDepth
        options.weightAveraging = weightAveraging
        options.zeroesLastGamma = zeroLastGamma
        return options
    }
}
