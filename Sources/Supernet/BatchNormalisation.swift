import CKernels

// Batch normalisation takes two visits of the data: one that sums, per chunk, and one that applies
// the scale and shift (or, backwards, p, q and r) which are made of the sums in between. The second
// visit is that of the operator that reads the result, or whose gradient it is.

extension Pass {
    /// Forward: the chunk's moments of an operator's result.
    func sumMoments(_ b: BoundOperator, _ part: Part) {
        let images = images(part)
        unsafe k.moments(
            at(b.data) + images.lowerBound * b.s.outSize, images.count * b.s.outPixels,
            b.s.outLine, sums(part.chunk))
    }

    /// In between: the state of some channels' normalisation from all chunks' moments.
    func finishMoments(_ b: BoundOperator, _ channels: Range<Int>) {
        let norm = b.norm
        unsafe fpnas_priv_norm_forward(
            sums(0), plan.sumStep, chunks, count, b.s.outPixels, b.s.outLine,
            channels.lowerBound, channels.upperBound, weight(norm.gamma), weight(norm.beta),
            at(norm.state), b.s.outLine)
    }

    /// The state from running statistics instead.
    func useStatistics(
        _ norm: NormPlace, _ statistics: UnsafePointer<Float>, _ channels: Range<Int>
    ) {
        let line = laneAligned(norm.channels)
        let first = channels.lowerBound
        let mean = unsafe statistics + norm.statistics + first
        unsafe fpnas_priv_norm_fixed(
            mean, mean + norm.line, channels.count, weight(norm.gamma) + first,
            weight(norm.beta) + first, at(norm.state) + first, line)
    }

    /// Between the visits backward: p, q, r of some channels of the source's normalisation, and the
    /// gradients of their scale and shift.
    func finishGradient(_ source: BoundOperator, sums offset: Int, _ channels: Range<Int>) {
        let norm = source.norm
        unsafe fpnas_priv_norm_backward(
            sums(0) + offset, plan.sumStep, chunks, count, source.s.outPixels, source.s.outLine,
            channels.lowerBound, channels.upperBound, norm.channels, at(norm.state),
            source.s.outLine, factor, gradient + norm.gamma, gradient + norm.beta)
    }

    /// The gradient of what an operator stores, for some rows: behind its normalisation, in
    /// scratch memory.
    func storedGradient(
        _ b: BoundOperator, row: Int, rows: Int, _ scratch: UnsafeMutablePointer<Float>
    ) -> UnsafePointer<Float> {
        let start = row * b.s.outLine
        guard b.s.hasNorm else { return unsafe UnsafePointer(at(b.gradient) + start) }
        unsafe normGradient(b, start, rows: rows, into: scratch)
        return unsafe UnsafePointer(scratch)
    }

    func normGradient(
        _ b: BoundOperator, _ start: Int, rows: Int, into target: UnsafeMutablePointer<Float>
    ) {
        unsafe k.norm_gradient(
            at(b.gradient) + start, at(b.data) + start, at(b.norm.row(.mean)),
            at(b.norm.row(.p)), at(b.norm.row(.q)), at(b.norm.row(.r)), rows, b.s.outLine, target)
    }
}
