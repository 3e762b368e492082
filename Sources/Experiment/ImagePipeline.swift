import ImageData
import SearchSpace
import Support

/// The images of a run, at the size the networks see.
public struct ImagePipeline: Sendable {
    public let train: ImageSet
    public let test: ImageSet
    /// Indices into `train` that may be trained on, and into `test` for the last measurement.
    public let trainIndices: [Int]
    public let testIndices: [Int]
    let preprocessor: Preprocessor

    static let smallestSize = 16

    /// A data set without a test part gives up a stratified third of its images for it.
    public init(
        _ data: Dataset, imageSize: Int, maximumShift: Int, seed: UInt64
    ) throws(FPNASError) {
        train = data.train
        if let test = data.test {
            self.test = test
            trainIndices = Array(0..<train.count)
            testIndices = Array(0..<test.count)
        } else {
            test = train
            let parts = try DataSplit.stratified(
                Array(0..<train.count), of: train, share: 2.0 / 3, seed: seed, salt: 0)
            trainIndices = parts.first
            testIndices = parts.second
        }
        var height = imageSize
        var width = imageSize
        if imageSize == 0 {
            height = max(train.height, ImagePipeline.smallestSize)
            width = max(train.width, ImagePipeline.smallestSize)
        }
        var preprocessor = try Preprocessor(
            height: height, width: width, measuring: train, trainIndices, seed: seed)
        preprocessor.maximumShift = maximumShift
        self.preprocessor = preprocessor
    }

    public var shape: ImageShape {
        ImageShape(
            height: preprocessor.height, width: preprocessor.width,
            channels: preprocessor.channels)
    }

    public var classes: Int { train.classes }

    /// Tells data sets apart: a run resumes only on the images it began with.
    var fingerprint: UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325  // FNV-1a
        func mix(_ value: UInt64) { hash = (hash ^ value) &* 0x0000_0100_0000_01B3 }
        for size in [train.count, train.height, train.width, train.channels, test.count] {
            mix(UInt64(truncatingIfNeeded: size))
        }
        for label in train.labels { mix(UInt64(truncatingIfNeeded: label)) }
        for i in 0..<(train.count * train.imageSize) { mix(UInt64(train.pixels[i])) }
        return hash
    }
}

/// Memory for one batch.
final class ImageBatch {
    let images: Buffer<Float>
    private(set) var labels: [Int32] = []

    init(capacity: Int, _ pipeline: ImagePipeline) throws(FPNASError) {
        images = try Buffer(
            try checkedProduct(capacity, pipeline.preprocessor.imageSize, of: "a batch"),
            of: "a batch")
    }

    var count: Int { labels.count }

    func fill(
        _ pipeline: ImagePipeline, from set: ImageSet, _ indices: some Collection<Int>,
        augmentation step: Int?
    ) {
        labels.removeAll(keepingCapacity: true)
        for index in indices { labels.append(set.labels[index]) }
        unsafe pipeline.preprocessor.fill(
            images.pointer, from: set, indices, augmentation: step)
    }
}
