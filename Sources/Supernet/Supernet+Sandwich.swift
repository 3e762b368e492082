import SearchSpace
import Support

/// BigNAS's training step: a single model whose children are good as they are.
/// [Yu et al., ECCV 2020]
extension Supernet {
    /// Adds to a step, each with weight 1 a draw, the gradients
    ///
    /// * of the biggest network against the labels, with all regularisation,
    /// * of the children against the biggest's soft predictions in this very pass (in-place
    ///   distillation: cross-entropy, temperature 1), without any.
    ///
    /// Children that begin alike share that part, as in `accumulate`; memory is that of one
    /// network and the biggest's logits. Results are the biggest's, then the children's, and
    /// speak of the labels. `failedNetwork` counts in the same way. After an error the step has to
    /// be abandoned.
    public func accumulateSandwich(
        _ biggest: Network, _ children: [Sample], images: Buffer<Float>, first: Int = 0,
        labels: [Int32], weights: [Float]? = nil
    ) throws(FPNASError) -> [BatchResult] {
        var loss = Loss(weights: weights)
        var teacher: [Float] = []
        var results = try accumulate(
            [Sample(biggest)], images, first, labels, 0, loss, regularised: true
        ) { pass, _ in teacher = self.logits(pass) }
        guard teacher.allSatisfy(\.isFinite) else {
            failedNetwork = 0
            throw FPNASError(.state, "a logit of the biggest network is not finite")
        }
        loss.teacher = teacher
        loss.distillation = 1
        do throws(FPNASError) {
            results += try accumulate(
                children, images, first, labels, 0, loss, regularised: false
            ) { _, _ in }
        } catch {
            failedNetwork = failedNetwork.map { $0 + 1 }
            throw error
        }
        return results
    }

    /// From now on weight decay is the biggest network's alone: tensors it does not use are left
    /// out. Not part of the saved state.
    public func decayOnly(_ biggest: Network) throws(FPNASError) {
        _ = try prepare(biggest)
        weights.decayOnly(biggest)
    }
}
