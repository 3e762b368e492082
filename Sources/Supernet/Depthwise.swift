import CKernels

// Depthwise convolutions, an image at a time inside a border of zeros.

extension Pass {
    /// One image of the input inside the border.
    private func pad(
        _ s: OperatorShape, _ view: View, _ image: Int, into padded: UnsafeMutablePointer<Float>
    ) {
        let x = unsafe at(view.data) + image * s.inSize
        if view.isPlain {
            unsafe k.pad(
                x, nil, nil, view.activation, s.inHeight, s.inWidth, s.padding, s.inLine, padded)
        } else {
            unsafe k.pad(
                x, at(view.scale), at(view.shift), view.activation, s.inHeight, s.inWidth,
                s.padding, s.inLine, padded)
        }
    }

    private func convolve(
        _ b: BoundOperator, _ x: UnsafePointer<Float>, flip: Bool, stride: Int, _ height: Int,
        _ width: Int, into y: UnsafeMutablePointer<Float>
    ) {
        let s = b.s
        if s.dilation == 1 {
            unsafe k.depthwise(
                x, s.paddedLine, weight(b.weight.offset), b.weight.line, s.kernel, flip ? 1 : 0,
                stride, height, width, s.outLine, y)
        } else {
            unsafe k.dilated(
                x, s.paddedLine, weight(b.weight.offset), b.weight.line, s.kernel, flip ? 1 : 0,
                stride, s.dilation, height, width, s.outLine, y)
        }
    }

    func depthwise(_ b: BoundOperator, _ part: Part) {
        let s = b.s
        let padded = unsafe scratch(part)
        let view = inputs[b.inputs.lowerBound].view
        for image in images(part) {
            unsafe pad(s, view, image, into: padded)
            let y = unsafe at(b.data) + image * s.outSize
            unsafe convolve(
                b, padded, flip: false, stride: s.stride, s.outHeight, s.outWidth, into: y)
            if b.bias >= 0 { unsafe k.bias(y, weight(b.bias), s.outPixels, s.outLine) }
        }
    }

    func depthwiseGradient(_ b: BoundOperator, _ part: Part) {
        let s = b.s
        let places = DepthwiseScratch(s)
        let scratch = unsafe scratch(part)
        let d = inputs[b.inputs.lowerBound]
        unsafe parts(part).update(repeating: 0, count: s.taps * s.outLine)
        for (i, image) in images(part).enumerated() {
            unsafe pad(s, d.view, image, into: scratch)
            let (dy, line) = unsafe gradient(b, image, scratch + places.gradient)
            if b.bias >= 0 {
                for y in 0..<s.outHeight {
                    unsafe addBiasGradient(
                        b, dy + y * line, s.outWidth, at: s.taps * s.outLine,
                        isFirst: i == 0 && y == 0, scratch + places.row, part)
                }
            }
            if s.dilation == 1 {
                unsafe k.depthwise_weights(
                    scratch, s.paddedLine, dy, line, s.kernel, s.stride, s.outHeight, s.outWidth,
                    s.outLine, parts(part))
            } else {
                unsafe k.dilated_weights(
                    scratch, s.paddedLine, dy, line, s.kernel, s.stride, s.dilation, s.outHeight,
                    s.outWidth, s.outLine, parts(part))
            }
            guard !d.delivery.isVoid else { continue }
            let (dx, inLine) = unsafe inputGradient(
                b, dy, line, padded: scratch + places.gradient, scratch + places.inputGradient)
            unsafe deliver(
                d, dx, line: inLine, row: image * s.inPixels, height: s.inHeight,
                width: s.inWidth, part)
        }
    }

    /// The gradient of one image of what is stored, and the floats of its rows: inside a border
    /// where the input's gradient is made of that.
    private func gradient(
        _ b: BoundOperator, _ image: Int, _ target: UnsafeMutablePointer<Float>
    ) -> (UnsafePointer<Float>, line: Int) {
        let s = b.s
        let start = image * s.outSize
        guard s.isReversible else {
            return unsafe (
                storedGradient(b, row: image * s.outPixels, rows: s.outPixels, target),
                s.outWidth * s.outLine
            )
        }
        guard s.hasNorm else {
            unsafe k.pad(
                at(b.gradient) + start, nil, nil, Int32(FPNAS_LINEAR), s.outHeight, s.outWidth,
                s.padding, s.outLine, target)
            return unsafe (
                UnsafePointer(target) + s.padding * (s.paddedLine + s.outLine), s.paddedLine
            )
        }
        let border = s.padding * s.outLine
        unsafe target.update(repeating: 0, count: s.padding * s.paddedLine)
        unsafe (target + (s.outHeight + s.padding) * s.paddedLine)
            .update(repeating: 0, count: s.padding * s.paddedLine)
        for y in 0..<s.outHeight {
            let row = unsafe target + (y + s.padding) * s.paddedLine
            unsafe row.update(repeating: 0, count: border)
            unsafe (row + border + s.outWidth * s.outLine).update(repeating: 0, count: border)
            unsafe normGradient(
                b, start + y * s.outWidth * s.outLine, rows: s.outWidth, into: row + border)
        }
        return unsafe (
            UnsafePointer(target) + s.padding * s.paddedLine + border, s.paddedLine
        )
    }

    /// The gradient of one image of the input, and the floats of its rows.
    private func inputGradient(
        _ b: BoundOperator, _ dy: UnsafePointer<Float>, _ line: Int,
        padded: UnsafePointer<Float>, _ target: UnsafeMutablePointer<Float>
    ) -> (UnsafeMutablePointer<Float>, line: Int) {
        let s = b.s
        if s.isReversible {
            unsafe convolve(
                b, padded, flip: true, stride: 1, s.inHeight, s.inWidth, into: target)
            return unsafe (target, s.inWidth * s.inLine)
        }
        unsafe target.update(repeating: 0, count: s.paddedSize)
        if s.dilation == 1 {
            unsafe k.depthwise_scatter(
                dy, line, weight(b.weight.offset), b.weight.line, s.kernel, s.stride, s.outHeight,
                s.outWidth, s.outLine, target, s.paddedLine)
        } else {
            unsafe k.dilated_scatter(
                dy, line, weight(b.weight.offset), b.weight.line, s.kernel, s.stride, s.dilation,
                s.outHeight, s.outWidth, s.outLine, target, s.paddedLine)
        }
        return unsafe (
            target + s.padding * (s.paddedLine + s.inLine), s.paddedLine
        )
    }
}
