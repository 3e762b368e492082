import CSearchKernels
import SearchSpace
import Support

extension ArchitectureDistribution {
    /// Draws raw encodings into `output`, `count` rows of V choices.
    ///
    /// Sample k of step t takes its group g from the Philox counter (g, k, t): any rank draws any
    /// sample alone. O(count · V · log choices), no allocation.
    public func sample(
        seed: UInt64, step: UInt64, count: Int, into output: UnsafeMutablePointer<Int32>
    ) {
        let random = Philox(seed: seed, stream: .architectures)
        let stream = fpnas_priv_stream(key: (random.key.x, random.key.y), stream: random.stream)
        let width = space.variableCount
        // Some samples at a time, so that their random numbers fit on the stack.
        let chunk = 64
        unsafe withUnsafeTemporaryAllocation(of: Double.self, capacity: chunk) { uniforms in
            guard let u = uniforms.baseAddress else { return }
            for first in stride(from: 0, to: count, by: chunk) {
                let size = min(chunk, count - first)
                for g in 0..<groupCount {
                    unsafe withUnsafePointer(to: stream) { stream in
                        unsafe kernels.pointee.uniforms(
                            stream, step, UInt32(truncatingIfNeeded: g),
                            UInt32(truncatingIfNeeded: first), size, u)
                    }
                    let members = variables(ofGroup: g)
                    for k in 0..<size {
                        let index = unsafe draw(g, u[k])
                        unsafe write(index, members, to: output + (first + k) * width)
                    }
                }
            }
        }
    }

    /// Writes a group's index as choices: its digits in mixed radix, the last variable's first.
    @inline(__always)
    private func write(_ index: Int, _ members: Range<Int>, to row: UnsafeMutablePointer<Int32>) {
        var rest = UInt32(truncatingIfNeeded: index)  // at most 2^26
        var v = members.upperBound - 1
        while v > members.lowerBound {
            let choices = UInt32(truncatingIfNeeded: space.choiceCounts[v])
            let (quotient, choice) = rest.quotientAndRemainder(dividingBy: choices)
            unsafe row[v] = Int32(truncatingIfNeeded: choice)
            rest = quotient
            v -= 1
        }
        unsafe row[v] = Int32(truncatingIfNeeded: rest)
    }

    /// The first index of the group whose cumulative probability exceeds u in [0, 1).
    ///
    /// Found in two steps, the block first, in running sums of exponentials; where their rounding
    /// leaves none, the last choice that can be drawn at all.
    func draw(_ group: Int, _ u: Double) -> Int {
        let sums = unsafe running.pointer
        let first = unsafe blockOffsets.pointer[group]
        var low = first
        var left = unsafe blockOffsets.pointer[group + 1] - first
        let target = unsafe u * sums[first + left - 1]
        // Halves without a branch, which no predictor could guess.
        while left > 1 {
            let half = left / 2
            low += unsafe sums[low + half - 1] > target ? 0 : half
            left -= half
        }
        let block = Int(FPNAS_PRIV_SEARCH_BLOCK)
        let start = groupOffsets[group]
        let e = unsafe exponentials.pointer + start
        let begin = (low - first) * block
        let end = min(begin + block, groupOffsets[group + 1] - start)
        var sum = unsafe low > first ? sums[low - 1] : 0
        var index = begin
        // Counted without a branch: a choice of probability 0 leaves the sum as it is.
        for i in begin..<end {
            unsafe sum += e[i]
            index += sum > target ? 0 : 1
        }
        if index < end { return index }
        index = end - 1
        while index > 0, unsafe e[index] == 0 { index -= 1 }
        return index
    }

    /// The index of a raw encoding in a group.
    @inline(__always)
    func index(
        of architecture: UnsafePointer<Int32>, _ members: Range<Int>
    ) -> Int {
        var index = 0
        for v in members { unsafe index += Int(architecture[v]) * strides[v] }
        return index
    }

    /// log P(A|α) of a raw encoding in nats; choices are in range.
    public func logProbability(_ architecture: UnsafePointer<Int32>) -> Double {
        var sum = 0.0
        for g in 0..<groupCount {
            let i = unsafe index(of: architecture, variables(ofGroup: g))
            unsafe sum += logProbabilities.pointer[groupOffsets[g] + i]
        }
        return sum
    }

    /// log P of a raw encoding in nats.
    public func logProbability(_ architecture: [Int32]) throws(FPNASError) -> Double {
        try space.check(architecture)
        return unsafe architecture.withUnsafeBufferPointer { rows in
            guard let row = rows.baseAddress else { return 0 }
            return unsafe logProbability(row)
        }
    }

    /// Adds Σ_k m_k ∇_α(−log P(A_k|α)) to a gradient of `logitCount` values.
    ///
    ///     ∂/∂α_gj = (Σ_k m_k) · p_gj − Σ_k m_k · 1[A_k chooses j in g]
    ///
    /// O(count · V + number of logits), summed in sample order.
    public func addGradient(
        _ architectures: UnsafePointer<Int32>, _ coefficients: UnsafeBufferPointer<Double>,
        to gradient: UnsafeMutablePointer<Double>
    ) {
        var total = 0.0
        for k in 0..<coefficients.count { unsafe total += coefficients[k] }
        let p = unsafe probabilities.pointer
        for i in 0..<logitCount { unsafe gradient[i] += total * p[i] }
        unsafe addDraws(architectures, coefficients, to: gradient)
    }

    /// The second term of the above alone, O(count · V).
    public func addDraws(
        _ architectures: UnsafePointer<Int32>, _ coefficients: UnsafeBufferPointer<Double>,
        to pull: UnsafeMutablePointer<Double>
    ) {
        for g in 0..<groupCount {
            let members = variables(ofGroup: g)
            for k in 0..<coefficients.count {
                let row = unsafe architectures + k * space.variableCount
                let i = unsafe groupOffsets[g] + index(of: row, members)
                unsafe pull[i] -= coefficients[k]
            }
        }
    }

    /// KL(self ‖ other) in nats, of raw encodings over the same space.
    ///
    /// Different forms are compared in joint form.
    public func divergence(from other: ArchitectureDistribution) throws(FPNASError) -> Double {
        guard space == other.space else {
            throw .invalid(
                "the divergence needs one space, got '\(space.name)' and '\(other.space.name)'")
        }
        guard form == other.form else {
            return try joint().divergence(from: other.joint())
        }
        var sum = 0.0
        for i in 0..<logitCount {
            let difference = unsafe logProbabilities.pointer[i] - other.logProbabilities.pointer[i]
            unsafe sum += probabilities.pointer[i] * difference
        }
        return max(sum, 0)
    }
}
