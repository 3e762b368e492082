import CKernels

// The leading channels that an operator's input and result have: a shortcut without weights between
// different widths. With a stride, of the pixels it meets.

extension Pass {
    func leading(_ b: BoundOperator, _ part: Part) {
        let s = b.s
        let term = inputs[b.inputs.lowerBound]
        let view = term.view
        let channels = min(s.inChannels, s.outChannels)
        for image in images(part) {
            let x = unsafe rows(view, row: image * s.inPixels, rows: s.inPixels, scratch(part))
            let y = unsafe at(b.data) + image * s.outSize
            guard s.stride > 1 else {
                unsafe k.mix(
                    x, s.inLine, at(plan.ones), channels, s.outPixels, 0, y, s.outLine)
                continue
            }
            for row in 0..<s.outHeight {
                unsafe k.mix(
                    x + row * s.stride * s.inWidth * s.inLine, s.stride * s.inLine, at(plan.ones),
                    channels, s.outWidth, 0, y + row * s.outWidth * s.outLine, s.outLine)
            }
        }
    }

    func leadingGradient(_ b: BoundOperator, _ part: Part) {
        let s = b.s
        let d = inputs[b.inputs.lowerBound]
        guard !d.delivery.isVoid else { return }
        let channels = min(s.inChannels, s.outChannels)
        for image in images(part) {
            let dx = unsafe scratch(part)
            let dy = unsafe at(b.gradient) + image * s.outSize
            if s.stride > 1 {
                unsafe dx.update(repeating: 0, count: s.inSize)
                for pixel in 0..<s.outPixels {
                    let (row, column) = (pixel / s.outWidth, pixel % s.outWidth)
                    let met = (row * s.inWidth + column) * s.stride
                    unsafe (dx + met * s.inLine).update(
                        from: dy + pixel * s.outLine, count: channels)
                }
            } else {
                unsafe k.mix_gradient(
                    dy, s.outLine, at(plan.ones), channels, s.outPixels, dx, s.inLine)
            }
            unsafe deliver(
                d, dx, line: s.inLine, row: image * s.inPixels, height: s.inPixels, width: 1, part)
        }
    }
}
