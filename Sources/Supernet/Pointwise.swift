import CKernels

// 1×1 convolutions of stride 1, and fully connected layers: a tile of rows at a time goes through
// everything that is to happen to it while it is in cache.

extension Pass {
    private func tiles(_ b: BoundOperator, _ part: Part) -> StrideTo<Int> {
        let images = images(part)
        return stride(
            from: images.lowerBound * b.s.outPixels, to: images.upperBound * b.s.outPixels,
            by: b.s.tileRows)
    }

    private func tileEnd(_ b: BoundOperator, _ row: Int, _ part: Part) -> Int {
        min(row + b.s.tileRows, images(part).upperBound * b.s.outPixels)
    }

    func pointwise(_ b: BoundOperator, _ part: Part) {
        let s = b.s
        let input = inputs[b.inputs.lowerBound]
        for row in tiles(b, part) {
            let count = tileEnd(b, row, part) - row
            let x = unsafe rows(input.view, row: row, rows: count, scratch(part))
            let y = unsafe at(b.data) + row * s.outLine
            for group in 0..<s.groups {
                unsafe multiply(
                    count, s.groupOut, s.groupIn, x + group * s.groupIn, line: s.inLine,
                    weight(b.weight.offset) + group * s.groupOut, line: b.weight.line,
                    y + group * s.groupOut, line: s.outLine)
            }
            if b.bias >= 0 { unsafe k.bias(y, weight(b.bias), count, s.outLine) }
        }
    }

    /// Rows of a gradient times the transposed weights that are packed for the operator.
    func productWithPacked(
        _ b: BoundOperator, _ dy: UnsafePointer<Float>, _ rows: Int,
        _ target: UnsafeMutablePointer<Float>, _ scratch: UnsafeMutablePointer<Float>
    ) {
        let s = b.s
        var source = unsafe fpnas_priv_source(
            x: dy, line: s.outLine, scale: nil, shift: nil, mean: nil, gate: nil,
            activation: Int32(FPNAS_LINEAR))
        unsafe k.pointwise(
            &source, rows, rows, s.outChannels, at(plan.packed),
            s.code == .patches ? s.patchLine : s.inLine, target, nil, scratch)
    }

    func pointwiseGradient(_ b: BoundOperator, _ part: Part) {
        let s = b.s
        let d = inputs[b.inputs.lowerBound]
        let scratch = unsafe scratch(part)
        let gradients = unsafe scratch + s.tileRows * s.inLine
        let inputGradients = unsafe gradients + s.tileRows * s.outLine
        let row0 = images(part).lowerBound * s.outPixels
        for row in tiles(b, part) {
            let count = tileEnd(b, row, part) - row
            let dy = unsafe storedGradient(b, row: row, rows: count, gradients)
            let x = unsafe rows(d.view, row: row, rows: count, scratch)
            unsafe addBiasGradient(
                b, dy, count, at: s.groupIn * s.outLine, isFirst: row == row0,
                inputGradients + s.tileRows * s.inLine, part)
            let isDirect = isDirect(d)
            let dx = unsafe isDirect ? at(d.gradient) + row * s.inLine : inputGradients
            let adds = isDirect && !d.delivery.isFirst
            for group in 0..<s.groups {
                let (from, to) = (group * s.groupIn, group * s.groupOut)
                unsafe product(
                    s, s.groupIn, s.groupOut, count, x + from, line: s.inLine, leftTransposed: true,
                    dy + to, line: s.outLine, adds: row != row0, parts(part) + to, line: s.outLine)
                guard !d.delivery.isVoid else { continue }
                guard s.groups > 1 else {
                    unsafe productWithPacked(b, dy, count, adds ? inputGradients : dx, scratch)
                    if adds { unsafe k.add(inputGradients, count * s.inLine, dx) }
                    continue
                }
                unsafe multiply(
                    count, s.groupIn, s.groupOut, dy + to, line: s.outLine,
                    weight(b.weight.offset) + to, line: b.weight.line, rightTransposed: true,
                    beta: adds ? 1 : 0, dx + from, line: s.inLine)
            }
            guard !d.delivery.isVoid else { continue }
            if isDirect {
                settle(d, row: row, rows: count, part)
            } else {
                unsafe deliver(d, dx, line: s.inLine, row: row, height: count, width: 1, part)
            }
        }
    }
}

extension BoundOperator {
    /// A convolution's weights, tap by tap where the taps in use do not lie together, and bias.
    func convolutionReductions() -> [Reduction] {
        let rows = s.code == .depthwise ? 1 : s.groupIn
        let fullRows = s.code == .depthwise ? 1 : weightRows
        let blocks = rows == fullRows ? 1 : s.taps
        var reductions = (0..<blocks).map { tap in
            Reduction(
                part: tap * rows * s.outLine, partLine: s.outLine, rows: s.taps * rows / blocks,
                columns: s.outChannels,
                target: MatrixPlace(
                    offset: weight.offset + tap * fullRows * weight.line,
                    line: weight.line))
        }
        if bias >= 0 {
            reductions.append(
                Reduction(
                    part: s.taps * rows * s.outLine, partLine: s.outLine, rows: 1,
                    columns: s.outChannels, target: MatrixPlace(offset: bias, line: s.outLine)))
        }
        return reductions
    }
}
