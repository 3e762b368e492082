import ImageData
import SearchSpace
import Supernet
import Support

/// Measures networks with shared weights as they are, without any training: the statistics of a
/// network's normalisations come from some training images, then its likelihood from others.
final class ChildMeter {
    enum Part { case validation, test }

    private let pipeline: ImagePipeline
    private let data: DataOptions
    private let statistics: ImageBatches
    private let validation: ImageBatches
    private let test: ImageBatches

    /// Both lists of training images in random orders, of which the beginnings are taken as the
    /// options say: of the validation images all, but for a selection among many networks.
    init(
        _ pipeline: ImagePipeline, training: [Int32], validation: [Int32], batchSize: Int,
        options: RunOptions
    ) {
        self.pipeline = pipeline
        data = options.data
        func batches(_ set: ImageSet, _ indices: ArraySlice<Int32>) -> ImageBatches {
            ImageBatches(pipeline, set, Array(indices), batchSize: batchSize)
        }
        // In range: both are at most 2^16.
        statistics = batches(
            pipeline.train, training.prefix(options.statisticsBatches * batchSize))
        let isLimited = options.algorithm == .bigNAS && options.selectionImages > 0
        let count = isLimited ? options.selectionImages : validation.count
        self.validation = batches(pipeline.train, validation.prefix(count))
        test = batches(pipeline.test, pipeline.testIndices[...])
    }

    /// Mean log-likelihood in nats per image, of the validation part weighted as in training, and
    /// the part of the images that is classified rightly. An error that names an image has changed
    /// nothing but the supernet's running statistics.
    func measure(
        _ network: Network, _ supernet: Supernet, on part: Part
    ) throws(FPNASError) -> (logLikelihood: Double, accuracy: Double) {
        try supernet.withAverage { () throws(FPNASError) in
            try supernet.beginStatistics()
            try statistics.forEach { (batch) throws(FPNASError) in
                try supernet.gatherStatistics(network, images: batch.images, count: batch.count)
            }
            try supernet.finishStatistics()
            var (sum, weightSum, correct, count) = (0.0, 0.0, 0, 0)
            try (part == .validation ? validation : test).forEach { (batch) throws(FPNASError) in
                let weights = part == .validation ? batch.lossWeights(data) : nil
                let total = weights?.reduce(0) { $0 + Double($1) } ?? Double(batch.count)
                let result = try supernet.evaluate(
                    network, images: batch.images, labels: batch.labels, statistics: .running,
                    weights: weights)
                sum += total * result.logLikelihood
                weightSum += total
                correct += result.correct
                count += batch.count
            }
            return (sum / weightSum, Double(correct) / Double(count))
        }
    }
}

/// Some images in batches, prepared anew each time, or once where that takes little memory.
private final class ImageBatches {
    private static let keptFloats = 1 << 26  // 256 MiB

    private let pipeline: ImagePipeline
    private let set: ImageSet
    private let chunks: [ArraySlice<Int32>]
    private let batchSize: Int
    private let keeps: Bool
    private var batches: [ImageBatch] = []

    init(_ pipeline: ImagePipeline, _ set: ImageSet, _ indices: [Int32], batchSize: Int) {
        self.pipeline = pipeline
        self.set = set
        self.batchSize = batchSize
        chunks = stride(from: 0, to: indices.count, by: batchSize).map {
            indices[$0..<min($0 + batchSize, indices.count)]
        }
        let size = pipeline.preprocessor.imageSize
        keeps = size > 0 && chunks.count * batchSize <= ImageBatches.keptFloats / size
    }

    func forEach(_ body: (ImageBatch) throws(FPNASError) -> Void) throws(FPNASError) {
        for (i, chunk) in chunks.enumerated() {
            let place = keeps ? i : 0
            if place == batches.count {
                let batch = try ImageBatch(capacity: batchSize, pipeline)
                try batch.fill(pipeline, from: set, chunk, augmentation: nil)
                batches.append(batch)
            } else if !keeps {
                try batches[0].fill(pipeline, from: set, chunk, augmentation: nil)
            }
            try body(batches[place])
        }
    }
}
