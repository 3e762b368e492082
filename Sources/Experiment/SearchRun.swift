import ArchitectureCost
import ArchitectureDistribution
import Formats
import ImageData
import Search
import SearchSpace
import Supernet
import Support

/// The whole embedded search: images, weights and distribution, one step at a time.
///
/// What a step does is the algorithm's `RunMethod`; data, schedule, progress and checkpoints are
/// the same for all. Weights learn from one part of the training images, the distribution from the
/// other.
public final class SearchRun {
    public let pipeline: ImagePipeline
    private let setup: RunSetup
    let method: any RunMethod
    let meter: ChildMeter
    /// The progress at the end of every finished epoch.
    public internal(set) var history: [RunProgress] = []
    public internal(set) var progress = RunProgress()

    private let weightsBatches: Batcher
    private let architectureBatches: Batcher
    private let trainBatch: ImageBatch
    private let validationBatch: ImageBatch
    private var order: (epoch: Int, train: [Int32], validation: [Int32]) = (-1, [], [])
    var sums = EpochSums()

    public var options: RunOptions { setup.options }
    public var space: SearchSpace { setup.space }
    /// Exact MACs over the space.
    public var costs: CostChain { setup.costs }
    /// TAR in MACs; where no cost is weighed, what the options say.
    public var costTarget: Double { setup.costTarget }
    public var distribution: ArchitectureDistribution { method.distribution }
    /// The search of an algorithm that asks and tells; nil of others.
    public var search: Search? { (method as? AskTellMethod)?.search }

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
        pipeline = try ImagePipeline(
            data, imageSize: options.imageSize, maximumShift: options.maximumShift,
            options: options.data, parts: 2, seed: options.seed, threads: options.threadCount)
        let space: SearchSpace
        if let given {
            space = try given.adapted(to: pipeline.shape, classes: pipeline.classes)
        } else {
            space = try Preset.mbconvSmall.space(input: pipeline.shape, classes: pipeline.classes)
        }
        let halves = try DataSplit.stratified(
            pipeline.trainIndices, of: pipeline.train, share: options.resolvedWeightsShare,
            seed: options.seed, salt: 1)
        weightsBatches = try Batcher(
            halves.first, batchSize: options.batchSize, seed: options.seed, lane: .weights)
        architectureBatches = try Batcher(
            halves.second, batchSize: options.batchSize, seed: options.seed, lane: .architecture)
        // Equal parts may differ by a batch; of others the weights' makes the epoch.
        var stepsPerEpoch = weightsBatches.batchesPerEpoch
        if options.resolvedWeightsShare == 0.5 {
            stepsPerEpoch = min(stepsPerEpoch, architectureBatches.batchesPerEpoch)
        }
        setup = try RunSetup(
            options, space, stepsPerEpoch: stepsPerEpoch,
            capacity: max(weightsBatches.batchSize, architectureBatches.batchSize))
        trainBatch = try ImageBatch(capacity: setup.capacity, pipeline)
        validationBatch = try ImageBatch(capacity: setup.capacity, pipeline)
        meter = ChildMeter(
            pipeline, training: weightsBatches.epoch(0), validation: architectureBatches.epoch(0),
            batchSize: setup.capacity, options: options)
        method = try setup.method(meter)
        try method.supernet.join(pipeline.workers.crew)
        try refreshProgress()
    }

    public var isDone: Bool { progress.step >= progress.steps }
    var trainingSteps: Int { options.epochs * setup.stepsPerEpoch }

    // MARK: - One step

    /// One step of the search; at an epoch's end the history grows by a row.
    ///
    /// An error (a loss that is no number, say) leaves the distribution as it was; one that names
    /// an image leaves all as it was, so that the run can be saved, or go on when the file is back.
    public func step() throws(FPNASError) {
        guard !isDone else { throw FPNASError(.state, "the run is done: \(progress.steps) steps") }
        try pipeline.workers.crew.work { _ throws(FPNASError) in try advance() }
    }

    private func advance() throws(FPNASError) {
        let start = Process.seconds
        let step = progress.step
        guard step < trainingSteps else {
            try method.closingStep()
            progress.step += 1
            progress.seconds += Process.seconds - start
            return refreshCounters()
        }
        let learns = try fillBatches(step)
        let turn = RunTurn(
            step: step, train: trainBatch, validation: validationBatch, learns: learns,
            weights: options.training.stepOptions(
                rate: options.weightRate(step: step, of: trainingSteps),
                momentum: options.momentum, weightDecay: options.weightDecay))
        try method.step(turn, &progress, &sums)
        progress.step += 1
        progress.seconds += Process.seconds - start
        if progress.step % setup.stepsPerEpoch == 0 {
            try refreshProgress()
            history.append(progress)
            sums = EpochSums()
        } else {
            refreshCounters()
        }
    }

    /// Measures where the time of the steps goes, from now on.
    public func startProfile() { method.supernet.profile = Profile() }
    public var profile: Profile? { method.supernet.profile }

    /// Fills the batches of a step; returns whether that for the distribution is one.
    private func fillBatches(_ step: Int) throws(FPNASError) -> Bool {
        let epoch = step / setup.stepsPerEpoch
        if order.epoch != epoch {
            order = (epoch, weightsBatches.epoch(epoch), architectureBatches.epoch(epoch))
        }
        let number = step % setup.stepsPerEpoch
        try trainBatch.fill(
            pipeline, from: pipeline.train, weightsBatches.batch(number, of: order.train),
            augmentation: step)
        guard let other = validationBatch(ofStep: number) else { return false }
        try validationBatch.fill(
            pipeline, from: pipeline.train,
            architectureBatches.batch(other, of: order.validation), augmentation: nil)
        return true
    }

    /// The distribution's batch of a step of an epoch. A mixture goes through its images once an
    /// epoch, in steps at even distances; others, which need a batch at every step, begin anew.
    private func validationBatch(ofStep number: Int) -> Int? {
        let (steps, batches) = (setup.stepsPerEpoch, architectureBatches.batchesPerEpoch)
        guard batches < steps else { return number }
        guard case .mixture = options.algorithm else { return number % batches }
        let next = (number + 1) * batches / steps
        return next > number * batches / steps ? next - 1 : nil
    }

    // MARK: - Result

    /// The most MACs a result may have: 1.02 · TAR, of a hard budget TAR; unlimited without.
    public var budget: Int { setup.budget }

    /// The plain mode of the distribution.
    public func mode() throws(FPNASError) -> RankedArchitecture { try distribution.mode() }

    /// The network the run has found, within the budget.
    public func result() throws(FPNASError) -> RankedArchitecture {
        try method.result()
    }

    // MARK: - Progress

    func refreshCounters() {
        method.write(to: &progress)
        progress.epochs = options.epochs
        progress.steps = trainingSteps + method.closingSteps
        progress.epoch = min(progress.step / setup.stepsPerEpoch, options.epochs)
        progress.costTarget = costTarget
        sums.write(to: &progress)
        // K falls with the entropy, so the future is at most as slow as the past. Closing steps
        // are of another kind, and are estimated when there are some.
        let done = history.last.map { progress.step > trainingSteps ? $0 : RunProgress() }
        let steps = progress.step - (done?.step ?? 0)
        guard steps > 0 else { return }
        let left = (progress.step > trainingSteps ? progress.steps : trainingSteps) - progress.step
        progress.secondsLeft =
            (progress.seconds - (done?.seconds ?? 0)) / Double(steps) * Double(left)
    }

    func refreshProgress() throws(FPNASError) {
        refreshCounters()
        progress.expectedMACs = try costs.expectation(under: distribution)
    }
}

extension RunOptions {
    /// The threads a run really uses.
    var threadCount: Int { threads > 0 ? threads : min(Process.processorCount, 256) }
}
