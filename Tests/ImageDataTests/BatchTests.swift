import ImageData
import Support
import Testing

private func set(_ labels: [Int32], height: Int = 1, width: Int = 1, pixels: [UInt8]? = nil) throws
    -> ImageSet
{
    let buffer = try Buffer<UInt8>(labels.count * height * width, of: "test")
    for i in 0..<buffer.count { buffer[i] = pixels?[i] ?? UInt8(i % 256) }
    return ImageSet(
        height: height, width: width, channels: 1, pixels: buffer, labels: labels,
        classNames: (0...Int(labels.max() ?? 0)).map(String.init))
}

@Suite struct BatchTests {
    @Test func splitsKeepEveryClassAndEveryImage() throws {
        let labels = (0..<100).map { Int32($0 % 10 == 0 ? 1 : 0) }
        let images = try set(labels)
        let all = Array(0..<100)
        let (a, b) = try DataSplit.stratified(all, of: images, share: 0.7, seed: 1, salt: 0)
        #expect((a + b).sorted() == all)
        #expect(a.filter { labels[$0] == 1 }.count == 7 && b.filter { labels[$0] == 1 }.count == 3)
        #expect(try DataSplit.stratified(all, of: images, share: 0.7, seed: 1, salt: 0).first == a)
        #expect(try DataSplit.stratified(all, of: images, share: 0.7, seed: 2, salt: 0).first != a)
        #expect(try DataSplit.stratified(all, of: images, share: 0.7, seed: 1, salt: 1).first != a)
        let error = #expect(throws: FPNASError.self) {
            try DataSplit.stratified([0, 1, 2], of: images, share: 0.5, seed: 1, salt: 0)
        }
        #expect(error?.message.contains("class '") == true)
    }

    @Test func anEpochHoldsEveryImageAtMostOnce() throws {
        let indices = (0..<50).map { $0 * 3 }
        let batcher = try Batcher(indices, batchSize: 8, seed: 1, lane: .weights)
        #expect(batcher.batchesPerEpoch == 6)
        let first = batcher.epoch(0)
        #expect(first.allSatisfy { $0.count == 8 })
        let seen = first.flatMap { $0 }
        #expect(Set(seen).count == 48 && Set(seen).isSubset(of: Set(indices)))
        #expect(batcher.epoch(1) != first && batcher.epoch(0) == first)
        let other = try Batcher(indices, batchSize: 8, seed: 1, lane: .architecture)
        #expect(other.epoch(0) != first)
        let small = try Batcher([1, 2, 3], batchSize: 8, seed: 1, lane: .weights)
        #expect(small.batchesPerEpoch == 1 && small.epoch(4)[0].sorted() == [1, 2, 3])
        #expect(throws: FPNASError.self) { try Batcher([], batchSize: 8, seed: 1, lane: .weights) }
        #expect(throws: FPNASError.self) {
            try Batcher([1, 2], batchSize: 1, seed: 1, lane: .weights)
        }
    }

    /// Values of torch.nn.functional.interpolate: Tests/reference/image_reference.py.
    @Test func resizingEqualsPyTorch() throws {
        let folder = #filePath.split(separator: "/").dropLast().joined(separator: "/")
        let text = String(decoding: try Files.read("/\(folder)/images.txt"), as: UTF8.self)
        let lines = text.split(separator: "\n").filter { $0.hasPrefix("resize ") }
        #expect(lines.count == 4)
        for line in lines {
            let parts = line.split(separator: ":").map { $0.split(separator: " ") }
            let sizes = parts[0].dropFirst().compactMap { Int($0) }
            let images = try set(
                [0], height: sizes[0], width: sizes[1], pixels: parts[1].compactMap { UInt8($0) })
            let preprocessor = try Preprocessor(
                height: sizes[2], width: sizes[3], measuring: images, [0], seed: 1)
            let batch = try Buffer<Float>(preprocessor.imageSize, of: "test")
            preprocessor.fill(batch.pointer, from: images, [0], augmentation: nil)
            for (i, word) in parts[2].enumerated() {
                let value = (batch[i] * preprocessor.deviations[0] + preprocessor.means[0]) * 255
                #expect(abs(value - (Float(word) ?? .nan)) < 1e-3)
            }
        }
    }

    @Test func shiftsGoInAllDirectionsAndDependOnTheStepAlone() throws {
        var pixels = [UInt8](repeating: 0, count: 49)
        pixels[24] = 255  // the middle of 7 x 7
        let images = try set([0], height: 7, width: 7, pixels: pixels)
        var preprocessor = try Preprocessor(height: 7, width: 7, measuring: images, [0], seed: 1)
        preprocessor.maximumShift = 2
        let batch = try Buffer<Float>(49, of: "test")
        func place(_ step: Int?) -> Int? {
            preprocessor.fill(batch.pointer, from: images, [0], augmentation: step)
            return (0..<49).max { batch[$0] < batch[$1] }
        }
        #expect(place(nil) == 24)
        var seen = Set<Int>()
        for step in 0..<500 {
            let at = place(step) ?? -1
            #expect((1...5).contains(at / 7) && (1...5).contains(at % 7))
            seen.insert(at)
            #expect(place(step) == at)
        }
        #expect(seen.count == 25)
    }
}
