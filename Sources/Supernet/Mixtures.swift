import CKernels

// Mixtures: sums of results times rows of factors, one for each channel, and the derivatives with
// respect to the factors.

extension Pass {
    func mix(_ b: BoundOperator, _ part: Part) {
        let s = b.s
        for image in images(part) {
            let y = unsafe at(b.data) + image * s.outSize
            for (i, term) in inputs[b.inputs].enumerated() {
                let x = unsafe rows(
                    term.view, row: image * s.outPixels, rows: s.outPixels, scratch(part))
                unsafe k.mix(
                    x, term.view.line, at(b.rows) + i * s.outLine,
                    min(term.view.channels, s.outChannels), s.outPixels, i > 0 ? 1 : 0, y,
                    s.outLine)
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
                let x = unsafe rows(d.view, row: image * s.outPixels, rows: s.outPixels, scratch)
                unsafe k.mix_products(
                    x, d.view.line, dy, s.outLine, channels, s.outPixels,
                    parts(part) + i * s.outLine)
                guard !d.delivery.isVoid else { continue }
                unsafe k.mix_gradient(
                    dy, s.outLine, at(b.rows) + i * s.outLine, channels, s.outPixels, scratch,
                    d.view.line)
                unsafe deliver(
                    d, scratch, line: d.view.line, row: image * s.outPixels, height: s.outPixels,
                    width: 1, part)
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
