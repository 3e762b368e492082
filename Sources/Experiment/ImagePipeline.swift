import ImageData
import SearchSpace
import Support

/// The images of a run, at the size the networks see.
public struct ImagePipeline {
    public let train: ImageSet
    public let test: ImageSet
    /// Indices into `train` that may be trained on, and into `test` for the last measurement.
    public let trainIndices: [Int32]
    public let testIndices: [Int32]
    /// The loss weight of every class; all 1 without balancing.
    public let classWeights: [Double]
    let preprocessor: Preprocessor
    let workers: ImageWorkers

    static let smallestSize = 16

    /// A data set without a test part gives up a stratified share of its images for it; the limit
    /// on training images counts what is left.
    ///
    /// `parts` is how many parts the training images will be split into: every class must have an
    /// image for each, and one for the test where it is set aside.
    public init(
        _ data: Dataset, imageSize: Int, maximumShift: Int, options: DataOptions, parts: Int,
        seed: UInt64, threads: Int
    ) throws(FPNASError) {
        train = data.train
        test = data.test ?? data.train
        let all = (0..<Int32(train.count)).map { $0 }
        try ImagePipeline.requireImages(of: train, parts, setsTestAside: data.test == nil)
        var usable = all
        if let test = data.test {
            testIndices = (0..<Int32(test.count)).map { $0 }
        } else {
            let halves = try DataSplit.stratified(
                all, of: train, share: 1 - options.testShare, least: parts, seed: seed, salt: 0)
            usable = halves.first
            testIndices = halves.second
        }
        if options.trainingImages > 0 {
            usable = try DataSplit.subset(
                usable, of: train, count: options.trainingImages, least: parts, seed: seed, salt: 2)
        }
        trainIndices = usable
        var counts = [Int](repeating: 0, count: train.classes)
        for index in usable { counts[Int(train.labels[Int(index)])] += 1 }
        classWeights = ClassWeights.weights(counts: counts, balance: options.classBalance)
        var size = (height: imageSize, width: imageSize)
        if imageSize == 0 {
            guard train.hasOneSize else {
                throw .invalid("image_size must be given where images are of unequal size, got 0")
            }
            size.height = max(train.height, ImagePipeline.smallestSize)
            size.width = max(train.width, ImagePipeline.smallestSize)
        }
        workers = ImageWorkers(threads: threads)
        preprocessor = try Preprocessor(
            height: size.height, width: size.width, measuring: train, trainIndices,
            augmentation: options.augmentation(maximumShift: maximumShift), seed: seed,
            workers: workers)
    }

    private static func requireImages(
        of set: ImageSet, _ parts: Int, setsTestAside: Bool
    ) throws(FPNASError) {
        var counts = [Int](repeating: 0, count: set.classes)
        for label in set.labels { counts[Int(label)] += 1 }
        let least = parts + (setsTestAside ? 1 : 0)
        guard let label = counts.firstIndex(where: { $0 < least }) else { return }
        throw .invalid(
            "class '\(set.classNames[label])' has \(counts[label]) images, at least \(least) are "
                + "needed: one for "
                + (parts == 2 ? "the weights, one for the distribution" : "training")
                + (setsTestAside ? ", one for the test" : ""))
    }

    public var shape: ImageShape {
        ImageShape(
            height: preprocessor.height, width: preprocessor.width,
            channels: preprocessor.channels)
    }

    public var classes: Int { train.classes }

    /// Tells data sets apart: a run resumes only on the images it began with.
    var fingerprint: UInt64 {
        train.fingerprint &+ 3 &* (test === train ? 0 : test.fingerprint)
    }
}

/// Memory for one batch.
final class ImageBatch {
    let images: Buffer<Float>
    private(set) var labels: [Int32] = []
    /// The loss weight of every image: that of its class.
    private(set) var weights: [Float] = []

    init(capacity: Int, _ pipeline: ImagePipeline) throws(FPNASError) {
        images = try Buffer(
            try checkedProduct(capacity, pipeline.preprocessor.imageSize, of: "a batch"),
            of: "a batch")
    }

    var count: Int { labels.count }

    /// The weights of the loss; nil where all are alike.
    func lossWeights(_ options: DataOptions) -> [Float]? {
        options.classBalance > 0 ? weights : nil
    }

    /// Reads and prepares the images; an error names the file, and the batch is then of no use.
    func fill(
        _ pipeline: ImagePipeline, from set: ImageSet, _ indices: ArraySlice<Int32>,
        augmentation step: Int?
    ) throws(FPNASError) {
        labels.removeAll(keepingCapacity: true)
        weights.removeAll(keepingCapacity: true)
        for index in indices {
            let label = set.labels[Int(index)]
            labels.append(label)
            weights.append(Float(pipeline.classWeights[Int(label)]))
        }
        try unsafe pipeline.preprocessor.fill(
            images.pointer, from: set, indices, augmentation: step, pipeline.workers)
    }
}
