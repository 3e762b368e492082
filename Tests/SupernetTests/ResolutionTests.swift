import SearchSpace
import Support
import Testing

@testable import Supernet

/// FBNetV2's resolution masking against its formula, pixel by pixel.
@Suite struct ResolutionTests {
    /// The results of all operators of a kind.
    private func results(_ supernet: Supernet, _ code: OperatorShape.Code) -> [[Float]] {
        supernet.bound.operators.filter { $0.s.code == code }.map { b in
            // One channel of as many as a line has.
            (0..<b.s.outPixels).map { supernet.arena[b.data + $0 * b.s.outLine] }
        }
    }

    /// y = g1 · conv(x) + g2 · intersperse(conv(subsample(x))), x = g1 · image + g2 ·
    /// intersperse(image halved).
    @Test func smallerImagesLieBetweenZeros() throws {
        let size = 6
        let space = try SearchSpace(
            name: "x",
            layers: [
                .block("size", .resolution, [(.factor, .searched([1, 2]))]),
                .block(
                    "conv", .convolution,
                    [
                        (.kernel, .fixed(3)), (.channels, .fixed(1)), (.normalisation, .fixed(0)),
                        (.activation, .fixed(.text("none"))),
                    ]),
                .block("classifier", .classifier, []),
            ], input: ImageShape(height: size, width: size, channels: 1), classes: 2)
        let mixed = try MixedNetwork(space)
        let supernet = try Supernet(mixed: mixed, capacity: 1, seed: 3, threads: 1)
        let weight = try #require(supernet.slot("conv.0.conv3"))
        let bias = try #require(supernet.slot("conv.0.conv3.bias"))
        supernet.fill(weight) { uniform(1, $0) }
        supernet.fill(bias) { _ in 0.25 }
        let batch = try images(1, try #require(space.input))
        let (g1, g2) = (0.3, 0.7)
        _ = try supernet.evaluate(mixed, coefficients: [g1, g2], images: batch, labels: [0])

        func image(_ y: Int, _ x: Int) -> Double { Double(batch[y * size + x]) }
        func mix(_ large: [Double], _ small: [Double]) -> [Double] {
            (0..<(size * size)).map { i in
                let (y, x) = (i / size, i % size)
                let between = y % 2 == 1 || x % 2 == 1
                return g1 * large[i] + (between ? 0 : g2 * small[y / 2 * size / 2 + x / 2])
            }
        }
        func convolve(_ map: [Double], _ size: Int) -> [Double] {
            (0..<(size * size)).map { i in
                var sum = 0.25
                for t in 0..<9 {
                    let (y, x) = (i / size + t / 3 - 1, i % size + t % 3 - 1)
                    guard (0..<size).contains(y), (0..<size).contains(x) else { continue }
                    sum += Double(Float(uniform(1, t))) * map[y * size + x]
                }
                return sum
            }
        }
        func every(_ map: [Double]) -> [Double] {
            (0..<9).map { map[2 * ($0 / 3) * size + 2 * ($0 % 3)] }
        }
        let halved = (0..<9).map { i in
            let (y, x) = (2 * (i / 3), 2 * (i % 3))
            return (image(y, x) + image(y + 1, x) + image(y, x + 1) + image(y + 1, x + 1)) / 4
        }
        let x = mix((0..<(size * size)).map { image($0 / size, $0 % size) }, halved)
        let y = mix(convolve(x, size), convolve(every(x), size / 2))
        let found = results(supernet, .mixture)
        #expect(found.count == 3)
        for (values, expected) in [(found[0], x), (found[1], y)] {
            #expect(zip(values, expected).allSatisfy { abs(Double($0) - $1) < 1e-6 })
        }
        // In front of the classifier each size is averaged over its own pixels.
        let mean = g1 * y.reduce(0, +) / 36 + g2 * every(y).reduce(0, +) / 9
        #expect(abs(Double(found[2][0]) - mean) < 1e-6)
    }

    @Test func sizesThatDoNotNestAreRefusedByName() throws {
        func refused(_ factors: [Choice], _ size: Int) -> String? {
            #expect(throws: FPNASError.self) {
                try MixedNetwork(
                    SearchSpace(
                        name: "x",
                        layers: [
                            .block("size", .resolution, [(.factor, .searched(factors))]),
                            .block("classifier", .classifier, []),
                        ], input: ImageShape(height: size, width: size, channels: 1), classes: 3))
            }?.message
        }
        #expect(
            refused([1, 2], 7) == "layer 'size': its choices lead to images of 7 x 7 and 3 x 3, "
                + "which cannot be mixed")
        #expect(refused([2, 3], 12)?.contains("6 x 6 and 4 x 4") == true)
    }

    @Test func threadsChangeNothingWhereImagesDiffer() throws {
        let space = try MixedTests.resolutionSpace()
        let mixed = try MixedNetwork(space)
        let batch = try images(33, try #require(space.input))
        var found: [[Double]] = []
        for threads in [1, 3] {
            let supernet = try Supernet(mixed: mixed, capacity: 33, seed: 3, threads: threads)
            supernet.beginStep()
            let result = try supernet.accumulate(
                mixed, coefficients: mixture(space, seed: 9), images: batch,
                labels: labels(33, classes: space.classes))
            found.append(
                result.coefficientGradient
                    + (0..<supernet.gradient.count).map { Double(supernet.gradient[$0]) })
        }
        #expect(found[0] == found[1])
    }
}
