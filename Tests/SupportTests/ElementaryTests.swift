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

    /// Any bits at all: subnormals, every exponent, both signs, NaNs.
    @Test func arbitraryBitsAreWithinOneAndAHalfUlp() {
        let random = Philox(seed: 1, stream: .baselines)
        var worst = (exp: 0.0, log: 0.0)
        for i in 0..<60_000 {
            let words = random.words(step: 0, index: i)
            let x = Double(bitPattern: UInt64(words.x) << 32 | UInt64(words.y))
            worst.exp = max(worst.exp, error(Elementary.exp(x), Glibc.exp(x)))
            worst.log = max(worst.log, error(Elementary.log(x), Glibc.log(x)))
            // Results of the exponential that are subnormal, and arguments near 1.
            let low = -708 - 38 * Double(words.z) / 4_294_967_296
            worst.exp = max(worst.exp, error(Elementary.exp(low), Glibc.exp(low)))
            let one = 1 + (Double(words.w) - 2_147_483_648) * 0x1p-36
            worst.log = max(worst.log, error(Elementary.log(one), Glibc.log(one)))
        }
        #expect(worst.exp <= 1.5)
        #expect(worst.log <= 1.5)
    }

    /// Both sides of the limits at which the exponential becomes 0 and infinite.
    @Test func exponentialAtItsLimits() {
        for limit in [709.782712893384, -745.1332191019412, -708.3964185322641] {
            for step in -3...3 {
                let x = limit + Double(step) * limit.ulp
                #expect(error(Elementary.exp(x), Glibc.exp(x)) <= 1.5, "\(x)")
            }
        }
    }

    /// The C library's cosine and sine within an eighth of a turn, where 2πv keeps its digits.
    @Test func cosineOfTurns() {
        func reference(_ v: Double) -> Double {
            let t = abs(v - 0.5)
            let q = t > 0.25 ? 0.5 - t : t
            let value =
                q <= 0.125
                ? Glibc.cos(2 * Double.pi * q) : Glibc.sin(2 * Double.pi * (0.25 - q))
            return t > 0.25 ? value : -value
        }
        var worst = 0.0
        for i in 0..<50_000 {
            let v = Double(i) / 50_000
            worst = max(worst, abs(Elementary.cosineOfTurns(v) - reference(v)))
        }
        #expect(worst < 4e-16)
        #expect(Elementary.cosineOfTurns(0) == 1 && Elementary.cosineOfTurns(0.5) == -1)
        #expect(abs(Elementary.cosineOfTurns(0.25)) < 4e-16)
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
