import ImageData
import Support
import Testing

func set(
    _ labels: [Int32], height: Int = 1, width: Int = 1, channels: Int = 1, pixels: [UInt8]? = nil
) throws -> ImageSet {
    let buffer = try Buffer<UInt8>(labels.count * height * width * channels, of: "test")
    for i in 0..<buffer.count { buffer[i] = pixels?[i] ?? UInt8(i % 256) }
    return ImageSet(
        height: height, width: width, channels: channels, pixels: buffer, labels: labels,
        classNames: (0...Int(labels.max() ?? 0)).map(String.init))
}

@Suite struct BatchTests {
    @Test func splitsKeepEveryClassAndEveryImage() throws {
        let labels = (0..<100).map { Int32($0 % 10 == 0 ? 1 : 0) }
        let images = try set(labels)
        let all = Array<Int32>(0..<100)
        let (a, b) = try DataSplit.stratified(all, of: images, share: 0.7, seed: 1, salt: 0)
        #expect((a + b).sorted() == all)
        #expect(a.filter { labels[Int($0)] == 1 }.count == 7)
        #expect(b.filter { labels[Int($0)] == 1 }.count == 3)
        #expect(try DataSplit.stratified(all, of: images, share: 0.7, seed: 1, salt: 0).first == a)
        #expect(try DataSplit.stratified(all, of: images, share: 0.7, seed: 2, salt: 0).first != a)
        #expect(try DataSplit.stratified(all, of: images, share: 0.7, seed: 1, salt: 1).first != a)
        let error = #expect(throws: FPNASError.self) {
            try DataSplit.stratified([0, 1, 2], of: images, share: 0.5, seed: 1, salt: 0)
        }
        #expect(error?.message.contains("class '") == true)
    }

    @Test func anEpochHoldsEveryImageAtMostOnce() throws {
        let indices = (0..<50).map { Int32($0 * 3) }
        let batcher = try Batcher(indices, batchSize: 8, seed: 1, lane: .weights)
        #expect(batcher.batchesPerEpoch == 6)
        let first = batcher.epoch(0)
        #expect(first.sorted() == indices && first != indices)
        let batches = (0..<6).map { Array(batcher.batch($0, of: first)) }
        #expect(batches.allSatisfy { $0.count == 8 })
        #expect(batches.flatMap { $0 } == Array(first.prefix(48)))
        #expect(batcher.epoch(1) != first && batcher.epoch(0) == first)
        let other = try Batcher(indices, batchSize: 8, seed: 1, lane: .architecture)
        #expect(other.epoch(0) != first)
        let small = try Batcher([1, 2, 3], batchSize: 8, seed: 1, lane: .weights)
        #expect(small.batchesPerEpoch == 1 && small.epoch(4).sorted() == [1, 2, 3])
        #expect(throws: FPNASError.self) { try Batcher([], batchSize: 8, seed: 1, lane: .weights) }
        #expect(throws: FPNASError.self) {
            try Batcher([1, 2], batchSize: 1, seed: 1, lane: .weights)
        }
    }

    @Test func aSplitKeepsTheLeastOfEveryClass() throws {
        let images = try set([0, 0, 0, 0, 1, 1, 1])
        let all = Array<Int32>(0..<7)
        let (a, b) = try DataSplit.stratified(
            all, of: images, share: 0.1, least: 2, seed: 1, salt: 0)
        #expect(a.count == 4 && a.filter { $0 >= 4 }.count == 2 && (a + b).sorted() == all)
        let error = #expect(throws: FPNASError.self) {
            try DataSplit.stratified(all, of: images, share: 0.1, least: 3, seed: 1, salt: 0)
        }
        #expect(error?.message.contains("class '1' has 3 images to split, at least 4") == true)
    }

    @Test func subsetsKeepSharesAndGrow() throws {
        // 70, 20, 9 and 3 images.
        let labels = [70, 20, 9, 3].enumerated().flatMap { label, count in
            [Int32](repeating: Int32(label), count: count)
        }
        let images = try set(labels)
        let all = (0..<Int32(labels.count)).map { $0 }
        func counts(_ count: Int) throws -> [Int] {
            let part = try DataSplit.subset(
                all, of: images, count: count, least: 2, seed: 3, salt: 2)
            #expect(part == part.sorted() && Set(part).count == part.count)
            return (0..<4).map { label in part.filter { labels[Int($0)] == Int32(label) }.count }
        }
        // 2 each; the rest by 68 : 18 : 7 : 1 of 94, largest remainders.
        #expect(try counts(8) == [2, 2, 2, 2])
        #expect(try counts(9) == [3, 2, 2, 2])
        #expect(try counts(55) == [36, 11, 6, 2])
        #expect(try counts(101) == [69, 20, 9, 3])
        #expect(try counts(102) == [70, 20, 9, 3] && counts(500) == [70, 20, 9, 3])
        for count in 8...102 { #expect(try counts(count).reduce(0, +) == count) }
        let small = try DataSplit.subset(all, of: images, count: 30, least: 2, seed: 3, salt: 2)
        let large = try DataSplit.subset(all, of: images, count: 60, least: 2, seed: 3, salt: 2)
        #expect(Set(small).isSubset(of: Set(large)))
        #expect(
            try DataSplit.subset(all, of: images, count: 30, least: 2, seed: 4, salt: 2) != small)
        let error = #expect(throws: FPNASError.self) {
            try DataSplit.subset(all, of: images, count: 7, least: 2, seed: 3, salt: 2)
        }
        #expect(error?.message.contains("at least 2 for each of the 4 classes, got 7") == true)
    }

    @Test func classWeightsAverageToOneOverTheImages() {
        let counts = [70, 20, 9, 1]
        #expect(ClassWeights.weights(counts: counts, balance: 0) == [1, 1, 1, 1])
        for (weight, count) in zip(ClassWeights.weights(counts: counts, balance: 1), counts) {
            #expect(abs(weight - 100 / (4 * Double(count))) < 1e-12)
        }
        let half = ClassWeights.weights(counts: counts, balance: 0.5)
        let mean = zip(half, counts).reduce(0) { $0 + $1.0 * Double($1.1) } / 100
        #expect(abs(mean - 1) < 1e-12)
        #expect(abs(half[3] / half[2] - 3) < 1e-12)
        #expect(ClassWeights.weights(counts: [4, 0], balance: 1) == [1, 0])
    }
}
