import ImageData
import Support
import Testing

@testable import Experiment

/// A set of 2x2 images with so many images of each class.
private func set(_ counts: [Int]) throws -> ImageSet {
    let labels = counts.enumerated().flatMap { label, count in
        [Int32](repeating: Int32(label), count: count)
    }
    let pixels = try Buffer<UInt8>(4 * labels.count, of: "test")
    for i in 0..<pixels.count { pixels[i] = UInt8(i * 37 % 256) }
    return ImageSet(
        height: 2, width: 2, channels: 1, pixels: pixels, labels: labels,
        classNames: counts.indices.map { "c\($0)" })
}

private func pipeline(
    _ data: Dataset, parts: Int = 2, _ change: (inout DataOptions) -> Void = { _ in }
) throws(FPNASError) -> ImagePipeline {
    var options = DataOptions()
    change(&options)
    try options.check()
    return try ImagePipeline(
        data, imageSize: 2, maximumShift: 0, options: options, parts: parts, seed: 3, threads: 1)
}

@Suite struct PipelineTests {
    @Test func everyPartHasEveryClass() throws {
        func refuses(_ data: Dataset, parts: Int, _ text: String) {
            let error = #expect(throws: FPNASError.self) { try pipeline(data, parts: parts) }
            #expect(error?.message.contains(text) == true, "\(error?.message ?? "")")
        }
        let one = try set([1, 9])
        refuses(Dataset(train: one, test: nil), parts: 2, "class 'c0' has 1 images, at least 3")
        refuses(Dataset(train: one, test: one), parts: 2, "class 'c0' has 1 images, at least 2")
        refuses(Dataset(train: one, test: nil), parts: 1, "class 'c0' has 1 images, at least 2")
        #expect(try pipeline(Dataset(train: one, test: one), parts: 1).trainIndices.count == 10)
        // However large the share of the test, the halves get theirs.
        let three = try set([3, 40])
        let images = try pipeline(Dataset(train: three, test: nil)) { $0.testShare = 0.99 }
        #expect(images.trainIndices.filter { $0 < 3 }.count == 2)
        #expect((images.trainIndices + images.testIndices).sorted() == (0..<43).map { $0 })
    }

    @Test func theLimitCountsWhatIsLeftForTraining() throws {
        let data = Dataset(train: try set([60, 30]), test: nil)
        let images = try pipeline(data) { $0.trainingImages = 30 }
        #expect(images.trainIndices.count == 30 && images.testIndices.count == 30)
        #expect(images.trainIndices.filter { $0 < 60 }.count == 20)
        let all = try pipeline(data)
        #expect(all.trainIndices.count == 60 && all.testIndices == images.testIndices)
        #expect(Set(images.trainIndices).isSubset(of: Set(all.trainIndices)))
        #expect(throws: FPNASError.self) { try pipeline(data) { $0.trainingImages = 3 } }
    }

    @Test func batchesCarryTheWeightsOfTheirClasses() throws {
        let train = try set([60, 20])
        let images = try pipeline(Dataset(train: train, test: train)) { $0.classBalance = 1 }
        #expect(abs(images.classWeights[0] - 80.0 / 120) < 1e-12)
        #expect(abs(images.classWeights[1] - 2) < 1e-12)
        let batch = try ImageBatch(capacity: 3, images)
        try batch.fill(images, from: train, [79, 0, 60], augmentation: nil)
        #expect(batch.labels == [1, 0, 1])
        #expect(batch.weights == [2, Float(80.0 / 120), 2])
        let plain = try pipeline(Dataset(train: train, test: train))
        #expect(plain.classWeights == [1, 1])
    }
}
