import ImageData
import Support
import Testing

/// Values of PyTorch and of a NumPy reference: Tests/reference/image_reference.py.
@Suite struct AugmentationTests {
    private let one = ImageWorkers(threads: 1)

    @Test func resizingEqualsPyTorch() throws {
        let lines = try fixtureLines("resize")
        #expect(lines.count == 7)
        for parts in lines {
            let sizes = parts[0].dropFirst().compactMap { Int($0) }
            let images = try set(
                [0], height: sizes[0], width: sizes[1], channels: sizes[4],
                pixels: parts[1].compactMap { UInt8($0) })
            let preprocessor = try Preprocessor(
                height: sizes[2], width: sizes[3], measuring: images, [0], seed: 1)
            let batch = try Buffer<Float>(preprocessor.imageSize, of: "test")
            try preprocessor.fill(batch.pointer, from: images, [0], augmentation: nil, one)
            #expect(parts[2].count == batch.count)
            for (i, word) in parts[2].enumerated() {
                let c = i % sizes[4]
                let value = (batch[i] * preprocessor.deviations[c] + preprocessor.means[c]) * 255
                #expect(abs(value - (Float(word) ?? .nan)) < 1e-3)
            }
        }
    }

    @Test func augmentationEqualsTheReference() throws {
        let lines = try fixtureLines("augment")
        #expect(lines.count == 4)
        for parts in lines {
            let n = parts[0].dropFirst().compactMap { Int($0) }
            var augmentation = Augmentation()
            augmentation.maximumShift = n[6]
            augmentation.flips = n[7] == 1
            augmentation.cutout = n[8]
            let images = try set(
                [Int32](repeating: 0, count: n[3]), height: n[0], width: n[1], channels: n[2],
                pixels: parts[1].compactMap { UInt8($0) })
            let indices = (0..<Int32(n[3])).map { $0 }
            for threads in [1, 3] {
                let preprocessor = try Preprocessor(
                    height: n[0], width: n[1], measuring: images, indices,
                    augmentation: augmentation, seed: UInt64(n[4]))
                let batch = try Buffer<Float>(n[3] * preprocessor.imageSize, of: "test")
                try preprocessor.fill(
                    batch.pointer, from: images, indices[...], augmentation: n[5],
                    ImageWorkers(threads: threads))
                #expect(parts[2].count == batch.count)
                let worst = parts[2].enumerated().map {
                    abs(batch[$0] - (Float($1) ?? .nan))
                }.max()
                #expect((worst ?? .nan) < 1e-5)
            }
        }
    }

    @Test func shiftsGoInAllDirectionsAndDependOnTheStepAlone() throws {
        var pixels = [UInt8](repeating: 0, count: 49)
        pixels[24] = 255  // the middle of 7 x 7
        let images = try set([0], height: 7, width: 7, pixels: pixels)
        var augmentation = Augmentation()
        augmentation.maximumShift = 2
        let preprocessor = try Preprocessor(
            height: 7, width: 7, measuring: images, [0], augmentation: augmentation, seed: 1)
        let batch = try Buffer<Float>(49, of: "test")
        func place(_ step: Int?) throws -> Int? {
            try preprocessor.fill(batch.pointer, from: images, [0], augmentation: step, one)
            return (0..<49).max { batch[$0] < batch[$1] }
        }
        #expect(try place(nil) == 24)
        var seen = Set<Int>()
        for step in 0..<500 {
            let at = try place(step) ?? -1
            #expect((1...5).contains(at / 7) && (1...5).contains(at % 7))
            seen.insert(at)
            #expect(try place(step) == at)
        }
        #expect(seen.count == 25)
    }

    /// Half of the images are mirrored, and every pixel is the middle of a cutout equally often.
    @Test func flipsAndCutoutsHaveTheirOdds() throws {
        let images = try set([0], height: 3, width: 4, pixels: (0..<12).map { UInt8($0 * 20) })
        var augmentation = Augmentation()
        augmentation.flips = true
        augmentation.cutout = 1
        let preprocessor = try Preprocessor(
            height: 3, width: 4, measuring: images, [0], augmentation: augmentation, seed: 2)
        let batch = try Buffer<Float>(12, of: "test")
        var mirrored = 0
        var cuts = [Int](repeating: 0, count: 12)
        let steps = 6000
        for step in 0..<steps {
            try preprocessor.fill(batch.pointer, from: images, [0], augmentation: step, one)
            let cut = try #require((0..<12).first { batch[$0] == 0 })
            #expect((0..<12).filter { batch[$0] == 0 } == [cut])
            cuts[cut] += 1
            let row = cut < 4 ? 1 : 0
            if batch[row * 4] > batch[row * 4 + 1] { mirrored += 1 }
        }
        // Five standard deviations: 39 of 6000 at 1/2, 21 at 1/12.
        #expect(abs(mirrored - steps / 2) < 195)
        for count in cuts { #expect(abs(count - steps / 12) < 105) }
    }
}
