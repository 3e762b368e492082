import CKernels

// k×k convolutions as patches times weights, a tile of images at a time so that the patches stay
// in cache; pointwise convolutions of stride 1 need no patches. Also the strided 1×1 convolution
// of a kernel-0 block.

extension Pass {
    /// Gathers the weights of a k×k convolution whose input is a slice of the maximal one.
    func gatherWeights(_ b: BoundBlock) {
        guard needsGathering(b) else { return }
        for tap in 0..<(b.kernel * b.kernel) {
            unsafe fpnas_priv_copy_matrix(
                weight(b.main.offset) + tap * b.weightInChannels * b.main.line, b.main.line,
                b.inChannels, b.outChannels,
                at(plan.gathered) + tap * b.inChannels * b.outLine, b.outLine)
        }
    }

    private func needsGathering(_ b: BoundBlock) -> Bool {
        b.kernel > 1 && b.inChannels < b.weightInChannels
    }

    private func weights(_ b: BoundBlock) -> (UnsafeMutablePointer<Float>, line: Int) {
        unsafe needsGathering(b)
            ? (at(plan.gathered), b.outLine) : (weight(b.main.offset), b.main.line)
    }

    /// The chunk's convolution before normalisation, and its moments.
    func convolve(_ b: BoundBlock, _ chunk: Int) {
        let matrix = unsafe weights(b)
        unsafe forEachTile(b, chunk) { image, rows, input, inputLine in
            unsafe multiply(
                rows, b.outChannels, b.patchSize, input, line: inputLine, matrix.0,
                line: matrix.line, at(b.regions.outRaw) + image * b.outSize, line: b.outLine)
        }
        sumMoments(b.regions.outRaw, pixels: b.outPixels, channels: b.outChannels, chunk)
    }

    /// From the gradient of the convolution's output to the chunk's part of the weight gradient
    /// and, unless it is the first block, to the gradient of its input.
    func convolutionGradient(_ b: BoundBlock, _ dy: Int, into dx: Int, _ chunk: Int) {
        let matrix = unsafe weights(b)
        let images = images(chunk)
        var beta: Float = 0
        unsafe forEachTile(b, chunk) { image, rows, input, inputLine in
            unsafe multiply(
                b.patchSize, b.outChannels, rows, input, line: inputLine, leftTransposed: true,
                at(dy) + image * b.outSize, line: b.outLine, beta: beta, parts(chunk),
                line: b.outLine)
            beta = 1
        }
        guard !b.isFirst else { return }
        if b.isPointwise {
            unsafe multiply(
                images.count * b.outPixels, b.inChannels, b.outChannels,
                at(dy) + images.lowerBound * b.outSize, line: b.outLine, matrix.0,
                line: matrix.line, rightTransposed: true, at(dx) + images.lowerBound * b.inSize,
                line: b.inLine)
            return
        }
        unsafe (at(dx) + images.lowerBound * b.inSize)
            .update(repeating: 0, count: images.count * b.inSize)
        for tile in tiles(b, images) {
            let rows = unsafe scratch(chunk)
            unsafe multiply(
                tile.count * b.outPixels, b.patchSize, b.outChannels,
                at(dy) + tile.lowerBound * b.outSize, line: b.outLine, matrix.0, line: matrix.line,
                rightTransposed: true, rows, line: b.patchSize)
            for (i, image) in tile.enumerated() {
                unsafe fpnas_priv_patches_add(
                    rows + i * b.outPixels * b.patchSize, b.inHeight, b.inWidth, b.inChannels,
                    b.inLine, b.kernel, b.stride, b.outHeight, b.outWidth,
                    at(dx) + image * b.inSize)
            }
        }
    }

    /// Adds the chunks' parts to the accumulator, tap by tap.
    func reduceConvolution(_ b: BoundBlock) {
        for tap in 0..<(b.kernel * b.kernel) {
            reduce(
                part: tap * b.inChannels * b.outLine, partLine: b.outLine, rows: b.inChannels,
                columns: b.outChannels,
                MatrixPlace(
                    offset: b.main.offset + tap * b.weightInChannels * b.main.line,
                    line: b.main.line))
        }
    }

    private func tiles(_ b: BoundBlock, _ images: Range<Int>) -> [Range<Int>] {
        let size = ActivationPlan.tile(outPixels: b.outPixels)
        return stride(from: images.lowerBound, to: images.upperBound, by: size)
            .map { $0..<min($0 + size, images.upperBound) }
    }

    /// Calls `body` with the first image, the rows, and the patch matrix of each tile.
    private func forEachTile(
        _ b: BoundBlock, _ chunk: Int,
        _ body: (Int, Int, UnsafePointer<Float>, _ line: Int) -> Void
    ) {
        let images = images(chunk)
        if b.isPointwise {
            unsafe body(
                images.lowerBound, images.count * b.outPixels,
                at(b.input) + images.lowerBound * b.inSize, b.inLine)
            return
        }
        for tile in tiles(b, images) {
            let rows = unsafe scratch(chunk)
            for (i, image) in tile.enumerated() {
                unsafe fpnas_priv_patches(
                    at(b.input) + image * b.inSize, b.inHeight, b.inWidth, b.inChannels, b.inLine,
                    b.kernel, b.stride, b.outHeight, b.outWidth,
                    rows + i * b.outPixels * b.patchSize)
            }
            unsafe body(tile.lowerBound, tile.count * b.outPixels, rows, b.patchSize)
        }
    }

    /// Adds the chunks' parts of one weight gradient, in chunk order, to the accumulator.
    func reduce(part: Int, partLine: Int, rows: Int, columns: Int, _ target: MatrixPlace) {
        unsafe k.reduce(
            parts(0) + part, plan.weightStep, chunks, rows, columns, partLine, factor,
            gradient + target.offset, target.line)
    }
}
