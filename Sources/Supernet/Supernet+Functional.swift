import SearchSpace
import Support

extension Supernet {
    /// Σ coefficient·logit over a batch, a linear functional whose derivatives tests compare with
    /// differences; adds its gradient to the accumulator if asked to.
    package func functional(
        _ network: Network, images: Buffer<Float>, coefficients: [Float], count: Int,
        withGradient: Bool
    ) throws(FPNASError) -> Double {
        let size = try checkedProduct(count, classes, of: "the coefficients")
        guard coefficients.count == size else {
            throw .invalid("\(coefficients.count) coefficients for \(size) logits")
        }
        var value = 0.0
        _ = try run(network, images, 0, nil, .batch, count: count) {
            (pass, team) throws(FPNASError) in
            let line = laneAligned(self.classes)
            guard let last = self.bound.operators.last else {
                throw .invalid("the network has no blocks")
            }
            for i in 0..<count {
                for c in 0..<self.classes {
                    let u = coefficients[i * self.classes + c]
                    unsafe value +=
                        Double(u)
                        * Double(
                            pass.at(last.data)[i * line + c])
                    unsafe pass.at(last.gradient)[i * line + c] = u
                }
            }
            if withGradient { self.backward(pass, team) }
            return BatchResult(logLikelihood: 0, correct: 0, count: count)
        }
        return value
    }
}
