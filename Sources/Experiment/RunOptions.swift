import Search
import Support

/// Everything that steers a built-in run: the search, and the training around it.
public struct RunOptions: Sendable, Equatable {
    public var algorithm = RunAlgorithm.search(.fpNAS)
    public var seed: UInt64 = 0
    /// Passes over the weights' part of the training images.
    public var epochs = 60
    public var batchSize = 32
    /// 0 for as many as the machine has cores.
    public var threads = 0
    /// Rows and columns images are resized to; 0 for their own size, but at least 16.
    public var imageSize = 0
    /// Images are shifted by up to so many pixels while weights are trained.
    public var maximumShift = 1

    // MARK: Search (see `SearchOptions`)
    public var samplesPerNat = 0.25
    public var sampleCount = 12
    public var minimumSamples = 2
    public var maximumSamples = 64
    public var likelihoodScale = 30.0
    public var baseline = Baseline.mean
    /// −1 for the algorithm's own: 0.1; darts 0.01, fbnetv2 0.05.
    public var learningRate = -1.0
    /// β of equation 7; 0 for no budget.
    public var costWeight = 1.0
    /// TAR in MACs; 0 for half of the uniform distribution's expectation.
    public var costTarget = 0.0
    /// Hard: no network of more than TAR is ever drawn; `costWeight` then only says that there is
    /// a budget. A mixture draws none: its cost term stays, and its result has at most TAR.
    public var budgetMode = SearchBudget.Mode.soft
    /// θ in epochs; −1 for 53 % of the run (80 of 150, as in the paper), 0 for joint from the
    /// start, as many as `epochs` or more for never.
    public var jointEpoch = -1
    /// Epochs at the start that train the weights only.
    public var warmUpEpochs = 10
    /// The same as a part of the run's steps, in [0, 1], in place of `warmUpEpochs`; −1 for those.
    public var warmUpShare = -1.0

    // MARK: Weights
    /// Highest rate; see `training.rateWarmUp`.
    public var weightRate = 0.1
    public var momentum = 0.9
    public var weightDecay = 1e-4
    /// The likelihoods' scale in the weights' step; −1 for `likelihoodScale`. 0 trains all drawn
    /// networks alike.
    public var weightLikelihoodScale = -1.0

    /// Whether every draw is run by itself, as papers count, be it equal to another or not: for
    /// comparisons of time.
    public var evaluatesEachDraw = false

    /// What evolution and reinforce alone take.
    public var strategy = StrategyOptions()

    // MARK: bignas
    /// Random networks a step, beside the biggest and the smallest.
    public var randomChildren = 2
    public var selection = SelectionOptions()
    /// Training batches that a child's normalisation statistics are estimated on.
    public var statisticsBatches = 16
    /// At most so many validation images for a child; 0 for all.
    public var selectionImages = 4096

    /// The part of the training images the weights learn from, the distribution learns from the
    /// others; 0 for the algorithm's own: 1/2, fbnetv2 0.8.
    public var weightsShare = 0.0

    public var mixture = MixtureSettings()
    public var data = DataOptions()
    public var training = TrainingOptions(rateWarmUp: 0)

    public init() {}

    /// The epoch after which the joint form is searched.
    public var resolvedJointEpoch: Int {
        jointEpoch >= 0 ? jointEpoch : max(1, (epochs * 53 + 50) / 100)
    }

    /// The steps that train the weights only, of a run of so many steps an epoch.
    func warmUpSteps(stepsPerEpoch: Int) -> Int {
        guard warmUpShare >= 0 else { return warmUpEpochs * stepsPerEpoch }
        // In range: a share of at most 1 of the steps.
        return Int(Double(epochs * stepsPerEpoch) * warmUpShare)
    }

    var resolvedWeightLikelihoodScale: Double {
        weightLikelihoodScale >= 0 ? weightLikelihoodScale : likelihoodScale
    }

    /// The rate of the weights at a step.
    func weightRate(step: Int, of steps: Int) -> Double {
        training.rate(
            highest: weightRate, step: step, of: steps,
            algorithm == .bigNAS ? .exponential : .cosine)
    }

    /// The search's options for a run of so many steps an epoch.
    func searchOptions(
        _ algorithm: Algorithm, stepsPerEpoch: Int, costTarget: Double
    ) throws(FPNASError) -> SearchOptions {
        var options = SearchOptions()
        options.algorithm = algorithm
        options.seed = seed
        options.samplesPerNat = samplesPerNat
        options.sampleCount = sampleCount
        options.minimumSamples = minimumSamples
        options.maximumSamples = maximumSamples
        options.likelihoodScale = likelihoodScale
        options.baseline = baseline
        options.learningRate = resolvedLearningRate
        options.costWeight = budgetMode == .soft ? costWeight : 0
        options.costTarget = costTarget
        options.jointStep =
            resolvedJointEpoch >= epochs ? -1 : resolvedJointEpoch * stepsPerEpoch
        options.warmUpSteps = warmUpSteps(stepsPerEpoch: stepsPerEpoch)
        options.maximumSteps = epochs * stepsPerEpoch
        strategy.put(into: &options)
        // MnasNet's reward where a soft budget has a target.
        if algorithm == .reinforce && options.costWeight > 0 { options.reward = .product }
        try options.check()
        return options
    }

    public func check() throws(FPNASError) {
        try require(epochs, in: 1...1_000_000, "epochs")
        try require(batchSize, in: 2...65536, "batch_size")
        try require(threads, in: 0...256, "threads")
        try require(imageSize, in: 0...4096, "image_size")
        try require(maximumShift, in: 0...256, "maximum_shift")
        try require(jointEpoch, in: -1...1_000_000, "joint_epoch")
        try require(warmUpEpochs, in: 0...1_000_000, "warm_up_epochs")
        try requireFinite(weightRate, in: 0...100, "weight_rate")
        try requireFinite(momentum, in: 0...0.9999, "momentum")
        try requireFinite(weightDecay, in: 0...1, "weight_decay")
        try require(weightLikelihoodScale, in: 0...1e12, or: -1, "weight_likelihood_scale")
        try require(warmUpShare, in: 0...1, or: -1, "warm_up_share")
        try requireFinite(costTarget, in: 0...1e18, "cost_target")
        try require(randomChildren, in: 0...64, "random_children")
        try selection.check()
        try require(statisticsBatches, in: 1...65536, "statistics_batches")
        try require(selectionImages, in: 0...1_000_000_000, "selection_images")
        try require(learningRate, in: 0...1e3, or: -1, "learning_rate")
        try require(weightsShare, in: 0.1...0.9, or: 0, "weights_share")
        guard !evaluatesEachDraw || algorithm.search != nil else {
            throw .invalid(
                "evaluate_each_draw is for algorithms that draw networks, not for '\(algorithm.name)'"
            )
        }
        try data.check()
        try training.check()
        try checkMixture()
        // The rest is checked with the options of the search.
        _ = try searchOptions(
            algorithm.search ?? .fpNAS, stepsPerEpoch: 1, costTarget: max(costTarget, 1))
    }
}

func require(_ value: Int, in range: ClosedRange<Int>, _ name: String) throws(FPNASError) {
    guard range.contains(value) else {
        throw .invalid(
            "\(name) must be in [\(range.lowerBound), \(range.upperBound)], got \(value)")
    }
}

private func require(
    _ value: Double, in range: ClosedRange<Double>, or other: Double, _ name: String
) throws(FPNASError) {
    guard value == other || range.contains(value) else {
        throw .invalid(
            "\(name) must be \(other) or in [\(range.lowerBound), \(range.upperBound)], "
                + "got \(value)")
    }
}

extension RunOptions {
    func encode(into writer: inout ByteWriter) {
        writer.put(algorithm.rawValue)
        writer.put(baseline.rawValue)
        writer.put(seed)
        for value in [
            epochs, batchSize, threads, imageSize, maximumShift, sampleCount, minimumSamples,
            maximumSamples, jointEpoch, warmUpEpochs,
        ] { writer.put(value) }
        writer.put([
            samplesPerNat, likelihoodScale, learningRate, costWeight, costTarget, weightRate,
            momentum, weightDecay, weightLikelihoodScale, warmUpShare, weightsShare,
        ])
        writer.put(budgetMode.rawValue)
        writer.put(evaluatesEachDraw)
        for value in [
            randomChildren, selection.coarseChildren, selection.mutations, statisticsBatches,
            selectionImages,
        ] { writer.put(value) }
        mixture.encode(into: &writer)
        strategy.encode(into: &writer)
        data.encode(into: &writer)
        training.encode(into: &writer)
    }

    init(from reader: inout ByteReader) throws(FPNASError) {
        self.init()
        guard let algorithm = RunAlgorithm(rawValue: try reader.take(Int32.self)),
            let baseline = Baseline(rawValue: try reader.take(Int32.self))
        else { throw reader.damaged("unknown algorithm or baseline") }
        self.algorithm = algorithm
        self.baseline = baseline
        seed = try reader.take(UInt64.self)
        epochs = try reader.takeInt()
        batchSize = try reader.takeInt()
        threads = try reader.takeInt()
        imageSize = try reader.takeInt()
        maximumShift = try reader.takeInt()
        sampleCount = try reader.takeInt()
        minimumSamples = try reader.takeInt()
        maximumSamples = try reader.takeInt()
        jointEpoch = try reader.takeInt()
        warmUpEpochs = try reader.takeInt()
        let values = try reader.takeDoubles()
        guard values.count == 11 else { throw reader.damaged("the options") }
        samplesPerNat = values[0]
        likelihoodScale = values[1]
        learningRate = values[2]
        costWeight = values[3]
        costTarget = values[4]
        weightRate = values[5]
        momentum = values[6]
        weightDecay = values[7]
        weightLikelihoodScale = values[8]
        warmUpShare = values[9]
        weightsShare = values[10]
        guard let mode = SearchBudget.Mode(rawValue: try reader.take(Int32.self)) else {
            throw reader.damaged("unknown mode of the budget")
        }
        budgetMode = mode
        evaluatesEachDraw = try reader.takeBool()
        randomChildren = try reader.takeInt()
        selection.coarseChildren = try reader.takeInt()
        selection.mutations = try reader.takeInt()
        statisticsBatches = try reader.takeInt()
        selectionImages = try reader.takeInt()
        mixture = try MixtureSettings(from: &reader)
        strategy = try StrategyOptions(from: &reader)
        data = try DataOptions(from: &reader)
        training = try TrainingOptions(from: &reader)
        try check()
    }
}
