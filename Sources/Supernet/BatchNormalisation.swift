import CKernels

// Batch normalisation takes two visits of the data: one that sums, per chunk, and one that applies
// the scale and shift (or, backwards, p, q and r) which are made of the sums in between.

extension Pass {
    /// First visit forward: the chunk's moments of its rows at `x`.
    func sumMoments(_ x: Int, pixels: Int, channels: Int, _ chunk: Int) {
        let images = images(chunk)
        let line = laneAligned(channels)
        unsafe k.moments(
            at(x) + images.lowerBound * pixels * line, images.count * pixels, line, sums(chunk))
    }

    /// In between: the state of the normalisation from all chunks' moments.
    func finishMoments(_ norm: NormPlace, pixels: Int) {
        unsafe fpnas_priv_norm_forward(
            sums(0), plan.sumStep, chunks, count, pixels, laneAligned(norm.channels),
            weight(norm.gamma), weight(norm.beta), row(norm, .mean), plan.normLine)
    }

    /// The state from running statistics instead.
    func useStatistics(_ norm: NormPlace, _ statistics: UnsafePointer<Float>) {
        let mean = unsafe statistics + norm.statistics
        unsafe fpnas_priv_norm_fixed(
            mean, mean + norm.line, laneAligned(norm.channels), weight(norm.gamma),
            weight(norm.beta), row(norm, .mean), plan.normLine)
    }

    /// Second visit forward: y = act(normalised x) (+ residual) for the chunk's rows.
    func normalise(
        _ x: Int, _ norm: NormPlace, _ activation: Int32, pixels: Int, residual: Int? = nil,
        into y: Int, _ chunk: Int
    ) {
        let images = images(chunk)
        let line = laneAligned(norm.channels)
        let start = images.lowerBound * pixels * line
        unsafe k.affine(
            at(x) + start, row(norm, .scale), row(norm, .shift),
            residual.map { unsafe at($0) + start },
            activation, images.count * pixels, line, at(y) + start)
    }

    /// Clears the chunk's sums before `activation_gradient` adds to them.
    func clearSums(_ chunk: Int) { unsafe sums(chunk).update(repeating: 0, count: plan.sumStep) }

    /// First visit backward, without gates: in place, through the activation to the normalisation.
    func activationGradient(
        _ dy: Int, _ x: Int, _ norm: NormPlace, _ activation: Int32, height: Int, width: Int,
        _ chunk: Int
    ) {
        clearSums(chunk)
        let line = laneAligned(norm.channels)
        let images = images(chunk)
        let start = images.lowerBound * height * width * line
        // The chunk's images lie below one another, so they are one tall image.
        let gradient = unsafe at(dy) + start
        unsafe k.activation_gradient(
            gradient, width * line, nil, nil, at(x) + start, row(norm, .scale), row(norm, .shift),
            row(norm, .mean), activation, images.count * height, width, line, gradient,
            sums(chunk))
    }

    /// In between: p, q, r, and the gradients of scale and shift.
    func finishGradient(_ norm: NormPlace, pixels: Int) {
        unsafe fpnas_priv_norm_backward(
            sums(0), plan.sumStep, chunks, count, pixels, laneAligned(norm.channels), norm.channels,
            row(norm, .mean), plan.normLine, factor, gradient + norm.gamma, gradient + norm.beta)
    }

    /// Second visit backward: the gradient of the normalisation's input; `dx` may be `dz`.
    func normGradient(
        _ dz: Int, _ x: Int, _ norm: NormPlace, pixels: Int, into dx: Int, _ chunk: Int
    ) {
        let images = images(chunk)
        let line = laneAligned(norm.channels)
        let start = images.lowerBound * pixels * line
        unsafe k.norm_gradient(
            at(dz) + start, at(x) + start, row(norm, .mean), row(norm, .p), row(norm, .q),
            row(norm, .r), images.count * pixels, line, at(dx) + start)
    }
}
