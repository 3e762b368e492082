/// A sum Σ n·e^ℓ·g over values that arrive one by one, in one accumulator that cannot overflow.
///
/// The accumulator G itself belongs to the caller; this holds the highest ℓ so far (M) and the
/// sum of the weights relative to it (Z), and says how to scale. At the end G / Z is the mean of
/// the g weighted by softmax(ℓ). Sums of several ranks merge by (M, Z). [method: one pass]
public struct RescaledSum: Hashable, Sendable {
    /// M: the highest ℓ pushed; −∞ before any.
    public var maximum = -Double.infinity
    /// Z = Σ n·e^(ℓ − M).
    public var total = 0.0

    public init() {}

    /// Takes in a value: G ← G·keep + g·add.
    ///
    /// A likelihood of zero, ℓ = −∞, changes nothing (keep 1, add 0); NaN and +∞ are refused.
    public mutating func push(
        _ logLikelihood: Double, multiplicity: Int
    ) throws(FPNASError) -> (keep: Double, add: Double) {
        guard logLikelihood < .infinity else {
            throw .invalid("log_likelihood must be a number below infinity, got \(logLikelihood)")
        }
        guard multiplicity >= 1 else {
            throw .invalid("multiplicity must be at least 1, got \(multiplicity)")
        }
        guard logLikelihood > -.infinity else { return (1, 0) }
        var other = RescaledSum()
        other.maximum = logLikelihood
        other.total = Double(multiplicity)
        let factors = merge(other)
        return (factors.keep, factors.add * Double(multiplicity))
    }

    /// Joins another sum: G ← G·keep + G'·add.
    public mutating func merge(_ other: RescaledSum) -> (keep: Double, add: Double) {
        guard other.total > 0 else { return (1, 0) }
        let peak = max(maximum, other.maximum)
        let keep = total > 0 ? Elementary.exp(maximum - peak) : 0
        let add = Elementary.exp(other.maximum - peak)
        total = total * keep + other.total * add
        maximum = peak
        return (keep, add)
    }
}
