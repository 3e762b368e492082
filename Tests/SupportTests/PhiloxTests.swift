import Support
import Testing

@Suite struct PhiloxTests {
    /// The known-answer vectors of Random123's philox4x32-10.
    @Test func knownAnswers() {
        let zero = Philox.block(counter: .zero, key: .zero)
        #expect(zero == SIMD4(0x6627_E8D5, 0xE169_C58D, 0xBC57_AC4C, 0x9B00_DBD8))
        let ones = Philox.block(
            counter: SIMD4(repeating: .max), key: SIMD2(repeating: .max))
        #expect(ones == SIMD4(0x408F_276D, 0x41C8_3B0E, 0xA20B_C7C6, 0x6D54_51FD))
        let pi = Philox.block(
            counter: SIMD4(0x243F_6A88, 0x85A3_08D3, 0x1319_8A2E, 0x0370_7344),
            key: SIMD2(0xA409_3822, 0x299F_31D0))
        #expect(pi == SIMD4(0xD16C_FE09, 0x94FD_CCEB, 0x5001_E420, 0x2412_6EA1))
    }

    @Test func streamsStepsSamplesAndIndicesDiffer() {
        let a = Philox(seed: 1, stream: .architectures)
        let base = a.words(step: 1, sample: 2, index: 3)
        #expect(base != a.words(step: 2, sample: 2, index: 3))
        #expect(base != a.words(step: 1 << 32 | 1, sample: 2, index: 3))
        #expect(base != a.words(step: 1, sample: 3, index: 3))
        #expect(base != a.words(step: 1, sample: 2, index: 4))
        #expect(base != Philox(seed: 1, stream: .weights).words(step: 1, sample: 2, index: 3))
        #expect(base != Philox(seed: 2, stream: .architectures).words(step: 1, sample: 2, index: 3))
    }

    @Test func uniformNumbersAreUniform() {
        let random = Philox(seed: 7, stream: .architectures)
        var bins = [Int](repeating: 0, count: 20)
        for i in 0..<20_000 {
            let u = random.uniform(step: 0, index: i)
            #expect(u >= 0 && u < 1)
            bins[Int(u * 20)] += 1
        }
        // Chi-square with 19 degrees of freedom: 99.9 % lies below 43.8.
        let chi = bins.reduce(0.0) { $0 + (Double($1) - 1000) * (Double($1) - 1000) / 1000 }
        #expect(chi < 43.8)
    }

    @Test func integersStayBelowTheirBoundAndAreUniform() {
        let random = Philox(seed: 3, stream: .dataOrder)
        var counts = [Int](repeating: 0, count: 7)
        for i in 0..<7000 { counts[random.integer(below: 7, step: 5, index: i)] += 1 }
        let chi = counts.reduce(0.0) { $0 + (Double($1) - 1000) * (Double($1) - 1000) / 1000 }
        #expect(chi < 22.5)  // 6 degrees of freedom, 99.9 %
    }

    @Test func normalNumbersHaveMomentsOfTheNormal() {
        let random = Philox(seed: 11, stream: .weights)
        let values = (0..<20_000).map { random.normal(step: 0, index: $0) }
        let mean = values.reduce(0, +) / 20_000
        let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 20_000
        let beyondTwo = Double(values.filter { abs($0) > 2 }.count) / 20_000
        #expect(abs(mean) < 0.03)
        #expect(abs(variance - 1) < 0.04)
        #expect(abs(beyondTwo - 0.0455) < 0.006)
    }

    @Test func permutationsHoldEveryIndexOnceAndDependOnTheStep() {
        let random = Philox(seed: 1, stream: .dataOrder)
        for count in [0, 1, 2, 3, 100] {
            #expect(random.permutation(count, step: 9).sorted() == Array(0..<count))
        }
        #expect(random.permutation(100, step: 1) != random.permutation(100, step: 2))
        #expect(random.permutation(100, step: 1) == random.permutation(100, step: 1))
    }
}
