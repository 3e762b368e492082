import CFPNAS
import Experiment
import Supernet
import Support

/// The fields that the options of a run and of a retraining share: images, and training of weights.
protocol SharedOptions {
    var training_images: Int64 { get set }
    var test_share: Double { get set }
    var class_balance: Double { get set }
    var cutout: Int64 { get set }
    var image_memory: Int64 { get set }
    var flip: Int32 { get set }
    var resize_unequal: Int32 { get set }
    var check_files: Int32 { get set }
    var optimiser: Int32 { get set }
    var zero_last_gamma: Int32 { get set }
    var rate_warm_up: Double { get set }
    var label_smoothing: Double { get set }
    var dropout: Double { get set }
    var stochastic_depth: Double { get set }
    var weight_averaging: Double { get set }
}

extension fpnas_run_options: SharedOptions {}
extension fpnas_retrain_options: SharedOptions {}

extension DataOptions {
    init(_ c: some SharedOptions) throws(FPNASError) {
        self.init()
        trainingImages = Int(c.training_images)
        testShare = c.test_share
        classBalance = c.class_balance
        cutout = Int(c.cutout)
        imageMemory = Int(c.image_memory)
        flips = try flag(c.flip, "flip")
        resizesUnequal = try flag(c.resize_unequal, "resize_unequal")
        checksFiles = try flag(c.check_files, "check_files")
    }

    func put(into c: inout some SharedOptions) {
        c.training_images = Int64(trainingImages)
        c.test_share = testShare
        c.class_balance = classBalance
        c.cutout = Int64(cutout)
        c.image_memory = Int64(imageMemory)
        c.flip = flips ? 1 : 0
        c.resize_unequal = resizesUnequal ? 1 : 0
        c.check_files = checksFiles ? 1 : 0
    }
}

extension TrainingOptions {
    init(_ c: some SharedOptions) throws(FPNASError) {
        self.init(rateWarmUp: c.rate_warm_up)
        guard let optimiser = Optimiser(rawValue: c.optimiser) else {
            throw .invalid("optimiser must be in [0, 2], got \(c.optimiser)")
        }
        self.optimiser = optimiser
        zeroesLastGamma = try flag(c.zero_last_gamma, "zero_last_gamma")
        labelSmoothing = c.label_smoothing
        dropout = c.dropout
        stochasticDepth = c.stochastic_depth
        weightAveraging = c.weight_averaging
    }

    func put(into c: inout some SharedOptions) {
        c.optimiser = optimiser.rawValue
        c.zero_last_gamma = zeroesLastGamma ? 1 : 0
        c.rate_warm_up = rateWarmUp
        c.label_smoothing = labelSmoothing
        c.dropout = dropout
        c.stochastic_depth = stochasticDepth
        c.weight_averaging = weightAveraging
    }
}
