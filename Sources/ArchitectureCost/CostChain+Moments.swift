import ArchitectureDistribution
import SearchSpace
import Support

extension CostChain {
    /// E[C(A)] under the distribution, without sampling. O(rows).
    public func expectation(
        under distribution: ArchitectureDistribution
    ) throws(FPNASError) -> Double {
        try moments(under: distribution).mean
    }

    /// Mean and variance of C(A) under the distribution, without sampling. O(rows).
    ///
    /// Backwards over the layers, the mean and the mean square of what is still to come.
    public func moments(
        under distribution: ArchitectureDistribution
    ) throws(FPNASError) -> (mean: Double, variance: Double) {
        let probabilities = try probabilities(distribution)
        // Relative to the least cost of the whole, so that squares keep their digits.
        var mean = [Double](repeating: 0, count: finalStateCount)
        var square = mean
        for (index, layer) in layers.enumerated().reversed() {
            let count = layer.options.count
            let base = Double(layer.costs.min() ?? 0)
            var first = [Double](repeating: 0, count: layer.stateCount)
            var second = first
            for row in layer.costs.indices {
                let p = probabilities[index][row % count]
                let own = Double(layer.costs[row]) - base
                let after = layer.next[row]
                first[row / count] += p * (own + mean[after])
                second[row / count] += p * (own * own + 2 * own * mean[after] + square[after])
            }
            mean = first
            square = second
        }
        let shift = layers.reduce(0.0) { $0 + Double($1.costs.min() ?? 0) }
        return (shift + mean[0], max(square[0] - mean[0] * mean[0], 0))
    }

    /// ∂E[C]/∂α for every logit of the distribution's form. O(rows + number of logits).
    ///
    ///     ∂E[C]/∂α_gj = p_gj · (E[C | A_g = j] − E[C])
    public func expectationGradient(
        under distribution: ArchitectureDistribution
    ) throws(FPNASError) -> [Double] {
        let probabilities = try probabilities(distribution)
        let arrivals = arrivals(probabilities)
        var tail = [Double](repeating: 0, count: finalStateCount)
        var masses: [[Double]] = []
        for (index, layer) in layers.enumerated().reversed() {
            let count = layer.options.count
            // What an option adds here and after, over the states that may come in.
            var values = [Double](repeating: 0, count: count)
            var next = [Double](repeating: 0, count: layer.stateCount)
            for row in layer.costs.indices {
                let value = Double(layer.costs[row]) + tail[layer.next[row]]
                values[row % count] += arrivals[index][row / count] * value
                next[row / count] += probabilities[index][row % count] * value
            }
            masses.append(zip(values, probabilities[index]).map { $0 * $1 })
            tail = next
        }
        var gradient = [Double](repeating: 0, count: distribution.logitCount)
        let view = try LayerOptions(distribution, options: layers.map(\.options))
        unsafe gradient.withUnsafeMutableBufferPointer { gradient in
            guard let start = gradient.baseAddress else { return }
            unsafe view.addGradient(
                ofMasses: masses.reversed(), distribution, probabilities, factor: 1, to: start)
        }
        return gradient
    }
}
