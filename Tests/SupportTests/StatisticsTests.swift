import Glibc
import Support
import Testing

/// Chi-square tests with fixed seeds; the bounds are the 99.9 % quantiles.
@Suite struct StatisticsTests {
    private func chiSquare(_ counts: [Int], _ shares: [Double]) -> Double {
        let total = Double(counts.reduce(0, +))
        return zip(counts, shares).reduce(0) { sum, pair in
            let expected = total * pair.1
            return sum + (Double(pair.0) - expected) * (Double(pair.0) - expected) / expected
        }
    }

    /// All 24 orders of four, over steps; 23 degrees of freedom.
    @Test func everyPermutationIsEquallyLikely() {
        let random = Philox(seed: 5, stream: .dataOrder)
        var counts: [[Int]: Int] = [:]
        for step in UInt64(0)..<24_000 {
            counts[random.permutation(4, step: step), default: 0] += 1
        }
        #expect(counts.count == 24)
        let shares = [Double](repeating: 1.0 / 24, count: 24)
        #expect(chiSquare(counts.values.sorted(), shares) < 49.7)
    }

    /// Twelve cells of half a deviation, the tails together; 11 degrees of freedom.
    @Test func deviatesAreNormal() {
        let random = Philox(seed: 6, stream: .weights)
        var counts = [Int](repeating: 0, count: 12)
        for i in 0..<30_000 {
            let z = random.normal(step: UInt64(i % 3), index: i)
            #expect(abs(z) < 9)
            counts[min(11, max(0, Int((z * 2).rounded(.down)) + 6))] += 1
        }
        func below(_ z: Double) -> Double { 0.5 * erfc(-z / 2.0.squareRoot()) }
        let shares = (0..<12).map { cell -> Double in
            let upper = cell == 11 ? 1 : below(Double(cell - 5) / 2)
            let lower = cell == 0 ? 0 : below(Double(cell - 6) / 2)
            return upper - lower
        }
        #expect(chiSquare(counts, shares) < 31.3)
    }

    /// Pairs of neighbours in index, sample, step and stream; 99 degrees of freedom.
    @Test(arguments: 0..<4) func neighboursAreIndependent(axis: Int) {
        var counts = [Int](repeating: 0, count: 100)
        for i in 0..<20_000 {
            func draw(_ next: Int) -> Int {
                let random = Philox(
                    seed: 9, stream: axis == 3 && next == 1 ? .weights : .architectures)
                return random.integer(
                    below: 10, step: UInt64(2 * i + (axis == 2 ? next : 0)),
                    sample: axis == 1 ? next : 0, index: i + (axis == 0 ? 20_000 * next : 0))
            }
            counts[draw(0) * 10 + draw(1)] += 1
        }
        #expect(chiSquare(counts, [Double](repeating: 0.01, count: 100)) < 148.3)
    }

    @Test func integersKeepToTheirBounds() {
        let random = Philox(seed: 2, stream: .dataSplit)
        for i in 0..<1000 {
            #expect(random.integer(below: 1, step: 0, index: i) == 0)
            #expect((0..<(1 << 31)).contains(random.integer(below: 1 << 31, step: 0, index: i)))
        }
    }
}
