import CKernels
import Testing

@Suite struct ActivationTests {
    /// act(x) of one number; eight lanes of the same.
    private func value(_ k: fpnas_priv_kernels, _ act: Act, _ x: Float) -> Float {
        let input = Floats(repeating: x, count: 8)
        let ones = Floats(repeating: 1, count: 8)
        let zeros = Floats(repeating: 0, count: 8)
        let y = Floats(repeating: 0, count: 8)
        k.affine(input.pointer, ones.pointer, zeros.pointer, nil, act.rawValue, 1, 8, y.pointer)
        return y[3]
    }

    /// act'(x), as a gradient of one goes through it.
    private func slope(_ k: fpnas_priv_kernels, _ act: Act, _ x: Float) -> Float {
        let input = Floats(repeating: x, count: 8)
        let ones = Floats(repeating: 1, count: 8)
        let zeros = Floats(repeating: 0, count: 16)
        let dz = Floats(repeating: 0, count: 8)
        let sums = Floats(repeating: 0, count: 16)
        k.activation_gradient(
            ones.pointer, 8, nil, nil, input.pointer, ones.pointer, zeros.pointer, zeros.pointer,
            act.rawValue, 1, 1, 8, dz.pointer, sums.pointer)
        return dz[3]
    }

    @Test(arguments: variants) func activationsAreAccurate(_ variant: String) throws {
        let k = try kernels(variant)
        for act in Act.allCases {
            // Apart from the corners, where the slope jumps.
            for step in -2000...2000 where step % 300 != 0 {
                let x = Float(step) / 100
                let exact = act.value(Double(x))
                #expect(abs(Double(value(k, act, x)) - exact) <= 1.2e-6 * abs(exact))
                let exactSlope = act.slope(Double(x))
                #expect(abs(Double(slope(k, act, x)) - exactSlope) <= 2e-6)
            }
        }
    }

    @Test(arguments: variants) func activationsOfTheExtremes(_ variant: String) throws {
        let k = try kernels(variant)
        for act in Act.allCases {
            #expect(value(k, act, .nan).isNaN)
            // A NaN whose lowest bits are set too.
            #expect(value(k, act, Float(bitPattern: 0x7FC0_01FF)).isNaN)
            #expect(value(k, act, .infinity) == (act == .relu6 ? 6 : .infinity))
            #expect(abs(value(k, act, 1e30) / (act == .relu6 ? 6 : 1e30) - 1) <= 1.2e-6)
            #expect(value(k, act, 0) == 0)
            if act != .linear { #expect(abs(value(k, act, -1e4)) < 1e-30) }
            #expect(abs(slope(k, act, 1e4) - (act == .relu6 ? 0 : 1)) <= 1.2e-7)
        }
        #expect(value(k, .swish, -100) <= 0)
    }

    /// Statistics by Chan's formula over chunks, against two passes in double.
    @Test func statisticsOfChunks() {
        var noise = Noise(5)
        let (images, pixels, chunks, c) = (7, 5, 3, 40)
        let values = (0..<(images * pixels)).map { row in
            (0..<c).map { Float($0) * 100 + noise.next() + Float(row % 3) }
        }
        let moments = Floats(repeating: 0, count: chunks * 3 * c)
        for chunk in 0..<chunks {
            let rows = values[
                (chunk * images / chunks * pixels)..<((chunk + 1) * images / chunks * pixels)]
            for j in 0..<c {
                let shift = rows[rows.startIndex][j]
                let at = chunk * 3 * c + j
                moments.pointer[at] = shift
                moments.pointer[at + c] = rows.reduce(0) { $0 + ($1[j] - shift) }
                moments.pointer[at + 2 * c] = rows.reduce(0) {
                    $0 + ($1[j] - shift) * ($1[j] - shift)
                }
            }
        }
        let gamma = Floats(noise.values(c))
        let beta = Floats(noise.values(c))
        let norm = Floats(repeating: 0, count: 8 * c)
        fpnas_priv_norm_forward(
            moments.pointer, 3 * c, chunks, images, pixels, c, 0, c, gamma.pointer, beta.pointer,
            norm.pointer, c)
        for j in 0..<c {
            let column = values.map { Double($0[j]) }
            let mean = column.reduce(0, +) / Double(column.count)
            let variance =
                column.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(column.count)
            let scale = Double(gamma[j]) / (variance + 1e-5).squareRoot()
            #expect(abs(Double(norm[j]) - mean) <= 1e-6 * max(1, abs(mean)))
            #expect(abs(Double(norm[c + j]) - variance) <= 1e-4 * variance)
            #expect(abs(Double(norm[3 * c + j]) - scale) <= 1e-4 * max(abs(scale), 1e-3))
        }
    }
}
