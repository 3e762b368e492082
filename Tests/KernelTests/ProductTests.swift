import CKernels
import Testing

struct ProductCase: Sendable, CustomTestStringConvertible {
    let variant: String
    let rows: Int
    let inputs: Int
    let outputs: Int
    var testDescription: String { "\(variant) \(rows)x\(inputs)x\(outputs)" }
}

/// Tails of every kind: rows of register tiles, single and half panels, lanes above the channels.
let productCases = variants.flatMap { variant in
    [
        (1, 1, 1), (5, 3, 9), (7, 8, 16), (48, 17, 24), (61, 40, 31), (200, 12, 5), (193, 100, 72),
        (50, 300, 20), (301, 24, 104),
    ].map { ProductCase(variant: variant, rows: $0.0, inputs: $0.1, outputs: $0.2) }
}

@Suite struct ProductTests {
    /// Weights [inputs][outputs] in lines that hold a wider matrix, NaN where none is to be read.
    private func weights(_ test: ProductCase, _ noise: inout Noise) -> (Floats, line: Int) {
        let line = aligned(test.outputs) + 8
        var values = [Float](repeating: .nan, count: test.inputs * line)
        for k in 0..<test.inputs {
            for n in 0..<test.outputs { values[k * line + n] = noise.next() }
        }
        return (Floats(values), line)
    }

    @Test(arguments: productCases) func productsWithWhatComesBeforeAndAfter(
        _ test: ProductCase
    ) throws {
        let k = try kernels(test.variant)
        for (act, gated) in [(nil, false), (.relu, false), (.swish, true)] as [(Act?, Bool)] {
            var noise = Noise(test.rows)
            let pixels = 10
            let source = Source(
                rows: test.rows, pixels: pixels, channels: test.inputs, act: act, gated: gated,
                noise: &noise)
            let (w, wLine) = weights(test, &noise)
            let line = aligned(test.outputs)
            let packed = Floats(repeating: .nan, count: test.inputs * line)
            k.pack(w.pointer, wLine, test.inputs, test.outputs, 0, packed.pointer)
            let y = Floats(repeating: .nan, count: test.rows * line)
            let moments = Floats(repeating: .nan, count: 3 * line)
            let scratch = Floats(
                repeating: .nan, count: fpnas_priv_pointwise_scratch(source.line, line))
            var c = source.c
            k.pointwise(
                &c, test.rows, pixels, test.inputs, packed.pointer, line, y.pointer,
                moments.pointer, scratch.pointer)
            for held in [packed, y, moments, scratch] { #expect(held.isIntact) }

            var found: [Double] = []
            var expected: [Double] = []
            for row in 0..<test.rows {
                for n in 0..<test.outputs {
                    found.append(Double(y[row * line + n]))
                    expected.append(
                        (0..<test.inputs).reduce(0) {
                            $0 + source.value(row, $1) * Double(w[$1 * wLine + n])
                        })
                }
            }
            expectClose(found, expected, "product")
            expectMoments(y, moments, rows: test.rows, channels: test.outputs, line: line)
        }
    }

    @Test(arguments: productCases) func gradientsOfProducts(_ test: ProductCase) throws {
        let k = try kernels(test.variant)
        for mode in [FPNAS_STORE, FPNAS_ADD, FPNAS_THROUGH_ACTIVATION] {
            for (act, gated) in [
                (nil, false), (.linear, false), (.relu, false), (.swish, false), (.swish, true),
            ] as [(Act?, Bool)] {
                let isThrough = mode == FPNAS_THROUGH_ACTIVATION
                if isThrough && (gated || act == nil) { continue }
                var noise = Noise(test.rows)
                let pixels = 10
                let source = Source(
                    rows: test.rows, pixels: pixels, channels: test.inputs, act: act, gated: gated,
                    noise: &noise)
                let gradient = Gradient(
                    rows: test.rows, channels: test.outputs, normalised: act != nil, noise: &noise)
                let (w, wLine) = weights(test, &noise)
                let packed = Floats(repeating: .nan, count: test.outputs * source.line)
                k.pack(w.pointer, wLine, test.outputs, test.inputs, 1, packed.pointer)
                let before = noise.values(test.rows * source.line)
                let dx = Floats(before)
                let sums = Floats(repeating: .nan, count: 2 * source.line)
                let dw = Floats(repeating: .nan, count: test.inputs * gradient.line)
                let scratch = Floats(
                    repeating: .nan, count: fpnas_priv_pointwise_scratch(source.line, gradient.line)
                )
                var (s, g) = (source.c, gradient.c)
                k.pointwise_gradient(
                    &g, &s, test.rows, pixels, test.inputs, packed.pointer, dx.pointer,
                    mode, sums.pointer, dw.pointer, scratch.pointer)
                for held in [packed, dx, sums, dw, scratch] { #expect(held.isIntact) }

                var reference = [Double](repeating: 0, count: test.inputs * test.outputs)
                var dxReference: [Double] = []
                for row in 0..<test.rows {
                    let d = (0..<test.outputs).map { gradient.value(row, $0) }
                    for i in 0..<test.inputs {
                        var sum = 0.0
                        let value = source.value(row, i)
                        for n in 0..<test.outputs {
                            reference[i * test.outputs + n] += value * d[n]
                            sum += d[n] * Double(w[i * wLine + n])
                        }
                        if mode == FPNAS_ADD { sum += Double(before[row * source.line + i]) }
                        if isThrough { sum *= source.act.slope(source.z(row, i)) }
                        dxReference.append(sum)
                    }
                }
                let dwFound = (0..<(test.inputs * test.outputs)).map {
                    Double(dw[$0 / test.outputs * gradient.line + $0 % test.outputs])
                }
                expectClose(dwFound, reference, "weight gradient")
                let dxFound = (0..<(test.rows * test.inputs)).map {
                    Double(dx[$0 / test.inputs * source.line + $0 % test.inputs])
                }
                expectClose(dxFound, dxReference, "input gradient")
                if isThrough {
                    expectSums(source, dxReference, sums, rows: test.rows)
                }
            }
        }
    }

    @Test(arguments: variants) func aFirstConvolutionHasNoInputGradient(
        _ variant: String
    ) throws {
        let k = try kernels(variant)
        var noise = Noise(3)
        let source = Source(rows: 20, pixels: 20, channels: 3, act: nil, noise: &noise)
        let gradient = Gradient(rows: 20, channels: 8, normalised: true, noise: &noise)
        let dw = Floats(repeating: .nan, count: 3 * 8)
        let scratch = Floats(repeating: 0, count: fpnas_priv_pointwise_scratch(8, 8))
        var (s, g) = (source.c, gradient.c)
        k.pointwise_gradient(
            &g, &s, 20, 20, 3, nil, nil, FPNAS_STORE, nil, dw.pointer, scratch.pointer)
        let expected = (0..<24).map { at in
            (0..<20).reduce(0.0) { $0 + source.value($1, at / 8) * gradient.value($1, at % 8) }
        }
        expectClose(dw.values.map(Double.init), expected, "weight gradient")
    }

    @Test(arguments: variants) func nanReachesItsRowAndNothingElse(
        _ variant: String
    ) throws {
        let k = try kernels(variant)
        for act in Act.allCases {
            var noise = Noise(4)
            let source = Source(rows: 14, pixels: 14, channels: 9, act: act, noise: &noise)
            source.x.pointer[5 * source.line + 7] = .nan
            let packed = Floats(noise.values(9 * 24))
            let y = Floats(repeating: 0, count: 14 * 24)
            let moments = Floats(repeating: 0, count: 3 * 24)
            let scratch = Floats(repeating: 0, count: fpnas_priv_pointwise_scratch(16, 24))
            var s = source.c
            k.pointwise(
                &s, 14, 14, 9, packed.pointer, 24, y.pointer, moments.pointer, scratch.pointer)
            for row in 0..<14 {
                for n in 0..<24 { #expect(y[row * 24 + n].isNaN == (row == 5)) }
            }
            #expect((24..<72).allSatisfy { moments[$0].isNaN })
        }
    }
}

/// Moments are of what was stored, whatever its rounding.
func expectMoments(_ y: Floats, _ moments: Floats, rows: Int, channels: Int, line: Int) {
    for c in 0..<channels {
        let values = (0..<rows).map { Double(y[$0 * line + c]) }
        let shift = Double(moments[c])
        #expect(shift == values[0])
        let sum = values.reduce(0) { $0 + ($1 - shift) }
        let square = values.reduce(0) { $0 + ($1 - shift) * ($1 - shift) }
        let size = max(1, values.reduce(0) { $0 + abs($1 - shift) })
        #expect(abs(Double(moments[line + c]) - sum) <= 1e-6 * size)
        #expect(abs(Double(moments[2 * line + c]) - square) <= 2e-6 * max(1, square))
    }
}

/// Sums of the gradient in front of an activation.
func expectSums(_ source: Source, _ dz: [Double], _ sums: Floats, rows: Int) {
    for c in 0..<source.channels {
        var (sum, product, size) = (0.0, 0.0, 1.0)
        for row in 0..<rows {
            let d = dz[row * source.channels + c]
            sum += d
            product += d * (Double(source.x[row * source.line + c]) - Double(source.mean[c]))
            size += abs(d)
        }
        #expect(abs(Double(sums[c]) - sum) <= 5e-6 * size)
        #expect(abs(Double(sums[source.line + c]) - product) <= 1e-5 * size)
    }
}

/// Products of plain matrices, whose lines hold more than their columns.
@Suite struct MatrixProductTests {
    @Test(arguments: productCases) func products(_ test: ProductCase) throws {
        let k = try kernels(test.variant)
        var noise = Noise(test.rows)
        let (rows, inner, columns) = (test.rows, test.inputs, test.outputs)
        let (aLine, line) = (aligned(inner) + 8, aligned(columns) + 8)
        func matrix(_ rows: Int, _ columns: Int, _ line: Int) -> Floats {
            var values = [Float](repeating: .nan, count: rows * line)
            for r in 0..<rows {
                for c in 0..<columns { values[r * line + c] = noise.next() }
            }
            return Floats(values)
        }
        func expectProduct(_ y: Floats, _ a: (Int, Int) -> Float, _ b: (Int, Int) -> Float) {
            #expect(y.isIntact)
            var (found, expected) = ([Double](), [Double]())
            for r in 0..<rows {
                for c in 0..<columns {
                    found.append(Double(y[r * line + c]))
                    expected.append(
                        (0..<inner).reduce(0) { $0 + Double(a(r, $1)) * Double(b($1, c)) })
                }
            }
            expectClose(found, expected, "\(test)")
        }
        let a = matrix(rows, inner, aLine)
        let turned = matrix(inner, rows, aligned(rows))
        let b = matrix(inner, columns, line)
        let bTurned = matrix(columns, inner, aLine)
        let y = Floats(repeating: .nan, count: rows * line)
        k.matrix_product(
            a.pointer, aLine, 1, rows, inner, b.pointer, line, columns, 0, y.pointer, line)
        expectProduct(y, { a[$0 * aLine + $1] }, { b[$0 * line + $1] })
        k.matrix_product(
            turned.pointer, 1, aligned(rows), rows, inner, b.pointer, line, columns, 0,
            y.pointer, line)
        expectProduct(y, { turned[$1 * aligned(rows) + $0] }, { b[$0 * line + $1] })
        let z = Floats(repeating: .nan, count: rows * line)
        k.transposed_product(
            a.pointer, aLine, rows, inner, bTurned.pointer, aLine, columns, 0.5, 0, z.pointer, line)
        k.transposed_product(
            a.pointer, aLine, rows, inner, bTurned.pointer, aLine, columns, 0.5, 1, z.pointer, line)
        expectProduct(z, { a[$0 * aLine + $1] }, { bTurned[$1 * aLine + $0] })
        #expect((0..<rows).allSatisfy { z[$0 * line + columns].isNaN })
    }
}
