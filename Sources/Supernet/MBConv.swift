import CKernels

// The inverted bottleneck: 1×1 expansion, k×k depthwise, squeeze-and-excitation, 1×1 projection.
// Each function is one visit of a chunk's data between two normalisations. Activations behind a
// normalisation are made in scratch memory when they are needed and not kept.

extension Pass {
    // MARK: - Forward

    /// Expansion before normalisation, and its moments.
    func expand(_ b: BoundBlock, _ chunk: Int) {
        let images = images(chunk)
        unsafe multiply(
            images.count * b.inPixels, b.hiddenChannels, b.inChannels,
            at(b.input) + images.lowerBound * b.inSize, line: b.inLine, weight(b.expand.offset),
            line: b.expand.line, at(b.regions.expandRaw) + images.lowerBound * b.hiddenInSize,
            line: b.hiddenLine)
        sumMoments(b.regions.expandRaw, pixels: b.inPixels, channels: b.hiddenChannels, chunk)
    }

    /// Depthwise convolution before normalisation, and its moments.
    func depthwise(_ b: BoundBlock, _ chunk: Int) {
        let padded = unsafe scratch(chunk)
        for image in images(chunk) {
            unsafe pad(b, image, into: padded)
            unsafe k.depthwise(
                padded, b.paddedLine, weight(b.main.offset), b.main.line, b.kernel, 0, b.stride,
                b.outHeight, b.outWidth, b.hiddenLine,
                at(b.regions.innerRaw) + image * b.hiddenOutSize)
        }
        sumMoments(b.regions.innerRaw, pixels: b.outPixels, channels: b.hiddenChannels, chunk)
    }

    /// One image of the depthwise convolution's input inside a border of zeros.
    private func pad(_ b: BoundBlock, _ image: Int, into padded: UnsafeMutablePointer<Float>) {
        if b.hasExpansion {
            unsafe k.pad(
                at(b.regions.expandRaw) + image * b.hiddenInSize, row(b.expandNorm, .scale),
                row(b.expandNorm, .shift), b.activation, b.inHeight, b.inWidth, b.border,
                b.hiddenLine, padded)
        } else {
            unsafe k.pad(
                at(b.input) + image * b.inSize, nil, nil, b.activation, b.inHeight, b.inWidth,
                b.border, b.hiddenLine, padded)
        }
    }

    /// Squeeze-and-excitation, projection before normalisation, and its moments.
    func project(_ b: BoundBlock, _ chunk: Int) {
        let images = images(chunk)
        // The gradient's memory is free during the forward pass.
        let activations = plan.hiddenGradients.before
        normalise(
            b.regions.innerRaw, b.innerNorm, b.activation, pixels: b.outPixels, into: activations,
            chunk)
        if b.squeezeChannels > 0 { squeezeExcite(b, activations, chunk) }
        unsafe multiply(
            images.count * b.outPixels, b.outChannels, b.hiddenChannels,
            at(activations) + images.lowerBound * b.hiddenOutSize, line: b.hiddenLine,
            weight(b.project.offset), line: b.project.line,
            at(b.regions.outRaw) + images.lowerBound * b.outSize, line: b.outLine)
        sumMoments(b.regions.outRaw, pixels: b.outPixels, channels: b.outChannels, chunk)
    }

    // MARK: - Backward

    /// From the gradient of the block's output (at `dy`, kept) through the projection and
    /// squeeze-and-excitation to in front of the inner activation. `free` is memory of dy's size.
    func projectGradient(_ b: BoundBlock, _ dy: Int, free: Int, _ chunk: Int) {
        let images = images(chunk)
        let activations = plan.hiddenGradients.before
        let inner = plan.hiddenGradients.behind
        normGradient(dy, b.regions.outRaw, b.outNorm, pixels: b.outPixels, into: free, chunk)
        let dOut = unsafe at(free) + images.lowerBound * b.outSize
        let rows = images.count * b.outPixels
        unsafe multiply(
            rows, b.hiddenChannels, b.outChannels, dOut, line: b.outLine, weight(b.project.offset),
            line: b.project.line, rightTransposed: true,
            at(inner) + images.lowerBound * b.hiddenOutSize, line: b.hiddenLine)
        normalise(
            b.regions.innerRaw, b.innerNorm, b.activation, pixels: b.outPixels, into: activations,
            chunk)
        if b.squeezeChannels > 0 {
            unsafe squeezeExciteGradient(
                b, activations, inner, parts: parts(chunk) + squeezePart(b), chunk)
        }
        unsafe multiply(
            b.hiddenChannels, b.outChannels, rows,
            at(activations) + images.lowerBound * b.hiddenOutSize, line: b.hiddenLine,
            leftTransposed: true, dOut, line: b.outLine, parts(chunk), line: b.outLine)
        guard b.squeezeChannels > 0 else {
            activationGradient(
                inner, b.regions.innerRaw, b.innerNorm, b.activation, height: b.outHeight,
                width: b.outWidth, chunk)
            return
        }
        clearSums(chunk)
        for image in images {
            let gradient = unsafe at(inner) + image * b.hiddenOutSize
            unsafe k.activation_gradient(
                gradient, b.outWidth * b.hiddenLine, at(b.regions.gate) + image * b.hiddenLine,
                at(plan.gates.2) + image * b.hiddenLine,
                at(b.regions.innerRaw) + image * b.hiddenOutSize, row(b.innerNorm, .scale),
                row(b.innerNorm, .shift), row(b.innerNorm, .mean), b.activation, b.outHeight,
                b.outWidth, b.hiddenLine, gradient, sums(chunk))
        }
    }

    private func squeezePart(_ b: BoundBlock) -> Int { b.hiddenChannels * b.outLine }

    func reduceProject(_ b: BoundBlock) {
        reduce(
            part: 0, partLine: b.outLine, rows: b.hiddenChannels, columns: b.outChannels, b.project)
        if b.squeezeChannels > 0 { reduceSqueezeExcite(b, part: squeezePart(b)) }
    }

    /// Through the inner normalisation and the depthwise convolution, and on to in front of the
    /// expansion's activation; without an expansion, into the gradient of the block's input (added
    /// to `dy` behind a residual connection, else written to `dx`).
    func depthwiseGradient(_ b: BoundBlock, _ dy: Int, into dx: Int, _ chunk: Int) {
        let inner = plan.hiddenGradients.behind
        normGradient(
            inner, b.regions.innerRaw, b.innerNorm, pixels: b.outPixels, into: inner, chunk)
        clearSums(chunk)
        unsafe parts(chunk).update(repeating: 0, count: b.kernel * b.kernel * b.hiddenLine)
        let padded = unsafe scratch(chunk)
        for image in images(chunk) {
            let dInner = unsafe at(inner) + image * b.hiddenOutSize
            unsafe pad(b, image, into: padded)
            unsafe k.depthwise_weights(
                padded, b.paddedLine, dInner, b.outWidth * b.hiddenLine, b.kernel, b.stride,
                b.outHeight, b.outWidth, b.hiddenLine, parts(chunk))
            if b.hasExpansion {
                let (dHidden, line) = unsafe depthwiseInputGradient(b, dInner, chunk)
                unsafe k.activation_gradient(
                    dHidden, line, nil, nil, at(b.regions.expandRaw) + image * b.hiddenInSize,
                    row(b.expandNorm, .scale), row(b.expandNorm, .shift), row(b.expandNorm, .mean),
                    b.activation, b.inHeight, b.inWidth, b.hiddenLine,
                    at(plan.hiddenGradients.before) + image * b.hiddenInSize, sums(chunk))
            } else if !b.isFirst {
                let (dInput, line) = unsafe depthwiseInputGradient(b, dInner, chunk)
                let target = unsafe at(b.hasResidual ? dy : dx) + image * b.inSize
                let rowSize = b.inWidth * b.inLine
                for y in 0..<b.inHeight {
                    let row = unsafe dInput + y * line
                    if b.hasResidual {
                        unsafe k.add(row, rowSize, target + y * rowSize)
                    } else {
                        unsafe (target + y * rowSize).update(from: row, count: rowSize)
                    }
                }
            }
        }
    }

    /// The gradient of one image of the depthwise convolution's input, in scratch memory, and the
    /// floats from one of its rows to the next.
    private func depthwiseInputGradient(
        _ b: BoundBlock, _ dInner: UnsafeMutablePointer<Float>, _ chunk: Int
    ) -> (UnsafeMutablePointer<Float>, line: Int) {
        let target = unsafe scratch(chunk) + b.paddedSize
        if b.stride == 1 {
            // The same convolution with reversed taps on the padded gradient.
            let padded = unsafe target + b.paddedSize
            unsafe k.pad(
                dInner, nil, nil, b.activation, b.outHeight, b.outWidth, b.border, b.hiddenLine,
                padded)
            unsafe k.depthwise(
                padded, b.paddedLine, weight(b.main.offset), b.main.line, b.kernel, 1, 1,
                b.inHeight, b.inWidth, b.hiddenLine, target)
            return unsafe (target, b.inWidth * b.hiddenLine)
        }
        unsafe target.update(repeating: 0, count: b.paddedSize)
        unsafe k.depthwise_scatter(
            dInner, b.outWidth * b.hiddenLine, weight(b.main.offset), b.main.line, b.kernel,
            b.stride, b.outHeight, b.outWidth, b.hiddenLine, target, b.paddedLine)
        return unsafe (
            target + b.border * b.paddedLine + b.border * b.hiddenLine, b.paddedLine
        )
    }

    func reduceDepthwise(_ b: BoundBlock) {
        reduce(
            part: 0, partLine: b.hiddenLine, rows: b.kernel * b.kernel, columns: b.hiddenChannels,
            b.main)
    }

    /// Through the expansion into the gradient of the block's input: added to `dy` behind a
    /// residual connection, else written to `dx`.
    func expandGradient(_ b: BoundBlock, _ dy: Int, into dx: Int, _ chunk: Int) {
        let images = images(chunk)
        let hidden = plan.hiddenGradients.before
        normGradient(
            hidden, b.regions.expandRaw, b.expandNorm, pixels: b.inPixels, into: hidden, chunk)
        let rows = images.count * b.inPixels
        let dHidden = unsafe at(hidden) + images.lowerBound * b.hiddenInSize
        unsafe multiply(
            b.inChannels, b.hiddenChannels, rows, at(b.input) + images.lowerBound * b.inSize,
            line: b.inLine, leftTransposed: true, dHidden, line: b.hiddenLine, parts(chunk),
            line: b.hiddenLine)
        guard !b.isFirst else { return }
        unsafe multiply(
            rows, b.inChannels, b.hiddenChannels, dHidden, line: b.hiddenLine,
            weight(b.expand.offset), line: b.expand.line, rightTransposed: true,
            beta: b.hasResidual ? 1 : 0,
            at(b.hasResidual ? dy : dx) + images.lowerBound * b.inSize, line: b.inLine)
    }

    func reduceExpand(_ b: BoundBlock) {
        reduce(
            part: 0, partLine: b.hiddenLine, rows: b.inChannels, columns: b.hiddenChannels, b.expand
        )
    }
}
