import Glibc
import Support
import Testing

/// Against the C library, in units in the last place of its result.
@Suite struct ElementaryTests {
    private func error(_ ours: Double, _ theirs: Double) -> Double {
        if ours == theirs || (ours.isNaN && theirs.isNaN) { return 0 }
        return abs(ours - theirs) / max(theirs.ulp, .leastNonzeroMagnitude)
    }

    @Test func exponentialIsWithinOneAndAHalfUlp() {
        var worst = 0.0
        for i in -70_000...70_000 {
            let x = Double(i) * 0.010137
            worst = max(worst, error(Elementary.exp(x), Glibc.exp(x)))
        }
        #expect(worst <= 1.5)
        for x in [-745.2, -745.1, -740, -709, 0, -0.0, 1e-300, 1e-17, 709.7, 709.79, 1e300, -1e300]
        {
            #expect(error(Elementary.exp(x), Glibc.exp(x)) <= 1.5, "\(x)")
        }
        #expect(Elementary.exp(.infinity) == .infinity)
        #expect(Elementary.exp(-.infinity) == 0)
        #expect(Elementary.exp(.nan).isNaN)
    }

    @Test func logarithmIsWithinOneAndAHalfUlp() {
        var worst = 0.0
        for i in 1...100_000 {
            for x in [Double(i) * 0.00137, Glibc.exp(Double(i - 50_000) * 0.0139)] {
                worst = max(worst, error(Elementary.log(x), Glibc.log(x)))
            }
        }
        #expect(worst <= 1.5)
        for x in [
            Double.leastNonzeroMagnitude, Double(sign: .plus, exponent: -1030, significand: 1.5),
            0.999_999_999_9, 1, 1.000_000_000_1, 1.797e308,
        ] {
            #expect(error(Elementary.log(x), Glibc.log(x)) <= 1.5, "\(x)")
        }
        #expect(Elementary.log(0) == -.infinity)
        #expect(Elementary.log(.infinity) == .infinity)
        #expect(Elementary.log(-1).isNaN && Elementary.log(.nan).isNaN)
    }

    @Test func cosineOfTurns() {
        for i in 0..<10_000 {
            let v = Double(i) / 10_000
            #expect(abs(Elementary.cosineOfTurns(v) - Glibc.cos(2 * Double.pi * v)) < 1e-15)
        }
    }

    @Test func logSumExp() {
        #expect(Elementary.logSumExp([]) == -.infinity)
        #expect(Elementary.logSumExp([-.infinity, -.infinity]) == -.infinity)
        #expect(abs(Elementary.logSumExp([1000, 1000]) - (1000 + Glibc.log(2))) < 1e-12)
        #expect(
            abs(Elementary.logSumExp([-1000, -1001]) - (-1000 + Glibc.log1p(Glibc.exp(-1)))) < 1e-12
        )
    }
}
