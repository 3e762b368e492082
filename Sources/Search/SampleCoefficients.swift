import Support

/// The importance weights of an ask and the coefficients of equation 7 made from them.
///
/// Values, multiplicities and results have one entry a network. The forms that take memory from
/// the caller allocate nothing.
public enum SampleCoefficients {
    /// w_i = n_i·e^(s·ℓ_i) / Σ_j n_j·e^(s·ℓ_j), for U networks with multiplicities n; Σ w = 1.
    ///
    /// Likelihoods of −∞ weigh 0. When all are −∞ there is no preference and all weights are 0.
    /// [PARSEC; FP-NAS eq. 7]
    public static func weights(
        _ logLikelihoods: UnsafeBufferPointer<Double>, _ multiplicities: UnsafeBufferPointer<Int>,
        scale: Double, into weights: UnsafeMutableBufferPointer<Double>
    ) {
        let count = logLikelihoods.count
        var peak = -Double.infinity
        for i in 0..<count { unsafe peak = max(peak, logLikelihoods[i]) }
        for i in 0..<count { unsafe weights[i] = 0 }
        guard peak > -.infinity else { return }
        var total = 0.0
        for i in 0..<count where unsafe logLikelihoods[i] > -.infinity {
            // Finite, so that a scale of 0 leaves no preference between the widest values.
            let difference = unsafe max(logLikelihoods[i] - peak, -.greatestFiniteMagnitude)
            unsafe weights[i] =
                Double(multiplicities[i]) * Elementary.exp(scale * difference)
            unsafe total += weights[i]
        }
        for i in 0..<count { unsafe weights[i] /= total }
    }

    /// 1 / Σ_k w_k² over the K samples, of which n_i share the weight of network i.
    public static func effectiveSampleSize(
        _ weights: UnsafeBufferPointer<Double>, _ multiplicities: UnsafeBufferPointer<Int>
    ) -> Double {
        var sum = 0.0
        for i in 0..<multiplicities.count where unsafe weights[i] > 0 {
            unsafe sum += weights[i] * weights[i] / Double(multiplicities[i])
        }
        return sum > 0 ? 1 / sum : 0
    }

    /// The factor on the log-likelihoods at which the effective sample size is `share` · K.
    ///
    /// The size falls with the factor, so 60 bisections of the factor's logarithm find it; where
    /// it cannot be reached (equal likelihoods) the largest factor, 1e6, changes nothing.
    /// `weights` is scratch.
    public static func scale(
        share: Double, _ logLikelihoods: UnsafeBufferPointer<Double>,
        _ multiplicities: UnsafeBufferPointer<Int>, weights: UnsafeMutableBufferPointer<Double>
    ) -> Double {
        var count = 0
        for i in 0..<multiplicities.count { unsafe count += multiplicities[i] }
        let target = share * Double(count)
        var low = 1e-6
        var high = 1e6
        for _ in 0..<60 {
            let middle = (low * high).squareRoot()
            unsafe self.weights(logLikelihoods, multiplicities, scale: middle, into: weights)
            let size = unsafe effectiveSampleSize(UnsafeBufferPointer(weights), multiplicities)
            if size > target {
                low = middle
            } else {
                high = middle
            }
        }
        return high
    }

    /// m_k of every sample of network i, times its multiplicity: the coefficients of
    /// ∇(−log P(A_i|α)).
    ///
    ///     m_k = w_k − β·c_k,  c_k = C_k / Σ_j C_j  (0 where all C are 0)
    ///
    /// with 1/K taken off both terms under the mean baseline. [FP-NAS eq. 7]
    public static func coefficients(
        weights: UnsafeBufferPointer<Double>, excesses: UnsafeBufferPointer<Double>,
        multiplicities: UnsafeBufferPointer<Int>, costWeight: Double, baseline: Baseline,
        into coefficients: UnsafeMutableBufferPointer<Double>
    ) {
        var count = 0.0
        var totalExcess = 0.0
        var totalWeight = 0.0
        for i in 0..<multiplicities.count {
            let n = unsafe Double(multiplicities[i])
            count += n
            unsafe totalExcess += n * excesses[i]
            unsafe totalWeight += weights[i]
        }
        let hasCost = costWeight > 0 && totalExcess > 0
        for i in 0..<multiplicities.count {
            let n = unsafe Double(multiplicities[i])
            let mean = baseline == .mean ? n / count : 0
            var value = unsafe totalWeight > 0 ? weights[i] - mean : 0
            if hasCost { unsafe value -= costWeight * (n * excesses[i] / totalExcess - mean) }
            unsafe coefficients[i] = value
        }
    }
}

// MARK: - On arrays

extension SampleCoefficients {
    public static func weights(
        _ logLikelihoods: [Double], _ multiplicities: [Int], scale: Double
    ) -> [Double] {
        unsafe on(logLikelihoods, multiplicities) { values, counts, weights in
            unsafe self.weights(values, counts, scale: scale, into: weights)
        }.results
    }

    public static func effectiveSampleSize(_ weights: [Double], _ multiplicities: [Int]) -> Double {
        unsafe on(weights, multiplicities) { weights, counts, _ in
            unsafe effectiveSampleSize(weights, counts)
        }.value
    }

    public static func scale(
        share: Double, _ logLikelihoods: [Double], _ multiplicities: [Int]
    ) -> Double {
        unsafe on(logLikelihoods, multiplicities) { values, counts, weights in
            unsafe scale(share: share, values, counts, weights: weights)
        }.value
    }

    public static func coefficients(
        weights: [Double], excesses: [Double], multiplicities: [Int], costWeight: Double,
        baseline: Baseline
    ) -> [Double] {
        unsafe on(weights + excesses, multiplicities) { values, counts, results in
            unsafe coefficients(
                weights: UnsafeBufferPointer(rebasing: values[..<counts.count]),
                excesses: UnsafeBufferPointer(rebasing: values[counts.count...]),
                multiplicities: counts, costWeight: costWeight, baseline: baseline, into: results)
        }.results
    }

    /// Runs the body on the arrays' memory, with room for one result a network.
    private static func on<R>(
        _ values: [Double], _ multiplicities: [Int],
        _ body: (
            UnsafeBufferPointer<Double>, UnsafeBufferPointer<Int>,
            UnsafeMutableBufferPointer<Double>
        ) -> R
    ) -> (value: R, results: [Double]) {
        var results = [Double](repeating: 0, count: multiplicities.count)
        let value = unsafe values.withUnsafeBufferPointer { values in
            unsafe multiplicities.withUnsafeBufferPointer { counts in
                unsafe results.withUnsafeMutableBufferPointer { unsafe body(values, counts, $0) }
            }
        }
        return (value, results)
    }
}
