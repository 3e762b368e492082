import CSearchKernels
import Support

/// The settings of one update of Adam, its bias corrections worked in.
public struct DescentRates {
    public var beta1: Double
    public var beta2: Double
    /// Learning rate / (1 − β1^t).
    public var rate: Double
    /// 1 / √(1 − β2^t).
    public var spread: Double
    public var epsilon: Double

    public init(beta1: Double, beta2: Double, rate: Double, spread: Double, epsilon: Double) {
        self.beta1 = beta1
        self.beta2 = beta2
        self.rate = rate
        self.spread = spread
        self.epsilon = epsilon
    }
}

extension ArchitectureDistribution {
    /// Moves the logits by Adam against a gradient, within ±`largestLogit`, and normalises.
    ///
    ///     g_i = total · p_i + pull_i
    ///     m ← β1·m + (1 − β1)·g,  v ← β2·v + (1 − β2)·g²,  α ← α − rate · m / (√v · spread + ε)
    ///
    /// One pass over the memory, no allocation. `pull`, `first` (m) and `second` (v) have
    /// `logitCount` values; `pull` is left zero. Returns Σ g².
    public func descend(
        total: Double, pull: Buffer<Double>, first: Buffer<Double>, second: Buffer<Double>,
        _ rates: DescentRates
    ) -> Double {
        assert(pull.count == logitCount && first.count == logitCount && second.count == logitCount)
        for g in 0..<groupCount {
            unsafe factors.pointer[g] = total / exponentialSum(ofGroup: g)
        }
        let descent = unsafe fpnas_priv_descent(
            factors: factors.pointer, pull: pull.pointer, first: first.pointer,
            second: second.pointer, beta1: rates.beta1, beta2: rates.beta2, rate: rates.rate,
            spread: rates.spread, epsilon: rates.epsilon,
            limit: ArchitectureDistribution.largestLogit)
        let squares = unsafe withUnsafePointer(to: softmax) { softmax in
            unsafe withUnsafePointer(to: descent) { descent in
                unsafe kernels.pointee.descend(softmax, descent)
            }
        }
        refreshEntropy()
        return squares
    }

    /// Raw probability of one choice of a variable. O(size of its group), no allocation.
    public func marginal(of variable: Int, choice: Int) -> Double {
        let group = group(of: variable)
        let width = strides[variable]
        let step = width * space.choiceCounts[variable]
        var sum = 0.0
        var i = groupOffsets[group] + choice * width
        while i < groupOffsets[group + 1] {
            unsafe sum += kernels.pointee.sum(exponentials.pointer + i, width)
            i += step
        }
        return sum / exponentialSum(ofGroup: group)
    }
}
