import CKernels
import SearchSpace
import Support

/// What the loss of a batch takes besides its labels.
public struct Loss: Sendable {
    /// A factor for each image, relative to their mean; nil for 1.
    public var weights: [Float]?
    /// Logits of another network for each image of the batch, `classes` apart.
    public var teacher: [Float]?
    /// Share of the loss against the teacher, the rest is against the labels.
    public var distillation = 0.0
    /// Both networks' logits are divided by it, and that loss is multiplied by its square.
    public var temperature = 1.0

    public init(weights: [Float]? = nil) { self.weights = weights }
}

extension Supernet {
    func check(_ loss: Loss, _ count: Int) throws(FPNASError) {
        if let weights = loss.weights {
            guard weights.count == count else {
                throw .invalid("\(weights.count) weights for \(count) images")
            }
            for weight in weights where !(weight >= 0 && weight <= 1e6) {
                throw .invalid("a weight of an image must be in [0, 1e6], got \(weight)")
            }
            guard weights.contains(where: { $0 > 0 }) else {
                throw .invalid("all images of the batch have the weight 0")
            }
        }
        guard let teacher = loss.teacher else { return }
        try requireFinite(loss.distillation, in: 0...1, "distillation")
        try requireFinite(loss.temperature, in: 0.01...1000, "temperature")
        guard teacher.count == count * classes else {
            throw .invalid("\(teacher.count) logits of the teacher for \(count * classes)")
        }
        for logit in teacher where !logit.isFinite {
            throw .invalid("a logit of the teacher is \(logit)")
        }
    }

    /// The likelihood of the labels under the logits of a pass, and the gradient of the logits in
    /// the memory the backward pass begins with.
    func likelihood(_ pass: Pass, _ loss: Loss) throws(FPNASError) -> BatchResult {
        guard let b = bound.operators.last else { throw .invalid("the network has no blocks") }
        let margins = unsafe likelihoods.pointer
        let totals = unsafe likelihoods.pointer + capacity
        let correct = unsafe pass.k.softmax(
            pass.at(b.data), labels.pointer, pass.count, classes, b.s.outLine,
            Float(labelSmoothing), 1 / Float(pass.count), margins, totals,
            pass.at(b.gradient))
        if let teacher = loss.teacher, loss.distillation > 0 {
            for i in 0..<pass.count { distil(pass, b, i, teacher, loss) }
        }
        var sum = 0.0
        var weightSum = Double(pass.count)
        if let weights = loss.weights {
            weightSum = weights.reduce(0) { $0 + Double($1) }
            for (i, weight) in weights.enumerated() {
                let share = Double(weight) * Double(pass.count) / weightSum
                unsafe pass.k.scale(
                    pass.at(b.gradient) + i * b.s.outLine, Float(share), b.s.outLine)
                // An image of no weight has no say, whatever its likelihood.
                if weight > 0 {
                    unsafe sum += Double(weight) * (margins[i] - Elementary.log(totals[i]))
                }
            }
        } else {
            for i in 0..<pass.count { unsafe sum += margins[i] - Elementary.log(totals[i]) }
        }
        guard sum.isFinite else {
            // The sign of a NaN means nothing.
            let loss = sum.isNaN ? .nan : -sum
            throw FPNASError(.state, "the loss is \(loss)\(firstNotFinite(pass))")
        }
        return BatchResult(
            logLikelihood: sum / weightSum, correct: correct, count: pass.count)
    }

    /// Mixes the gradient of T²·KL(teacher ‖ network), both at temperature T, into that of an
    /// image's logits.
    private func distil(
        _ pass: Pass, _ b: BoundOperator, _ image: Int, _ teacher: [Float], _ loss: Loss
    ) {
        let logits = unsafe pass.at(b.data) + image * b.s.outLine
        let gradient = unsafe pass.at(b.gradient) + image * b.s.outLine
        let first = image * classes
        let cool = 1 / loss.temperature
        var peaks = (own: -Double.infinity, other: -Double.infinity)
        for c in 0..<classes {
            unsafe peaks.own = max(peaks.own, Double(logits[c]))
            peaks.other = max(peaks.other, Double(teacher[first + c]))
        }
        var totals = (own: 0.0, other: 0.0)
        for c in 0..<classes {
            unsafe totals.own += Elementary.exp(cool * (Double(logits[c]) - peaks.own))
            totals.other += Elementary.exp(cool * (Double(teacher[first + c]) - peaks.other))
        }
        let scale = loss.distillation * loss.temperature / Double(pass.count)
        for c in 0..<classes {
            let own = unsafe Elementary.exp(cool * (Double(logits[c]) - peaks.own)) / totals.own
            let other =
                Elementary.exp(cool * (Double(teacher[first + c]) - peaks.other)) / totals.other
            unsafe gradient[c] = Float(
                (1 - loss.distillation) * Double(gradient[c]) + scale * (own - other))
        }
    }

    /// The logits of a batch, `classes` apart, for a network that learns from this one.
    public func logits(
        _ network: Network, images: Buffer<Float>, first: Int = 0, count: Int,
        statistics: NormalisationStatistics = .batch
    ) throws(FPNASError) -> [Float] {
        var logits: [Float] = []
        _ = try run(network, images, first, nil, statistics, count: count) {
            (pass, team) throws(FPNASError) in
            logits = self.logits(pass)
            return BatchResult(logLikelihood: 0, correct: 0, count: count)
        }
        return logits
    }

    /// The logits of a pass, `classes` apart.
    func logits(_ pass: Pass) -> [Float] {
        guard let b = bound.operators.last else { return [] }
        var logits: [Float] = []
        logits.reserveCapacity(pass.count * classes)
        for i in 0..<pass.count {
            for c in 0..<classes { unsafe logits.append(pass.at(b.data)[i * b.s.outLine + c]) }
        }
        return logits
    }

    /// Names the first layer whose result is not a finite number.
    private func firstNotFinite(_ pass: Pass) -> String {
        for b in bound.operators where b.s.code != .squeezeExcite {
            let finite = unsafe fpnas_priv_all_finite(
                pass.at(b.data), pass.count * b.s.outPixels, b.s.outChannels, b.s.outLine)
            if finite == 0 {
                return b.layer < 0
                    ? ", first in what the layers do not choose"
                    : ", first in layer '\(layerNames[b.layer])'"
            }
        }
        return ""
    }
}
