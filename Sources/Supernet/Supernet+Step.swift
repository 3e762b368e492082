import CKernels
import Support

extension Supernet {
    /// Floats of one chunk of the parameters.
    static let segment = 1 << 14

    private func forEachSegment(
        _ range: Range<Int>, _ team: ThreadTeam, _ body: (Int, Int) -> Void
    ) {
        let size = Supernet.segment
        team.run(chunks: (range.count + size - 1) / size) { chunk in
            let start = range.lowerBound + chunk * size
            body(start, min(size, range.upperBound - start))
        }
    }

    func scaleGradient(by factor: Double, _ team: ThreadTeam) {
        let k = unsafe kernels.pointee
        let gradient = unsafe weights.gradient.pointer
        forEachSegment(0..<weights.count, team) { start, count in
            unsafe k.scale(gradient + start, Float(factor), count)
        }
    }

    /// The norm of the accumulator as it lies, summed over fixed segments in order.
    func gradientNorm(_ team: ThreadTeam) -> Double {
        let k = unsafe kernels.pointee
        let gradient = unsafe weights.gradient.pointer
        let sums = unsafe squareSums.pointer
        forEachSegment(0..<weights.count, team) { start, count in
            unsafe sums[start / Supernet.segment] = k.square_sum(gradient + start, count)
        }
        let total = unsafe squareSums.elements.reduce(0, +)
        return total.squareRoot()
    }

    func descend(_ options: StepOptions, factor: Float, _ team: ThreadTeam) {
        let k = unsafe kernels.pointee
        let parameters = unsafe weights.parameters.pointer
        let momentum = unsafe weights.momentum.pointer
        let gradient = unsafe weights.gradient.pointer
        let second = unsafe weights.second?.pointer
        let optimiser = options.optimiser
        // In float as it is used, from what double can say.
        let firstScale = Float(1 / (1 - power(options.momentum, steps)))
        let secondScale = Float(1 / (1 - power(optimiser.second, steps)))
        for (range, decays) in weights.decay {
            let decay = decays ? options.weightDecay : 0
            forEachSegment(range, team) { start, count in
                let (w, v, g) = unsafe (parameters + start, momentum + start, gradient + start)
                // The next step begins with none, and here it is still in a core's cache.
                defer { unsafe g.update(repeating: 0, count: count) }
                let (rate, momentum) = (Float(options.rate), Float(options.momentum))
                guard let s = unsafe second, optimiser != .sgd else {
                    unsafe k.descend(w, v, g, count, factor, rate, momentum, Float(decay))
                    return
                }
                if optimiser == .rmsProp {
                    unsafe k.descend_rms(
                        w, v, s + start, g, count, factor, rate, momentum, Float(decay),
                        Float(optimiser.second), Float(optimiser.epsilon))
                } else {
                    unsafe k.descend_adam(
                        w, v, s + start, g, count, factor, rate, momentum, Float(decay),
                        Float(optimiser.second), Float(optimiser.epsilon), firstScale,
                        secondScale)
                }
            }
        }
        weights.gradientIsClear = true
        guard options.averaging > 0, let average = unsafe weights.average?.pointer else { return }
        // Shorter at first, so that the initial weights are soon forgotten.
        let decay = min(options.averaging, Double(1 + steps) / Double(10 + steps))
        forEachSegment(0..<weights.count, team) { start, count in
            unsafe k.approach(average + start, parameters + start, count, Float(1 - decay))
        }
    }

    /// x^n for x in [0, 1), by squaring, so that it is the same everywhere.
    private func power(_ x: Double, _ n: Int) -> Double {
        var (result, base, rest) = (1.0, x, n)
        while rest > 0 {
            if rest & 1 == 1 { result *= base }
            base *= base
            rest >>= 1
        }
        return result
    }

    /// Runs `body` with the average of the weights in place of the weights, where one is kept.
    public func withAverage<T>(_ body: () throws(FPNASError) -> T) throws(FPNASError) -> T {
        weights.exchangeAverage()
        defer { weights.exchangeAverage() }
        return try body()
    }
}

/// The cosine rate: from `initial` at step 0 to 0 after the last of `total` steps.
public func cosineRate(initial: Double, step: Int, of total: Int) -> Double {
    guard total > 0, step < total else { return 0 }
    // cos(π·t) by way of turns, t / 2 in [0, 1/2).
    let half = Double(max(step, 0)) / Double(total) / 2
    return initial * 0.5 * (1 + Elementary.cosineOfTurns(half))
}
