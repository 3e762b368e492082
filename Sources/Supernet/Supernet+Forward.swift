import CKernels
import SearchSpace
import Support

extension Supernet {
    /// Checks the batch, runs the network forward on it and then `body`, with BLAS on one thread
    /// and a team that lives as long.
    func run(
        _ network: Network, _ images: Buffer<Float>, _ first: Int, _ labels: [Int32]?,
        _ statistics: NormalisationStatistics, count given: Int? = nil,
        _ body: (Pass, borrowing ThreadTeam) throws(FPNASError) -> BatchResult
    ) throws(FPNASError) -> BatchResult {
        let count = try checkBatch(images, first, labels, given)
        try bind(network)
        let team = try ThreadTeam(threads: threads)
        let pass = unsafe Pass(
            kernels: kernels, parameters: weights.parameters.pointer,
            gradient: weights.gradient.pointer, arena: arena.pointer, plan: plan,
            inputs: bound.inputs, count: count,
            chunks: min(count, plan.chunks))
        return try withSingleThreadedBLAS { () throws(FPNASError) in
            unsafe forward(
                pass, images.pointer + first * imageSize,
                statistics == .running ? weights.statistics : nil, team)
            return try body(pass, team)
        }
    }

    var imageSize: Int { input.height * input.width * input.channels }

    private func checkBatch(
        _ images: Buffer<Float>, _ first: Int, _ given: [Int32]?, _ givenCount: Int?
    ) throws(FPNASError) -> Int {
        let count = given?.count ?? givenCount ?? 0
        guard (1...capacity).contains(count) else {
            throw .invalid("a batch must have 1 to \(capacity) images, got \(count)")
        }
        guard first >= 0, first <= images.count / imageSize - count else {
            throw .invalid(
                "images \(first) to \(first + count) are not among the \(images.count / imageSize) "
                    + "given")
        }
        guard let given else { return count }
        for (i, label) in given.enumerated() {
            guard label >= 0, label < classes else {
                throw .invalid("a label must be in 0..<\(classes), got \(label)")
            }
            labels[i] = label
        }
        return count
    }

    // MARK: - Forward

    /// Runs the bound network up to its logits.
    private func forward(
        _ pass: Pass, _ images: UnsafePointer<Float>, _ statistics: Buffer<Float>?,
        _ team: borrowing ThreadTeam
    ) {
        let shape = input
        let pixels = shape.height * shape.width
        let source = unsafe images
        team.run(chunks: pass.chunks) { chunk in
            let range = pass.images(chunk)
            unsafe fpnas_priv_copy_matrix(
                source + range.lowerBound * pixels * shape.channels, shape.channels,
                range.count * pixels, shape.channels,
                pass.at(pass.plan.images)
                    + range.lowerBound * pixels * laneAligned(shape.channels),
                laneAligned(shape.channels))
        }
        for b in bound.operators {
            pass.prepareWeights(b, backward: false)
            let measures = b.s.hasNorm && statistics == nil
            team.run(chunks: pass.chunks) { chunk, worker in
                let part = Part(chunk: chunk, worker: worker)
                if b.isFused {
                    pass.fusedForward(b, measures: measures, part)
                } else {
                    pass.forward(b, part)
                    if measures { pass.sumMoments(b, part) }
                }
            }
            guard b.s.hasNorm else { continue }
            if let statistics {
                unsafe pass.useStatistics(b.norm, statistics.pointer)
            } else {
                pass.finishMoments(b)
            }
        }
    }

    // MARK: - Likelihood

    /// The likelihood of the labels under the logits of a pass.
    func likelihood(_ pass: Pass) throws(FPNASError) -> BatchResult {
        guard let b = bound.operators.last else { throw .invalid("the network has no blocks") }
        let margins = unsafe likelihoods.pointer
        let totals = unsafe likelihoods.pointer + capacity
        // The gradient of the logits is made in a buffer the backward pass begins with.
        let correct = unsafe pass.k.softmax(
            pass.at(b.data), labels.pointer, pass.count, classes, b.s.outLine,
            Float(labelSmoothing), 1 / Float(pass.count), margins, totals,
            pass.at(b.gradient))
        var sum = 0.0
        for i in 0..<pass.count { unsafe sum += margins[i] - Elementary.log(totals[i]) }
        guard sum.isFinite else {
            // The sign of a NaN means nothing.
            let loss = sum.isNaN ? .nan : -sum
            throw FPNASError(.state, "the loss is \(loss)\(firstNotFinite(pass))")
        }
        return BatchResult(
            logLikelihood: sum / Double(pass.count), correct: correct, count: pass.count)
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

extension Pass {
    fileprivate func forward(_ b: BoundOperator, _ part: Part) {
        switch b.s.code {
        case .pointwise: pointwise(b, part)
        case .patches: patchConvolution(b, part)
        case .depthwise: depthwise(b, part)
        case .pool: pool(b, part)
        case .globalPool: globalPool(b, part)
        case .squeezeExcite, .splitAttention: attention(b, part)
        case .sum: sum(b, part)
        case .concatenation: concatenate(b, part)
        case .zero: clear(b, part)
        }
    }
}
