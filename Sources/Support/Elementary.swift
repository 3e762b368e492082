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
        let n = (x * 1.4426950408889634).rounded(.toNearestOrEven)
        let high = x - n * ln2High
        let low = n * ln2Low
        let r = high - low
        // e^r − 1 on |r| ≤ ln 2 / 2 by its Taylor series (the next term is below 2^-62).
        var p = 1.0 / 6_227_020_800
        for c in reciprocalFactorials { p = p * r + c }
        let correction = (high - r) - low
        let value = 1 + (r + (r * r * p + correction))
        let exponent = Int(n)
        if exponent < -1021 {  // in two steps, so that subnormals round once
            return value * power(ofTwo: exponent + 1000) * 0x1p-1000
        }
        if exponent > 1023 { return value * power(ofTwo: exponent - 1) * 2 }
        return value * power(ofTwo: exponent)
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

    // 1/12! … 1/2!
    private static let reciprocalFactorials: [Double] = [
        1.0 / 479_001_600, 1.0 / 39_916_800, 1.0 / 3_628_800, 1.0 / 362_880, 1.0 / 40_320,
        1.0 / 5_040, 1.0 / 720, 1.0 / 120, 1.0 / 24, 1.0 / 6, 0.5,
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
