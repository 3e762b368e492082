import CKernels

// k×k, strided and grouped convolutions as patches times weights: some images, or some rows of one
// image, at a time, so that the patches stay in cache. BLAS does the products of groups, whose
// columns are no whole vectors.

extension Pass {
    /// Gathers the weights of a convolution whose input is a slice of the maximal one.
    func gatherWeights(_ b: BoundOperator, taps: Range<Int>) {
        for tap in taps {
            unsafe fpnas_priv_copy_matrix(
                weight(b.weight.offset) + tap * b.weightRows * b.weight.line, b.weight.line,
                b.s.groupIn, b.s.outChannels, at(plan.packed) + tap * b.s.groupIn * b.s.outLine,
                b.s.outLine)
        }
    }

    private func weights(_ b: BoundOperator) -> (UnsafeMutablePointer<Float>, line: Int) {
        unsafe b.needsGathering
            ? (at(plan.packed), b.s.outLine) : (weight(b.weight.offset), b.weight.line)
    }

    /// The patches of one group for image rows `rows` of some images.
    private func patches(
        _ s: OperatorShape, _ x: UnsafePointer<Float>, images: Int, group: Int, rows: Range<Int>,
        _ target: UnsafeMutablePointer<Float>
    ) {
        for i in 0..<images {
            unsafe fpnas_priv_patches(
                x + i * s.inSize + group * s.groupIn, s.window, rows.lowerBound, rows.upperBound,
                target + i * rows.count * s.outWidth * s.patchLine)
        }
    }

    private func forEachTile(
        _ s: OperatorShape, _ part: Part, _ body: (_ image: Int, _ count: Int) -> Void
    ) {
        let images = images(part)
        for image in stride(from: images.lowerBound, to: images.upperBound, by: s.tileImages) {
            body(image, min(s.tileImages, images.upperBound - image))
        }
    }

    private func bands(_ s: OperatorShape) -> [Range<Int>] {
        stride(from: 0, to: s.outHeight, by: s.tileHeight).map {
            $0..<min($0 + s.tileHeight, s.outHeight)
        }
    }

    func patchConvolution(_ b: BoundOperator, _ part: Part) {
        let s = b.s
        let places = PatchScratch(s)
        let matrix = unsafe weights(b)
        let scratch = unsafe scratch(part)
        let view = inputs[b.inputs.lowerBound].view
        let bands = bands(s)
        forEachTile(s, part) { image, count in
            let x = unsafe rows(
                view, row: image * s.inPixels, rows: count * s.inPixels, scratch)
            for band in bands {
                let y =
                    unsafe at(b.data) + image * s.outSize
                    + band.lowerBound * s.outWidth * s.outLine
                let pixels = count * band.count * s.outWidth
                for group in 0..<s.groups {
                    unsafe patches(
                        s, x, images: count, group: group, rows: band, scratch + places.patches)
                    unsafe product(
                        s, pixels, s.groupOut, s.patchSize, scratch + places.patches,
                        line: s.patchLine, matrix.0 + group * s.groupOut, line: matrix.line,
                        y + group * s.groupOut, line: s.outLine)
                }
                if b.bias >= 0 { unsafe k.bias(y, weight(b.bias), pixels, s.outLine) }
            }
        }
    }

    func patchGradient(_ b: BoundOperator, _ part: Part) {
        let s = b.s
        let places = PatchScratch(s)
        let scratch = unsafe scratch(part)
        let rowsOfPatches = unsafe scratch + places.patches
        let d = inputs[b.inputs.lowerBound]
        let bands = bands(s)
        var isFirst = true
        forEachTile(s, part) { image, count in
            let x = unsafe rows(
                d.view, row: image * s.inPixels, rows: count * s.inPixels, scratch)
            let dx = unsafe scratch + places.inputGradient
            for band in bands {
                let pixels = count * band.count * s.outWidth
                let row = image * s.outPixels + band.lowerBound * s.outWidth
                let dy = unsafe storedGradient(
                    b, row: row, rows: pixels, scratch + places.gradient)
                unsafe addBiasGradient(
                    b, dy, pixels, at: s.patchSize * s.outLine, isFirst: isFirst,
                    scratch + places.row, part)
                for group in 0..<s.groups {
                    unsafe patches(
                        s, x, images: count, group: group, rows: band, rowsOfPatches)
                    let to = group * s.groupOut
                    unsafe product(
                        s, s.patchSize, s.groupOut, pixels, rowsOfPatches, line: s.patchLine,
                        leftTransposed: true, dy + to, line: s.outLine, adds: !isFirst,
                        parts(part) + to, line: s.outLine)
                }
                isFirst = false
                guard !d.delivery.isVoid else { continue }
                // Of several images at once, each is scattered on its own; an image of several
                // bands is whole after the last.
                let some = band.count * s.outWidth
                for i in 0..<count {
                    if band.lowerBound == 0 {
                        unsafe dx.update(repeating: 0, count: s.inSize)
                    }
                    for group in 0..<s.groups {
                        unsafe patchGradients(
                            b, dy + i * some * s.outLine, some, group, rowsOfPatches, scratch)
                        unsafe fpnas_priv_patches_add(
                            rowsOfPatches, s.window, band.lowerBound, band.upperBound,
                            dx + group * s.groupIn)
                    }
                    if band.upperBound == s.outHeight {
                        unsafe deliver(
                            d, dx, line: s.inWidth * s.inLine, row: (image + i) * s.inPixels,
                            height: s.inHeight, width: s.inWidth, part)
                    }
                }
            }
        }
    }

    /// The gradients of one group's patches of some pixels.
    private func patchGradients(
        _ b: BoundOperator, _ dy: UnsafePointer<Float>, _ pixels: Int, _ group: Int,
        _ target: UnsafeMutablePointer<Float>, _ scratch: UnsafeMutablePointer<Float>
    ) {
        let s = b.s
        guard s.groups > 1 else {
            return unsafe productWithPacked(b, dy, pixels, target, scratch)
        }
        let (to, matrix) = unsafe (group * s.groupOut, weights(b))
        unsafe multiply(
            pixels, s.patchSize, s.groupOut, dy + to, line: s.outLine, matrix.0 + to,
            line: matrix.line, rightTransposed: true, target, line: s.patchLine)
    }
}
