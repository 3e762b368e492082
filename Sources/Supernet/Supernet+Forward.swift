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
            gradient: weights.gradient.pointer, arena: arena.pointer, plan: plan, count: count,
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

    /// Runs the bound network up to its logits. What ends one block and what begins the next are
    /// one visit of the data.
    private func forward(
        _ pass: Pass, _ images: UnsafePointer<Float>, _ statistics: Buffer<Float>?,
        _ team: borrowing ThreadTeam
    ) {
        let blocks = bound
        let shape = input
        let pixels = shape.height * shape.width
        let source = unsafe images
        var finish: BoundBlock?
        team.run(chunks: pass.chunks) { chunk in
            let range = pass.images(chunk)
            unsafe fpnas_priv_copy_matrix(
                source + range.lowerBound * pixels * shape.channels, shape.channels,
                range.count * pixels, shape.channels,
                pass.at(pass.plan.images)
                    + range.lowerBound * pixels * laneAligned(shape.channels),
                laneAligned(shape.channels))
        }
        for b in blocks where b.kind != .identity {
            let before = finish
            if b.kind == .convolution { pass.gatherWeights(b) }
            team.run(chunks: pass.chunks) { chunk in
                if let before { pass.finishBlock(before, chunk) }
                pass.beginBlock(b, chunk)
            }
            if b.kind == .mbconv {
                if b.hasExpansion {
                    normalisation(pass, b.expandNorm, pixels: b.inPixels, statistics)
                    team.run(chunks: pass.chunks) { pass.depthwise(b, $0) }
                }
                normalisation(pass, b.innerNorm, pixels: b.outPixels, statistics)
                team.run(chunks: pass.chunks) { pass.project(b, $0) }
            }
            if b.kind != .classifier {
                normalisation(pass, b.outNorm, pixels: b.outPixels, statistics)
            }
            finish = b
        }
    }

    private func normalisation(
        _ pass: Pass, _ norm: NormPlace, pixels: Int, _ statistics: Buffer<Float>?
    ) {
        if let statistics {
            unsafe pass.useStatistics(norm, statistics.pointer)
        } else {
            pass.finishMoments(norm, pixels: pixels)
        }
    }

    // MARK: - Likelihood

    /// The likelihood of the labels under the logits of a pass.
    func likelihood(_ pass: Pass) throws(FPNASError) -> BatchResult {
        guard let b = bound.last else { throw .invalid("the network has no blocks") }
        let margins = unsafe likelihoods.pointer
        let totals = unsafe likelihoods.pointer + capacity
        // The gradient of the logits is made in a buffer the backward pass begins with.
        let correct = unsafe pass.k.softmax(
            pass.at(b.regions.output), labels.pointer, pass.count, classes, b.outLine,
            Float(labelSmoothing), 1 / Float(pass.count), margins, totals,
            pass.at(plan.gradients.1))
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

    /// Names the first layer whose convolution gave something that is not a finite number.
    private func firstNotFinite(_ pass: Pass) -> String {
        for b in bound where b.kind != .identity {
            let place = b.kind == .classifier ? b.regions.output : b.regions.outRaw
            let finite = unsafe fpnas_priv_all_finite(
                pass.at(place), pass.count * (b.kind == .classifier ? 1 : b.outPixels),
                b.outChannels, b.outLine)
            if finite == 0 { return ", first in layer '\(layerNames[b.layer])'" }
        }
        return ""
    }
}

extension Pass {
    /// A block's first visit of the data, up to its first normalisation.
    fileprivate func beginBlock(_ b: BoundBlock, _ chunk: Int) {
        switch b.kind {
        case .convolution, .projection: convolve(b, chunk)
        case .mbconv: if b.hasExpansion { expand(b, chunk) } else { depthwise(b, chunk) }
        case .classifier: classify(b, chunk)
        default: break
        }
    }

    /// A block's last visit: normalisation, activation or residual connection.
    fileprivate func finishBlock(_ b: BoundBlock, _ chunk: Int) {
        normalise(
            b.regions.outRaw, b.outNorm,
            b.kind == .convolution ? b.activation : Int32(FPNAS_LINEAR),
            pixels: b.outPixels, residual: b.hasResidual ? b.input : nil, into: b.regions.output,
            chunk)
    }
}
