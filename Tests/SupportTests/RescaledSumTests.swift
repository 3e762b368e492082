import Glibc
import Support
import Testing

@Suite struct RescaledSumTests {
    private let values: [Double] = [-3, 800, -.infinity, 799, -1e5, 801.5, 801.5]
    private let counts = [1, 2, 1, 3, 1, 1, 4]
    private let gradients: [Double] = [1, -2, 100, 0.5, 7, 3, -1]

    private func reference() -> Double {
        let peak = values.max() ?? 0
        let weights = zip(values, counts).map { Double($1) * Glibc.exp($0 - peak) }
        return zip(weights, gradients).reduce(0) { $0 + $1.0 * $1.1 } / weights.reduce(0, +)
    }

    @Test func onePassEqualsTwo() throws {
        var sum = RescaledSum()
        var g = 0.0
        for i in values.indices {
            let (keep, add) = try sum.push(values[i], multiplicity: counts[i])
            g = g * keep + gradients[i] * add
        }
        #expect(abs(g / sum.total - reference()) < 1e-13)
    }

    @Test func partsMerge() throws {
        var parts: [(sum: RescaledSum, g: Double)] = []
        for range in [0..<2, 2..<3, 3..<7] {
            var sum = RescaledSum()
            var g = 0.0
            for i in range {
                let (keep, add) = try sum.push(values[i], multiplicity: counts[i])
                g = g * keep + gradients[i] * add
            }
            parts.append((sum, g))
        }
        var total = RescaledSum()
        var g = 0.0
        for part in parts {
            let (keep, add) = total.merge(part.sum)
            g = g * keep + part.g * add
        }
        #expect(abs(g / total.total - reference()) < 1e-13)
    }

    @Test func badValuesAreRefused() {
        var sum = RescaledSum()
        for value in [Double.nan, .infinity] {
            #expect(throws: FPNASError.self) { try sum.push(value, multiplicity: 1) }
        }
        #expect(throws: FPNASError.self) { try sum.push(0, multiplicity: 0) }
        #expect(sum == RescaledSum())
    }
}
