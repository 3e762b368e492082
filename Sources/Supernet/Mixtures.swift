import CKernels

// Mixtures: sums of results times rows of factors, one for each channel, and the derivatives with
// respect to the factors.

/// The pixels of a smaller image in the result of a mixture: rows and columns of them, and floats
/// from one row to the next.
private struct Grid {
    let width: Int
    let height: Int
    let line: Int

    init(width: Int, height: Int, line: Int) {
        self.width = width
        self.height = height
        self.line = line
    }

    init(_ s: OperatorShape, _ spacing: Int) {
        width = (s.outWidth + spacing - 1) / spacing
        height = (s.outHeight + spacing - 1) / spacing
        line = spacing * s.outWidth * s.outLine
    }
}

extension Pass {
    func mix(_ b: BoundOperator, _ part: Part) {
        let s = b.s
        for image in images(part) {
            let y = unsafe at(b.data) + image * s.outSize
            for (i, term) in inputs[b.inputs].enumerated() {
                let pixels = term.view.pixels
                let x = unsafe rows(
                    term.view, row: image * pixels, rows: pixels, scratch(part))
                let (row, channels) = unsafe (
                    at(b.rows) + i * s.outLine, min(term.view.channels, s.outChannels)
                )
                if term.spacing == 1 {
                    unsafe k.mix(
                        x, term.view.line, row, channels, pixels, i > 0 ? 1 : 0, y, s.outLine)
                    continue
                }
                // Pixels apart from each other: what lies between them stays.
                if i == 0 { unsafe y.update(repeating: 0, count: s.outSize) }
                let grid = Grid(s, term.spacing)
                for line in 0..<grid.height {
                    unsafe k.mix(
                        x + line * grid.width * term.view.line, term.view.line, row, channels,
                        grid.width, 1, y + line * grid.line, term.spacing * s.outLine)
                }
            }
        }
    }

    func mixtureGradient(_ b: BoundOperator, _ part: Part) {
        let s = b.s
        unsafe parts(part).update(repeating: 0, count: s.inputCount * s.outLine)
        for (i, d) in inputs[b.inputs].enumerated() {
            let channels = min(d.view.channels, s.outChannels)
            for image in images(part) {
                let scratch = unsafe scratch(part)
                let dy = unsafe at(b.gradient) + image * s.outSize
                let pixels = d.view.pixels
                let x = unsafe rows(d.view, row: image * pixels, rows: pixels, scratch)
                // Pixels apart from each other go line by line.
                let grid =
                    d.spacing == 1
                    ? Grid(width: pixels, height: 1, line: 0) : Grid(s, d.spacing)
                for line in 0..<grid.height {
                    unsafe k.mix_products(
                        x + line * grid.width * d.view.line, d.view.line, dy + line * grid.line,
                        d.spacing * s.outLine, channels, grid.width, parts(part) + i * s.outLine)
                }
                guard !d.delivery.isVoid else { continue }
                for line in 0..<grid.height {
                    unsafe k.mix_gradient(
                        dy + line * grid.line, d.spacing * s.outLine, at(b.rows) + i * s.outLine,
                        channels, grid.width, scratch + line * grid.width * d.view.line,
                        d.view.line)
                }
                unsafe deliver(
                    d, scratch, line: d.view.line, row: image * pixels, height: pixels, width: 1,
                    part)
            }
        }
    }

    // MARK: - What an attention squeezes to

    func mask(_ b: BoundOperator, _ part: Part) {
        let s = b.s
        let first = images(part).lowerBound * s.squeezeLine
        let count = images(part).count
        let squeezed = unsafe at(b.squeezed) + first
        unsafe (at(b.unmasked) + first).update(from: squeezed, count: count * s.squeezeLine)
        unsafe k.mix(
            at(b.unmasked) + first, s.squeezeLine, at(b.rows), s.squeezeChannels, count, 0,
            squeezed, s.squeezeLine)
    }

    func maskGradient(
        _ b: BoundOperator, _ gradient: UnsafeMutablePointer<Float>,
        _ sums: UnsafeMutablePointer<Float>, _ part: Part
    ) {
        let s = b.s
        let first = images(part).lowerBound * s.squeezeLine
        let count = images(part).count
        unsafe sums.update(repeating: 0, count: s.squeezeLine)
        unsafe k.mix_products(
            at(b.unmasked) + first, s.squeezeLine, gradient, s.squeezeLine, s.squeezeChannels,
            count, sums)
        unsafe k.mix_gradient(
            gradient, s.squeezeLine, at(b.rows), s.squeezeChannels, count, gradient,
            s.squeezeLine)
    }
}
