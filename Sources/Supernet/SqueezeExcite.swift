import CKernels

// Squeeze-and-excitation on a chunk: pool each image, two small layers, scale its channels.

extension Pass {
    /// Scales the chunk's activations at `x` and keeps what the gradient needs.
    func squeezeExcite(_ b: BoundBlock, _ x: Int, _ chunk: Int) {
        let images = images(chunk)
        let pooled = unsafe at(b.regions.pooled) + images.lowerBound * b.hiddenLine
        let squeezed = unsafe at(b.regions.squeezed) + images.lowerBound * b.squeezeLine
        let gate = unsafe at(b.regions.gate) + images.lowerBound * b.hiddenLine
        for (i, image) in images.enumerated() {
            unsafe k.pool(
                at(x) + image * b.hiddenOutSize, b.outPixels, b.hiddenLine,
                pooled + i * b.hiddenLine)
        }
        unsafe multiply(
            images.count, b.squeezeChannels, b.hiddenChannels, pooled, line: b.hiddenLine,
            weight(b.squeeze.offset), line: b.squeeze.line, squeezed, line: b.squeezeLine)
        unsafe k.bias_relu(squeezed, weight(b.squeezeBias), images.count, b.squeezeLine)
        unsafe multiply(
            images.count, b.hiddenChannels, b.squeezeChannels, squeezed, line: b.squeezeLine,
            weight(b.excite.offset), line: b.excite.line, gate, line: b.hiddenLine)
        unsafe k.bias_sigmoid(gate, weight(b.exciteBias), images.count, b.hiddenLine)
        for (i, image) in images.enumerated() {
            unsafe k.gate(
                at(x) + image * b.hiddenOutSize, gate + i * b.hiddenLine, b.outPixels, b.hiddenLine)
        }
    }

    /// From unscaled activations `x` and the gradient `dy` of the scaled ones: scales `x` in place,
    /// leaves the pooled input's gradient per image in the third gate row, and the chunk's parts
    /// of the weight gradients from `parts` on.
    func squeezeExciteGradient(
        _ b: BoundBlock, _ x: Int, _ dy: Int, parts: UnsafeMutablePointer<Float>, _ chunk: Int
    ) {
        let images = images(chunk)
        let pooled = unsafe at(b.regions.pooled) + images.lowerBound * b.hiddenLine
        let squeezed = unsafe at(b.regions.squeezed) + images.lowerBound * b.squeezeLine
        let gate = unsafe at(b.regions.gate) + images.lowerBound * b.hiddenLine
        let dGate = unsafe at(plan.gates.0) + images.lowerBound * b.hiddenLine
        let dSqueezed = unsafe at(plan.gates.1) + images.lowerBound * b.squeezeLine
        let dPooled = unsafe at(plan.gates.2) + images.lowerBound * b.hiddenLine
        for (i, image) in images.enumerated() {
            let activations = unsafe at(x) + image * b.hiddenOutSize
            unsafe k.pixel_product(
                activations, at(dy) + image * b.hiddenOutSize, b.outPixels, b.hiddenLine,
                dGate + i * b.hiddenLine)
            unsafe k.gate(activations, gate + i * b.hiddenLine, b.outPixels, b.hiddenLine)
        }
        let places = SqueezeParts(b)
        unsafe k.sigmoid_gradient(dGate, gate, images.count * b.hiddenLine)
        unsafe multiply(
            b.squeezeChannels, b.hiddenChannels, images.count, squeezed, line: b.squeezeLine,
            leftTransposed: true, dGate, line: b.hiddenLine, parts + places.excite,
            line: b.hiddenLine)
        unsafe k.column_sums(dGate, images.count, b.hiddenLine, parts + places.exciteBias)
        unsafe multiply(
            images.count, b.squeezeChannels, b.hiddenChannels, dGate, line: b.hiddenLine,
            weight(b.excite.offset), line: b.excite.line, rightTransposed: true, dSqueezed,
            line: b.squeezeLine)
        unsafe k.relu_gradient(dSqueezed, squeezed, images.count * b.squeezeLine)
        unsafe multiply(
            b.hiddenChannels, b.squeezeChannels, images.count, pooled, line: b.hiddenLine,
            leftTransposed: true, dSqueezed, line: b.squeezeLine, parts + places.squeeze,
            line: b.squeezeLine)
        unsafe k.column_sums(dSqueezed, images.count, b.squeezeLine, parts + places.squeezeBias)
        unsafe multiply(
            images.count, b.hiddenChannels, b.squeezeChannels, alpha: 1 / Float(b.outPixels),
            dSqueezed, line: b.squeezeLine, weight(b.squeeze.offset), line: b.squeeze.line,
            rightTransposed: true, dPooled, line: b.hiddenLine)
    }

    /// Adds the chunks' parts, which begin at `part`, to the accumulator.
    func reduceSqueezeExcite(_ b: BoundBlock, part: Int) {
        let places = SqueezeParts(b)
        reduce(
            part: part + places.squeeze, partLine: b.squeezeLine, rows: b.hiddenChannels,
            columns: b.squeezeChannels, b.squeeze)
        reduce(
            part: part + places.excite, partLine: b.hiddenLine, rows: b.squeezeChannels,
            columns: b.hiddenChannels, b.excite)
        reduce(
            part: part + places.squeezeBias, partLine: b.squeezeLine, rows: 1,
            columns: b.squeezeChannels, MatrixPlace(offset: b.squeezeBias, line: b.squeezeLine))
        reduce(
            part: part + places.exciteBias, partLine: b.hiddenLine, rows: 1,
            columns: b.hiddenChannels, MatrixPlace(offset: b.exciteBias, line: b.hiddenLine))
    }
}

/// Where the gradients of the two layers lie in a chunk's part.
private struct SqueezeParts {
    let squeeze = 0
    let excite: Int
    let squeezeBias: Int
    let exciteBias: Int

    init(_ b: BoundBlock) {
        excite = b.hiddenChannels * b.squeezeLine
        squeezeBias = excite + b.squeezeChannels * b.hiddenLine
        exciteBias = squeezeBias + b.squeezeLine
    }
}
