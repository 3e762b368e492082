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
        unsafe withUnsafePointer(to: softmax) { softmax in
            unsafe withUnsafePointer(to: digits) { digits in
                unsafe withUnsafePointer(to: stream) { stream in
                    unsafe kernels.pointee.sample(softmax, digits, stream, step, count, output)
                }
            }
        }
    }

    /// The first index of the group whose cumulative probability exceeds u in [0, 1).
    ///
    /// Found in two steps, the block first, in running sums of exponentials; where their rounding
    /// leaves none, the last choice that can be drawn at all.
    func draw(_ group: Int, _ u: Double) -> Int {
        unsafe withUnsafePointer(to: softmax) { unsafe kernels.pointee.draw($0, group, u) }
    }

    /// The index of a raw encoding in a group.
    @inline(__always)
    func index(
        of architecture: UnsafePointer<Int32>, _ members: Range<Int>
    ) -> Int {
        var index = 0
        for v in members { unsafe index += Int(architecture[v]) * strides.pointer[v] }
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
        let width = space.variableCount
        let strides = unsafe self.strides.pointer
        for g in 0..<groupCount {
            let members = variables(ofGroup: g)
            let own = unsafe pull + groupOffsets[g]
            for k in 0..<coefficients.count {
                let row = unsafe architectures + k * width
                var i = 0
                for v in members { unsafe i &+= Int(row[v]) &* strides[v] }
                unsafe own[i] -= coefficients[k]
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
