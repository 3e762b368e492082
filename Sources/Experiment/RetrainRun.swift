import ArchitectureCost
import ArchitectureDistribution
import ImageData
import SearchSpace
import Supernet
import Support

/// How a found network is trained from scratch.
public struct RetrainOptions: Sendable, Equatable {
    public var seed: UInt64 = 0
    public var epochs = 100
    public var batchSize = 50
    /// 0 for as many as the machine has cores.
    public var threads = 0
    /// Rows and columns images are resized to; 0 for their own size, but at least 16.
    public var imageSize = 0
    public var maximumShift = 1
    /// Highest rate, reached after `training.rateWarmUp`; then it falls to 0 along a cosine.
    public var weightRate = 0.1
    public var momentum = 0.9
    public var weightDecay = 5e-4
    public var data = DataOptions()
    public var training = TrainingOptions(rateWarmUp: 0.1)

    public init() {}

    public func check() throws(FPNASError) {
        try require(epochs, in: 1...1_000_000, "epochs")
        try require(batchSize, in: 2...65536, "batch_size")
        try require(threads, in: 0...256, "threads")
        try require(imageSize, in: 0...4096, "image_size")
        try require(maximumShift, in: 0...256, "maximum_shift")
        try requireFinite(weightRate, in: 0...100, "weight_rate")
        try requireFinite(momentum, in: 0...0.9999, "momentum")
        try requireFinite(weightDecay, in: 0...1, "weight_decay")
        try data.check()
        try training.check()
    }

    var threadCount: Int { threads > 0 ? threads : min(Process.processorCount, 256) }
}

/// Trains one network from scratch on all training images, and measures it on the test images.
public final class RetrainRun {
    /// The space, adapted to the images.
    public let space: SearchSpace
    public let architecture: [Int32]
    public let network: Network
    public let pipeline: ImagePipeline
    public let options: RetrainOptions
    public let steps: Int
    public private(set) var step = 0
    /// Mean log-likelihood of the last training batch, nats per image.
    public private(set) var trainLogLikelihood = 0.0
    public private(set) var seconds = 0.0

    let supernet: Supernet
    /// Logits of a teacher for every image of the training set, and how they count.
    private var teacher: (logits: Buffer<Float>, weight: Double, temperature: Double)?
    private let batches: Batcher
    private let batch: ImageBatch
    private var order: (epoch: Int, images: [Int32]) = (-1, [])

    /// Opens a folder of images as the options say.
    public convenience init(
        folder: String, space: SearchSpace, architecture: [Int32], options: RetrainOptions
    ) throws(FPNASError) {
        try options.check()
        try self.init(
            data: try Dataset.load(
                folder: folder, options.data.loading(threads: options.threadCount)),
            space: space, architecture: architecture, options: options)
    }

    public init(
        data: Dataset, space: SearchSpace, architecture: [Int32], options: RetrainOptions
    ) throws(FPNASError) {
        try options.check()
        self.options = options
        pipeline = try ImagePipeline(
            data, imageSize: options.imageSize, maximumShift: options.maximumShift,
            options: options.data, parts: 1, seed: options.seed, threads: options.threadCount)
        self.space = try space.adapted(to: pipeline.shape, classes: pipeline.classes)
        self.architecture = architecture
        network = try self.space.network(architecture)
        batches = try Batcher(
            pipeline.trainIndices, batchSize: options.batchSize, seed: options.seed,
            lane: .retraining)
        batch = try ImageBatch(capacity: batches.batchSize, pipeline)
        steps = options.epochs * batches.batchesPerEpoch
        supernet = try Supernet(
            networks: [network], capacity: batches.batchSize, seed: options.seed,
            threads: options.threadCount, regularisation: options.training.regularisation)
        try supernet.smoothLabels(options.training.labelSmoothing)
        try supernet.join(pipeline.workers.crew)
    }

    public var isDone: Bool { step >= steps }

    /// Trains on some batches, or on those that are left, with one team. An error leaves all as after the
    /// last good batch.
    public func advance(_ count: Int = 1) throws(FPNASError) {
        guard count >= 1 else { throw .invalid("count must be >= 1, got \(count)") }
        guard !isDone else { throw FPNASError(.state, "the retraining is done: \(steps) steps") }
        try supernet.crew.work { _ throws(FPNASError) in
            for _ in 0..<min(count, steps - step) { try train() }
        }
    }

    private func train() throws(FPNASError) {
        let start = Process.seconds
        let epoch = step / batches.batchesPerEpoch
        if order.epoch != epoch { order = (epoch, batches.epoch(epoch)) }
        try batch.fill(
            pipeline, from: pipeline.train,
            batches.batch(step % batches.batchesPerEpoch, of: order.images), augmentation: step)
        supernet.beginStep()
        // What fails leaves no step open: the state can be saved.
        defer { supernet.abandonStep() }
        let result = try supernet.accumulate(
            network, images: batch.images, labels: batch.labels,
            loss: loss(of: batches.batch(step % batches.batchesPerEpoch, of: order.images)))
        try supernet.finishStep(
            options.training.stepOptions(
                rate: options.training.rate(highest: options.weightRate, step: step, of: steps),
                momentum: options.momentum, weightDecay: options.weightDecay))
        trainLogLikelihood = result.logLikelihood
        step += 1
        seconds += Process.seconds - start
    }

    private func loss(of indices: ArraySlice<Int32>) -> Loss {
        var loss = Loss(weights: batch.lossWeights(options.data))
        guard let teacher else { return loss }
        let classes = pipeline.classes
        loss.distillation = teacher.weight
        loss.temperature = teacher.temperature
        loss.teacher = indices.flatMap { index in
            (0..<classes).map { teacher.logits[Int(index) * classes + $0] }
        }
        return loss
    }

    /// From now on learns from a teacher's logits too: (1 − weight)·CE + weight·T²·KL at
    /// temperature T. One row for every image of the training set, in the order it was read in.
    public func distil(
        logits: Buffer<Float>, weight: Double, temperature: Double
    ) throws(FPNASError) {
        try requireFinite(weight, in: 0...1, "weight")
        try requireFinite(temperature, in: 0.01...1000, "temperature")
        let count = pipeline.train.count * pipeline.classes
        guard logits.count == count else {
            throw .invalid(
                "\(logits.count) logits for \(pipeline.train.count) images of "
                    + "\(pipeline.classes) classes, \(count) are needed")
        }
        for i in 0..<count where !logits[i].isFinite {
            throw .invalid(
                "logit \(i % pipeline.classes) of image \(i / pipeline.classes) is "
                    + "\(logits[i])")
        }
        teacher = (logits, weight, temperature)
    }

    /// The network's logits for every image of the training set, those it does not train on too,
    /// without augmentation, with re-estimated statistics.
    public func logits() throws(FPNASError) -> Buffer<Float> {
        try trained().predict(pipeline.train)
    }

    /// Puts the state that a checkpoint holds behind the images and the network.
    func save(to writer: inout ByteWriter) throws(FPNASError) {
        try supernet.save(to: &writer)
        writer.put(step)
        writer.put([trainLogLikelihood, seconds])
        writer.put(teacher != nil)
        guard let teacher else { return }
        writer.put([teacher.weight, teacher.temperature])
        unsafe writer.put(UnsafeBufferPointer(teacher.logits.elements))
    }

    func restore(from reader: inout ByteReader) throws(FPNASError) {
        try supernet.restore(from: &reader)
        step = try reader.takeInt(0...steps)
        let values = try reader.takeDoubles()
        guard values.count == 2 else { throw reader.damaged("the progress") }
        trainLogLikelihood = values[0]
        seconds = values[1]
        guard try reader.takeBool() else { return }
        let settings = try reader.takeDoubles()
        guard settings.count == 2 else { throw reader.damaged("the teacher") }
        let logits = try Buffer<Float>(
            try checkedProduct(pipeline.train.count, pipeline.classes, of: "the logits"),
            of: "the logits")
        unsafe try reader.fill(logits.elements)
        try distil(logits: logits, weight: settings[0], temperature: settings[1])
    }

    /// Accuracy in [0, 1] and mean log-likelihood on the test images, with normalisation
    /// statistics re-estimated on the training images.
    public func test() throws(FPNASError) -> (accuracy: Double, logLikelihood: Double) {
        try measuring { () throws(FPNASError) in try measure() }
    }

    /// Runs `body` with one team, and with the average of the weights where one is kept.
    func measuring<T>(_ body: () throws(FPNASError) -> T) throws(FPNASError) -> T {
        try supernet.crew.work { _ throws(FPNASError) in try supernet.withAverage(body) }
    }

    /// Of the weights as they are; training does not look at them.
    func estimateStatistics() throws(FPNASError) {
        try supernet.beginStatistics()
        for chunk in chunks(pipeline.trainIndices) {
            try batch.fill(pipeline, from: pipeline.train, chunk, augmentation: nil)
            try supernet.gatherStatistics(network, images: batch.images, count: batch.count)
        }
        try supernet.finishStatistics()
    }

    private func measure() throws(FPNASError) -> (accuracy: Double, logLikelihood: Double) {
        try estimateStatistics()
        var correct = 0
        var logLikelihood = 0.0
        for chunk in chunks(pipeline.testIndices) {
            try batch.fill(pipeline, from: pipeline.test, chunk, augmentation: nil)
            let result = try supernet.evaluate(
                network, images: batch.images, labels: batch.labels, statistics: .running)
            correct += result.correct
            logLikelihood += result.logLikelihood * Double(batch.count)
        }
        let count = Double(pipeline.testIndices.count)
        return (Double(correct) / count, logLikelihood / count)
    }

    private func chunks(_ indices: [Int32]) -> [ArraySlice<Int32>] {
        stride(from: 0, to: indices.count, by: batches.batchSize).map {
            indices[$0..<min($0 + batches.batchSize, indices.count)]
        }
    }
}
