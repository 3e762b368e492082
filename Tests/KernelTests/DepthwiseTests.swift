import CKernels
import Testing

struct DepthwiseCase: Sendable, CustomTestStringConvertible {
    let variant: String
    let height: Int
    let width: Int
    let channels: Int
    let k: Int
    let stride: Int
    let images: Int
    var padding: Int { k / 2 }
    var outHeight: Int { (height + stride - 1) / stride }
    var outWidth: Int { (width + stride - 1) / stride }
    var testDescription: String {
        "\(variant) \(images)x\(height)x\(width)x\(channels) k\(k) s\(stride)"
    }
    var shape: fpnas_priv_depthwise {
        fpnas_priv_depthwise(
            height: height, width: width, out_height: outHeight, out_width: outWidth, k: k,
            stride: stride, padding: padding)
    }
}

/// Every kernel and stride, images smaller than a window, and ones cut into bands.
let depthwiseCases = variants.flatMap { variant in
    var cases: [DepthwiseCase] = []
    for k in [1, 3, 5, 7, 9] {
        for stride in [1, 2, 3] {
            for (height, width, channels, images) in [
                (1, 1, 3, 2), (2, 5, 17, 1), (9, 7, 8, 3), (6, 13, 24, 1),
            ] {
                cases.append(
                    DepthwiseCase(
                        variant: variant, height: height, width: width, channels: channels, k: k,
                        stride: stride, images: images))
            }
        }
    }
    for (k, stride) in [(3, 1), (3, 2), (5, 2), (7, 1)] {
        cases.append(
            DepthwiseCase(
                variant: variant, height: 31, width: 34, channels: 19, k: k, stride: stride,
                images: 2))
    }
    return cases
}

@Suite struct DepthwiseTests {
    /// Calls `body` with input row, output row and tap of every product in the convolution.
    private func forEachTap(_ test: DepthwiseCase, _ body: (Int, Int, Int) -> Void) {
        for image in 0..<test.images {
            for oy in 0..<test.outHeight {
                for ox in 0..<test.outWidth {
                    for tap in 0..<(test.k * test.k) {
                        let y = oy * test.stride + tap / test.k - test.padding
                        let x = ox * test.stride + tap % test.k - test.padding
                        guard (0..<test.height).contains(y), (0..<test.width).contains(x) else {
                            continue
                        }
                        body(
                            (image * test.height + y) * test.width + x,
                            (image * test.outHeight + oy) * test.outWidth + ox, tap)
                    }
                }
            }
        }
    }

    @Test(arguments: depthwiseCases) func depthwiseConvolutions(_ test: DepthwiseCase) throws {
        let k = try kernels(test.variant)
        let line = aligned(test.channels)
        let inRows = test.images * test.height * test.width
        let outRows = test.images * test.outHeight * test.outWidth
        for act in [nil, Act.relu, .swish] {
            var noise = Noise(test.k)
            let source = Source(
                rows: inRows, pixels: inRows, channels: test.channels, act: act, noise: &noise)
            let ld = line + 8
            let w = Floats(noise.values(test.k * test.k * ld))
            let y = Floats(repeating: .nan, count: outRows * line)
            let moments = Floats(repeating: .nan, count: 3 * line)
            var (s, shape) = (source.c, test.shape)
            let scratch = Floats(
                repeating: .nan, count: fpnas_priv_depthwise_scratch(&shape, line))
            k.depthwise_forward(
                &s, &shape, test.images, w.pointer, ld, y.pointer, moments.pointer, scratch.pointer)
            for held in [y, moments, scratch] { #expect(held.isIntact) }
            let channels = test.channels
            let values = (0..<(inRows * channels)).map {
                source.value($0 / channels, $0 % channels)
            }
            var expected = [Double](repeating: 0, count: outRows * channels)
            forEachTap(test) { from, to, tap in
                for c in 0..<channels {
                    expected[to * channels + c] +=
                        values[from * channels + c] * Double(w[tap * ld + c])
                }
            }
            let found = (0..<expected.count).map {
                Double(y[$0 / test.channels * line + $0 % test.channels])
            }
            expectClose(found, expected, "convolution")
            expectMoments(y, moments, rows: outRows, channels: test.channels, line: line)
        }
    }

    @Test(arguments: depthwiseCases) func gradientsOfDepthwiseConvolutions(
        _ test: DepthwiseCase
    ) throws {
        let k = try kernels(test.variant)
        let line = aligned(test.channels)
        let inRows = test.images * test.height * test.width
        let outRows = test.images * test.outHeight * test.outWidth
        for (act, mode) in [
            (nil, FPNAS_STORE), (nil, FPNAS_ADD), (.swish, FPNAS_STORE),
            (.relu, FPNAS_THROUGH_ACTIVATION), (.swish, FPNAS_THROUGH_ACTIVATION),
        ] as [(Act?, fpnas_priv_mode)] {
            var noise = Noise(test.k)
            let source = Source(
                rows: inRows, pixels: inRows, channels: test.channels, act: act, noise: &noise)
            let gradient = Gradient(
                rows: outRows, channels: test.channels, normalised: act != nil, noise: &noise)
            let ld = line + 8
            let w = Floats(noise.values(test.k * test.k * ld))
            let before = noise.values(inRows * line)
            let dx = Floats(before)
            let dw = Floats(repeating: .nan, count: test.k * test.k * line)
            let sums = Floats(repeating: .nan, count: 2 * line)
            var (s, g, shape) = (source.c, gradient.c, test.shape)
            let scratch = Floats(
                repeating: .nan, count: fpnas_priv_depthwise_scratch(&shape, line))
            k.depthwise_gradient(
                &g, &s, &shape, test.images, w.pointer, ld, dx.pointer, mode,
                sums.pointer, dw.pointer, scratch.pointer)
            for held in [dx, dw, sums, scratch] { #expect(held.isIntact) }

            let channels = test.channels
            var dxReference = [Double](repeating: 0, count: inRows * channels)
            var dwReference = [Double](repeating: 0, count: test.k * test.k * channels)
            let values = (0..<(inRows * channels)).map {
                source.value($0 / channels, $0 % channels)
            }
            let gradients = (0..<(outRows * channels)).map {
                gradient.value($0 / channels, $0 % channels)
            }
            forEachTap(test) { from, to, tap in
                for c in 0..<channels {
                    let d = gradients[to * channels + c]
                    dxReference[from * channels + c] += d * Double(w[tap * ld + c])
                    dwReference[tap * channels + c] += d * values[from * channels + c]
                }
            }
            for at in dxReference.indices {
                let (row, c) = (at / channels, at % channels)
                if mode == FPNAS_ADD { dxReference[at] += Double(before[row * line + c]) }
                if mode == FPNAS_THROUGH_ACTIVATION {
                    dxReference[at] *= source.act.slope(source.z(row, c))
                }
            }
            expectClose(
                dxReference.indices.map { Double(dx[$0 / channels * line + $0 % channels]) },
                dxReference, "input gradient")
            expectClose(
                dwReference.indices.map { Double(dw[$0 / channels * line + $0 % channels]) },
                dwReference, tolerance: 1e-5, "weight gradient")
            if mode == FPNAS_THROUGH_ACTIVATION {
                expectSums(source, dxReference, sums, rows: inRows)
            }
        }
    }

    @Test(arguments: variants) func nanReachesItsWindowsAndNothingElse(
        _ variant: String
    ) throws {
        let k = try kernels(variant)
        for act in Act.allCases {
            var noise = Noise(9)
            let source = Source(rows: 63, pixels: 63, channels: 8, act: act, noise: &noise)
            source.x.pointer[(4 * 7 + 3) * 8 + 2] = .nan
            let test = DepthwiseCase(
                variant: variant, height: 9, width: 7, channels: 8, k: 3, stride: 1, images: 1)
            var (s, shape) = (source.c, test.shape)
            let w = Floats(noise.values(9 * 8))
            let y = Floats(repeating: 0, count: 63 * 8)
            let scratch = Floats(repeating: 0, count: fpnas_priv_depthwise_scratch(&shape, 8))
            k.depthwise_forward(&s, &shape, 1, w.pointer, 8, y.pointer, nil, scratch.pointer)
            for at in 0..<(63 * 8) {
                let (row, column) = (at / 8 / 7, at / 8 % 7)
                let isNear = abs(row - 4) <= 1 && abs(column - 3) <= 1 && at % 8 == 2
                #expect(y[at].isNaN == isNear)
            }
        }
    }
}
