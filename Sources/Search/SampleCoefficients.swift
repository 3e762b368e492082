import Support

/// The importance weights of an ask and the coefficients of equation 7 made from them.
public enum SampleCoefficients {
    /// w_i = n_i·e^(s·ℓ_i) / Σ_j n_j·e^(s·ℓ_j), for U networks with multiplicities n; Σ w = 1.
    ///
    /// Likelihoods of −∞ weigh 0. When all are −∞ there is no preference and all weights are 0.
    /// [PARSEC; FP-NAS eq. 7]
    public static func weights(
        _ logLikelihoods: [Double], _ multiplicities: [Int], scale: Double
    ) -> [Double] {
        var peak = -Double.infinity
        for value in logLikelihoods { peak = max(peak, value) }
        guard peak > -.infinity else { return logLikelihoods.map { _ in 0 } }
        var total = 0.0
        var weights = [Double](repeating: 0, count: logLikelihoods.count)
        for i in logLikelihoods.indices where logLikelihoods[i] > -.infinity {
            // Finite, so that a scale of 0 leaves no preference between the widest values.
            let difference = max(logLikelihoods[i] - peak, -.greatestFiniteMagnitude)
            weights[i] = Double(multiplicities[i]) * Elementary.exp(scale * difference)
            total += weights[i]
        }
        for i in weights.indices { weights[i] /= total }
        return weights
    }

    /// 1 / Σ_k w_k² over the K samples, of which n_i share the weight of network i.
    public static func effectiveSampleSize(_ weights: [Double], _ multiplicities: [Int]) -> Double {
        var sum = 0.0
        for (w, n) in zip(weights, multiplicities) where w > 0 { sum += w * w / Double(n) }
        return sum > 0 ? 1 / sum : 0
    }

    /// The factor on the log-likelihoods at which the effective sample size is `share` · K.
    ///
    /// The size falls with the factor, so 60 bisections of the factor's logarithm find it; where
    /// it cannot be reached (equal likelihoods) the largest factor, 1e6, changes nothing.
    public static func scale(
        share: Double, _ logLikelihoods: [Double], _ multiplicities: [Int]
    ) -> Double {
        let target = share * Double(multiplicities.reduce(0, +))
        var low = 1e-6
        var high = 1e6
        for _ in 0..<60 {
            let middle = (low * high).squareRoot()
            let weights = weights(logLikelihoods, multiplicities, scale: middle)
            if effectiveSampleSize(weights, multiplicities) > target {
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
        weights: [Double], excesses: [Double], multiplicities: [Int], costWeight: Double,
        baseline: Baseline
    ) -> [Double] {
        var count = 0.0
        var totalExcess = 0.0
        var totalWeight = 0.0
        for i in weights.indices {
            count += Double(multiplicities[i])
            totalExcess += Double(multiplicities[i]) * excesses[i]
            totalWeight += weights[i]
        }
        let hasCost = costWeight > 0 && totalExcess > 0
        return weights.indices.map { i in
            let n = Double(multiplicities[i])
            let mean = baseline == .mean ? n / count : 0
            let preference = totalWeight > 0 ? weights[i] - mean : 0
            guard hasCost else { return preference }
            return preference - costWeight * (n * excesses[i] / totalExcess - mean)
        }
    }
}
