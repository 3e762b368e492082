import CKernels
import Support

// Global average pool and a fully connected layer with bias; softmax cross entropy.

extension Pass {
    /// Logits of the chunk's images.
    func classify(_ b: BoundBlock, _ chunk: Int) {
        let images = images(chunk)
        let pooled = unsafe at(b.regions.pooled) + images.lowerBound * b.inLine
        for (i, image) in images.enumerated() {
            unsafe k.pool(
                at(b.input) + image * b.inSize, b.inPixels, b.inLine, pooled + i * b.inLine)
        }
        let logits = unsafe at(b.regions.output) + images.lowerBound * b.outLine
        unsafe multiply(
            images.count, b.outChannels, b.inChannels, pooled, line: b.inLine,
            weight(b.main.offset), line: b.main.line, logits, line: b.outLine)
        unsafe k.bias(logits, weight(b.classifyBias), images.count, b.outLine)
    }

    /// From the gradient of the logits to the chunk's parts of the weight gradients and to the
    /// gradient of the classifier's input.
    func classifierGradient(_ b: BoundBlock, _ dLogits: Int, into dx: Int, _ chunk: Int) {
        let images = images(chunk)
        let pooled = unsafe at(b.regions.pooled) + images.lowerBound * b.inLine
        let gradient = unsafe at(dLogits) + images.lowerBound * b.outLine
        unsafe multiply(
            b.inChannels, b.outChannels, images.count, pooled, line: b.inLine, leftTransposed: true,
            gradient, line: b.outLine, parts(chunk), line: b.outLine)
        unsafe k.column_sums(
            gradient, images.count, b.outLine, parts(chunk) + b.inChannels * b.outLine)
        // The forward pass's pooled rows are of no more use.
        unsafe multiply(
            images.count, b.inChannels, b.outChannels, gradient, line: b.outLine,
            weight(b.main.offset), line: b.main.line, rightTransposed: true, pooled, line: b.inLine)
        for (i, image) in images.enumerated() {
            unsafe k.spread(
                pooled + i * b.inLine, 1 / Float(b.inPixels), b.inPixels, b.inLine,
                at(dx) + image * b.inSize)
        }
    }

    func reduceClassifier(_ b: BoundBlock) {
        reduce(part: 0, partLine: b.outLine, rows: b.inChannels, columns: b.outChannels, b.main)
        reduce(
            part: b.inChannels * b.outLine, partLine: b.outLine, rows: 1, columns: b.outChannels,
            MatrixPlace(offset: b.classifyBias, line: b.outLine))
    }
}
