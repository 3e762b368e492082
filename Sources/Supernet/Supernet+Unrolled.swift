import SearchSpace
import Support

/// Images with their labels and loss, for a mixed network.
public struct MixedBatch {
    public let images: Buffer<Float>
    public let labels: [Int32]
    public let loss: Loss

    public init(_ images: Buffer<Float>, _ labels: [Int32], _ loss: Loss = Loss()) {
        self.images = images
        self.labels = labels
        self.loss = loss
    }
}

extension Supernet {
    /// DARTS's second-order gradient by the coefficients m,
    ///
    ///     d/dm L_val(w − ξ∇_w L_train(w, m), m)
    ///         ≈ ∂L_val(w', m)/∂m − ξ (∂L_train(w⁺, m)/∂m − ∂L_train(w⁻, m)/∂m) / 2ε
    ///
    /// with v = ∇_w L_val(w', m), w± = w ± ε·v and ε = 0.01/‖v‖. Four passes; memory for two copies
    /// of the weights. The weights are as they were afterwards, also after an error. [Liu et al.
    /// 2019, §2.3]
    public func unrolledGradient(
        _ mixed: MixedNetwork, _ coefficients: [Double], rate: Double, train: MixedBatch,
        validation: MixedBatch
    ) throws(FPNASError) -> MixedResult {
        let kept = try Buffer<Float>(weights.count, of: "the weights")
        let direction = try Buffer<Float>(weights.count, of: "the gradient")
        unsafe kept.pointer.update(from: parameters.pointer, count: weights.count)
        defer {
            unsafe parameters.pointer.update(from: kept.pointer, count: weights.count)
            abandonStep()
        }
        func pass(_ batch: MixedBatch) throws(FPNASError) -> MixedResult {
            beginStep()
            return try accumulate(
                mixed, coefficients: coefficients, images: batch.images, labels: batch.labels,
                loss: batch.loss)
        }
        func move(_ gradient: Buffer<Float>, _ factor: Double) {
            for i in 0..<weights.count { parameters[i] = kept[i] + Float(factor) * gradient[i] }
        }
        _ = try pass(train)
        move(gradient, -rate)
        let found = try pass(validation)
        unsafe direction.pointer.update(from: gradient.pointer, count: weights.count)
        let norm = try crew.work(isSmall: hasFewWeights) { (team) throws(FPNASError) in
            gradientNorm(team)
        }
        guard norm > 0, norm.isFinite, rate > 0 else { return found }
        let epsilon = 0.01 / norm
        move(direction, epsilon)
        let above = try pass(train).coefficientGradient
        move(direction, -epsilon)
        let below = try pass(train).coefficientGradient
        let scale = rate / (2 * epsilon)
        return MixedResult(
            batch: found.batch,
            coefficientGradient: found.coefficientGradient.indices.map {
                found.coefficientGradient[$0] - scale * (above[$0] - below[$0])
            })
    }
}
