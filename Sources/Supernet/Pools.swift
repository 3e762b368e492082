import CKernels

// Pools of an image.

extension Pass {
    func globalPool(_ b: BoundOperator, _ part: Part) {
        let view = inputs[b.inputs.lowerBound].view
        for image in images(part) {
            let x = unsafe at(view.data) + image * view.size
            let y = unsafe at(b.data) + image * b.s.outLine
            if view.isPlain {
                unsafe k.pool(x, view.pixels, view.line, y)
            } else {
                unsafe k.view_pool(
                    x, at(view.scale), at(view.shift), view.activation, view.pixels, view.line, y)
            }
            if drops(b) {
                drawDropout(b, image)
                unsafe k.gate(y, at(b.gates) + image * b.s.outLine, 1, b.s.outLine)
            }
        }
    }

    private func drops(_ b: BoundOperator) -> Bool {
        trains && b.feedsClassifier && regularisation.dropout > 0
    }

    /// 0 or 1 / (1 − p) for every channel of an image, a function of seed, step, image and channel.
    private func drawDropout(_ b: BoundOperator, _ image: Int) {
        let p = regularisation.dropout
        for c in 0..<b.s.outChannels {
            let u = random.uniform(step: step, sample: 0, index: image * b.s.outChannels + c)
            unsafe at(b.gates)[image * b.s.outLine + c] = u < p ? 0 : Float(1 / (1 - p))
        }
    }

    func globalPoolGradient(_ b: BoundOperator, _ part: Part) {
        let s = b.s
        let d = inputs[b.inputs.lowerBound]
        guard !d.delivery.isVoid else { return }
        for image in images(part) {
            let dx = unsafe scratch(part)
            if drops(b) {
                unsafe k.gate(
                    at(b.gradient) + image * s.outLine, at(b.gates) + image * s.outLine, 1,
                    s.outLine)
            }
            unsafe k.spread(
                at(b.gradient) + image * s.outLine, 1 / Float(s.inPixels), s.inPixels, s.inLine,
                dx)
            unsafe deliver(
                d, dx, line: s.inWidth * s.inLine, row: image * s.inPixels, height: s.inHeight,
                width: s.inWidth, part)
        }
    }

    func pool(_ b: BoundOperator, _ part: Part) {
        let s = b.s
        let view = inputs[b.inputs.lowerBound].view
        for image in images(part) {
            let x = unsafe rows(view, row: image * s.inPixels, rows: s.inPixels, scratch(part))
            unsafe k.window_pool(
                x, s.inHeight, s.inWidth, s.isMaximum ? 1 : 0, s.kernel, s.stride, s.padding,
                s.outHeight, s.outWidth, s.inLine, at(b.data) + image * s.outSize)
        }
    }

    func poolGradient(_ b: BoundOperator, _ part: Part) {
        let s = b.s
        let d = inputs[b.inputs.lowerBound]
        guard !d.delivery.isVoid else { return }
        for image in images(part) {
            let scratch = unsafe scratch(part)
            let x = unsafe rows(d.view, row: image * s.inPixels, rows: s.inPixels, scratch)
            let dx = unsafe scratch + s.inSize
            unsafe dx.update(repeating: 0, count: s.inSize)
            unsafe k.window_pool_gradient(
                x, at(b.gradient) + image * s.outSize, s.inHeight, s.inWidth, s.isMaximum ? 1 : 0,
                s.kernel, s.stride, s.padding, s.outHeight, s.outWidth, s.inLine, dx)
            unsafe deliver(
                d, dx, line: s.inWidth * s.inLine, row: image * s.inPixels, height: s.inHeight,
                width: s.inWidth, part)
        }
    }
}
