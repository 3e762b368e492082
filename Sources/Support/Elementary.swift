/// exp, log and cosine written out, so that a trajectory is the same on every machine.
///
/// The C library's variants differ by an ulp between versions and CPUs, and one ulp in α is a
/// different architecture some thousand draws later. Only + − × ÷ and exponent bits are used,
/// which IEEE 754 fixes. Errors of exp and log stay below 1.5 ulp (tests compare against the C
/// library).
public enum Elementary {
    private static let ln2High = 0x1.62e42fefa38p-1  // 42 bits, so that n · ln2High is exact
    private static let ln2Low = 0x1.ef35793c7673p-45

    /// e^x; 0 below −745.2, infinity above 709.8, NaN for NaN.
    public static func exp(_ x: Double) -> Double {
        guard x == x else { return x }
        if x > 709.782712893384 { return .infinity }
        if x < -745.1332191019412 { return 0 }
        // x = (16·k + j) · ln 2 / 16 + r, |r| ≤ ln 2 / 32; e^x = 2^k · 2^(j/16) · e^r.
        let n = (x * 1.4426950408889634 * 16).rounded(.toNearestOrEven)
        let r = (x - n * 0x1.62e42fefap-5) - n * 0x1.cf79abc9e3b3ap-44
        // e^r − 1 = r + r²·q(r) with q of degree 4 and the least error in e^r, 1.2e-17 (by Remez);
        // in pairs, which do not wait for one another.
        let square = r * r
        let low = r * 0x1.555555548f86cp-3 + 0.5
        let high = r * 0x1.11123aafc3b08p-7 + 0x1.555555545ea37p-5
        let p = r + square * (low + square * (high + square * 0x1.6c185df302d49p-10))
        let index = Int(n)
        let power = powers[index & 15]
        let value = power + power * p
        let exponent = index >> 4
        if exponent < -1021 {  // in two steps, so that subnormals round once
            return value * self.power(ofTwo: exponent + 1000) * 0x1p-1000
        }
        if exponent > 1023 { return value * self.power(ofTwo: exponent - 1) * 2 }
        return value * self.power(ofTwo: exponent)
    }

    /// ln x; −infinity for 0, NaN for negative numbers and NaN.
    public static func log(_ x: Double) -> Double {
        guard x > 0 else { return x == 0 ? -.infinity : .nan }
        guard x < .infinity else { return x }
        var m = x.significand
        var e = Double(x.exponent)
        if m > 1.4142135623730951 {
            m *= 0.5
            e += 1
        }
        // ln m = 2 artanh(s), s = f / (2 + f), |s| ≤ 0.1716; written as f − (f²/2 − s·(f²/2 + R))
        // so that the large part is exact.
        let f = m - 1
        let s = f / (2 + f)
        let z = s * s
        var p = 2.0 / 25
        for c in artanhSeries { p = p * z + c }
        let r = p * z
        let half = 0.5 * f * f
        return e * ln2High - ((half - (s * (half + r) + e * ln2Low)) - f)
    }

    /// cos(2π·v) for v in [0, 1), with an absolute error below 4e-16.
    public static func cosineOfTurns(_ v: Double) -> Double {
        let t = abs(v - 0.5)  // cos(2πv) = −cos(2πt), t in [0, 1/2]
        let sign = t > 0.25 ? 1.0 : -1.0
        let q = t > 0.25 ? 0.5 - t : t  // in [0, 1/4]
        let a = q * 6.283185307179586
        let z = a * a
        var p = 0.0
        for k in stride(from: 22, through: 2, by: -2) {
            p = -(p + 1) * z / Double(k * (k - 1))
        }
        return sign * (1 + p)
    }

    /// ln Σ e^x; −infinity for no elements.
    public static func logSumExp(_ values: some Collection<Double>) -> Double {
        var peak = -Double.infinity
        for value in values where value > peak { peak = value }
        guard peak > -.infinity else { return -.infinity }
        var sum = 0.0
        for value in values { sum += exp(value - peak) }
        return peak + log(sum)
    }

    /// 2^(j/16), rounded.
    private static let powers: [Double] = [
        1, 0x1.0b5586cf9890fp+0, 0x1.172b83c7d517bp+0, 0x1.2387a6e756238p+0,
        0x1.306fe0a31b715p+0, 0x1.3dea64c123422p+0, 0x1.4bfdad5362a27p+0, 0x1.5ab07dd485429p+0,
        0x1.6a09e667f3bcdp+0, 0x1.7a11473eb0187p+0, 0x1.8ace5422aa0dbp+0, 0x1.9c49182a3f090p+0,
        0x1.ae89f995ad3adp+0, 0x1.c199bdd85529cp+0, 0x1.d5818dcfba487p+0, 0x1.ea4afa2a490dap+0,
    ]
    // 2/23 … 2/3
    private static let artanhSeries: [Double] = [
        2.0 / 23, 2.0 / 21, 2.0 / 19, 2.0 / 17, 2.0 / 15, 2.0 / 13, 2.0 / 11, 2.0 / 9, 2.0 / 7,
        2.0 / 5, 2.0 / 3,
    ]

    private static func power(ofTwo exponent: Int) -> Double {
        Double(sign: .plus, exponent: exponent, significand: 1)
    }
}
