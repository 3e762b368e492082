import ArchitectureCost
import ArchitectureDistribution
import Formats
import ImageData
import Search
import SearchSpace
import Supernet
import Support

/// The whole embedded search: images, supernet and distribution, one step at a time.
///
///     ask → for every drawn network: likelihood on a training batch and its weighted gradient
///         → the weights move → for every network: likelihood on a validation batch
///         → tell → the distribution moves
///
/// Weights learn from one half of the training images, the distribution from the other.
public final class SearchRun {
    public let options: RunOptions
    public let pipeline: ImagePipeline
    public let space: SearchSpace
    /// Exact MACs over the space.
    public let costs: CostChain
    public internal(set) var search: Search
    let supernet: Supernet
    /// The progress at the end of every finished epoch.
    public internal(set) var history: [RunProgress] = []
    public internal(set) var progress = RunProgress()
    /// The network of the highest validation likelihood within the budget: the result where the
    /// distribution does not learn.
    var bestWithinBudget: (architecture: [Int32], logLikelihood: Double) = ([], -.infinity)

    private let weightsBatches: Batcher
    private let architectureBatches: Batcher
    private let trainBatch: ImageBatch
    private let validationBatch: ImageBatch
    private let stepsPerEpoch: Int
    private var order: (epoch: Int, train: [Int32], validation: [Int32]) = (-1, [], [])
    var sums = EpochSums()

    /// Opens a folder of images as the options say.
    public convenience init(
        folder: String, space: SearchSpace? = nil, options: RunOptions
    ) throws(FPNASError) {
        try options.check()
        try self.init(
            data: try Dataset.load(
                folder: folder, options.data.loading(threads: options.threadCount)),
            space: space, options: options)
    }

    /// `space` nil takes the preset mbconv-small; a given one is adapted to the images.
    public init(
        data: Dataset, space given: SearchSpace? = nil, options: RunOptions
    ) throws(FPNASError) {
        try options.check()
        self.options = options
        pipeline = try ImagePipeline(
            data, imageSize: options.imageSize, maximumShift: options.maximumShift,
            options: options.data, parts: 2, seed: options.seed, threads: options.threadCount)
        if let given {
            space = try given.adapted(to: pipeline.shape, classes: pipeline.classes)
        } else {
            space = try Preset.mbconvSmall.space(input: pipeline.shape, classes: pipeline.classes)
        }
        costs = try CostTable(space).chain(of: .macs)
        let halves = try DataSplit.stratified(
            pipeline.trainIndices, of: pipeline.train, share: 0.5, seed: options.seed, salt: 1)
        weightsBatches = try Batcher(
            halves.first, batchSize: options.batchSize, seed: options.seed, lane: .weights)
        architectureBatches = try Batcher(
            halves.second, batchSize: options.batchSize, seed: options.seed, lane: .architecture)
        stepsPerEpoch = min(weightsBatches.batchesPerEpoch, architectureBatches.batchesPerEpoch)
        let capacity = max(weightsBatches.batchSize, architectureBatches.batchSize)
        trainBatch = try ImageBatch(capacity: capacity, pipeline)
        validationBatch = try ImageBatch(capacity: capacity, pipeline)
        supernet = try Supernet(
            space: space, capacity: capacity, seed: options.seed, threads: options.threadCount,
            regularisation: options.training.regularisation)
        try supernet.smoothLabels(options.training.labelSmoothing)
        var target = options.costTarget
        if target == 0 && options.costWeight > 0 {
            let uniform = try ArchitectureDistribution(space: space, form: .factorised)
            target = try costs.expectation(under: uniform) / 2
        }
        if options.costWeight > 0 {
            let least = costs.range.lowerBound
            guard Double(least) <= target else {
                throw FPNASError(
                    .infeasible, "cost_target is \(target) MACs, the least network has \(least)")
            }
        }
        search = try Search(
            space: space,
            options: try options.searchOptions(stepsPerEpoch: stepsPerEpoch, costTarget: target))
        if options.costWeight > 0, options.budgetMode == .hard {
            // In range: targets are at most 1e18.
            try search.add(try SearchBudget(.hard, costs, most: Int(target)))
        }
        try refreshProgress()
    }

    public var isDone: Bool { progress.step >= progress.steps }

    // MARK: - One step

    /// One step of the search; at an epoch's end the history grows by a row.
    ///
    /// An error (a loss that is no number, say) leaves the distribution as it was; one that names
    /// an image leaves all as it was, so that the run can be saved, or go on when the file is back.
    public func step() throws(FPNASError) {
        guard !isDone else { throw FPNASError(.state, "the run is done: \(progress.steps) steps") }
        let start = Process.seconds
        let step = progress.step
        try fillBatches(step)
        let ask = try search.ask()
        do throws(FPNASError) {
            try trainAndTell(ask, step)
        } catch {
            supernet.abandonStep()
            try search.close(ask.number)
            throw error
        }
        progress.step += 1
        progress.seconds += Process.seconds - start
        if progress.step % stepsPerEpoch == 0 {
            try refreshProgress()
            history.append(progress)
            sums = EpochSums()
        } else {
            refreshCounters()
        }
    }

    private func trainAndTell(_ ask: Ask, _ step: Int) throws(FPNASError) {
        var networks: [Network] = []
        for architecture in ask.architectures { networks.append(try space.network(architecture)) }
        supernet.beginStep()
        let samples = zip(networks, ask.multiplicities).map { Sample($0, multiplicity: $1) }
        let before = supernet.blockCounts
        let trained = try named(ask, step) { () throws(FPNASError) in
            try supernet.accumulate(
                samples, images: trainBatch.images, labels: trainBatch.labels,
                likelihoodScale: options.likelihoodScale,
                loss: Loss(weights: trainBatch.lossWeights(options.data)))
        }
        for (result, multiplicity) in zip(trained, ask.multiplicities) {
            sums.add(training: result.logLikelihood, multiplicity)
        }
        progress.blockEvaluations += supernet.blockCounts.evaluated - before.evaluated
        progress.blocksDrawn += supernet.blockCounts.drawn - before.drawn
        try supernet.finishStep(
            options.training.stepOptions(
                rate: options.training.rate(
                    highest: options.weightRate, step: step, of: progress.steps),
                momentum: options.momentum, weightDecay: options.weightDecay))
        var logLikelihoods: [Double] = []
        let validated = try named(ask, step) { () throws(FPNASError) in
            try supernet.withAverage { () throws(FPNASError) in
                try supernet.evaluate(
                    networks, images: validationBatch.images, labels: validationBatch.labels,
                    weights: validationBatch.lossWeights(options.data))
            }
        }
        for (result, multiplicity) in zip(validated, ask.multiplicities) {
            logLikelihoods.append(result.logLikelihood)
            sums.add(
                validation: result.logLikelihood,
                accuracy: Double(result.correct) / Double(validationBatch.count), multiplicity)
        }
        try search.tell(ask.number, logLikelihoods: logLikelihoods)
        for (i, value) in logLikelihoods.enumerated()
        where value > bestWithinBudget.logLikelihood && networks[i].cost().macs <= budget {
            bestWithinBudget = (ask.architectures[i], value)
        }
    }

    /// Names step and architecture where a loss is no number.
    private func named<T>(
        _ ask: Ask, _ step: Int, _ body: () throws(FPNASError) -> T
    ) throws(FPNASError) -> T {
        do throws(FPNASError) { return try body() } catch {
            guard error.code == .state, let k = supernet.failedNetwork,
                ask.architectures.indices.contains(k)
            else { throw error }
            throw FPNASError(
                .state, "step \(step), architecture \(ask.architectures[k]): \(error.message)")
        }
    }

    /// Measures where the time of the steps goes, from now on.
    public func startProfile() { supernet.profile = Profile() }
    public var profile: Profile? { supernet.profile }

    private func fillBatches(_ step: Int) throws(FPNASError) {
        let epoch = step / stepsPerEpoch
        if order.epoch != epoch {
            order = (epoch, weightsBatches.epoch(epoch), architectureBatches.epoch(epoch))
        }
        let number = step % stepsPerEpoch
        try trainBatch.fill(
            pipeline, from: pipeline.train, weightsBatches.batch(number, of: order.train),
            augmentation: step)
        try validationBatch.fill(
            pipeline, from: pipeline.train,
            architectureBatches.batch(number, of: order.validation), augmentation: nil)
    }

    // MARK: - Result

    /// The most MACs a result may have: 1.02 · TAR, of a hard budget TAR; unlimited without.
    public var budget: Int {
        guard options.costWeight > 0 else { return .max }
        let target = search.options.costTarget
        // In range: targets are at most 1e18.
        return Int(options.budgetMode == .hard ? target : target * 1.02)
    }

    /// The plain mode of the distribution.
    public func mode() throws(FPNASError) -> RankedArchitecture { try search.distribution.mode() }

    /// The result: the most probable network within the budget; of random search and evolution, the
    /// network of the highest validation likelihood within it.
    public func result() throws(FPNASError) -> RankedArchitecture {
        if !options.algorithm.movesDistribution && !bestWithinBudget.architecture.isEmpty {
            let architecture = bestWithinBudget.architecture
            return RankedArchitecture(
                architecture: architecture,
                logProbability: try search.distribution.canonicalLogProbability(architecture))
        }
        guard budget < .max else { return try mode() }
        return try costs.mostProbable(under: search.distribution, within: budget).best
    }

    // MARK: - Progress

    func refreshCounters() {
        let search = search.progress
        progress.epochs = options.epochs
        progress.steps = options.epochs * stepsPerEpoch
        progress.epoch = progress.step / stepsPerEpoch
        progress.sampleCount = search.sampleCount
        progress.samplesDrawn = search.samplesDrawn
        progress.evaluations = search.evaluations
        progress.initialEntropy = search.initialEntropy
        progress.entropy = search.entropy
        progress.effectiveSamples = search.effectiveSamples
        progress.skipProbability = search.skipProbability
        progress.isJoint = search.form == .joint
        progress.stopReason = search.stopReason
        progress.costTarget = self.search.options.costTarget
        sums.write(to: &progress)
        if progress.step > 0 {
            // K falls with the entropy, so the future is at most as slow as the past.
            let left = Double(progress.steps - progress.step)
            progress.secondsLeft = progress.seconds / Double(progress.step) * left
        }
    }

    func refreshProgress() throws(FPNASError) {
        refreshCounters()
        progress.expectedMACs = try costs.expectation(under: search.distribution)
    }
}

/// Means over an epoch's samples.
struct EpochSums {
    var trainCount = 0.0
    var train = 0.0
    var validationCount = 0.0
    var validation = 0.0
    var accuracy = 0.0

    mutating func add(training logLikelihood: Double, _ multiplicity: Int) {
        train += logLikelihood * Double(multiplicity)
        trainCount += Double(multiplicity)
    }

    mutating func add(validation logLikelihood: Double, accuracy: Double, _ multiplicity: Int) {
        validation += logLikelihood * Double(multiplicity)
        self.accuracy += accuracy * Double(multiplicity)
        validationCount += Double(multiplicity)
    }

    func write(to progress: inout RunProgress) {
        guard trainCount > 0, validationCount > 0 else { return }
        progress.trainLogLikelihood = train / trainCount
        progress.validationLogLikelihood = validation / validationCount
        progress.validationAccuracy = accuracy / validationCount
    }
}

extension RunOptions {
    /// The threads a run really uses.
    var threadCount: Int { threads > 0 ? threads : min(Process.processorCount, 256) }
}
