import CKernels

// How operators read their inputs, and hand gradients back. What normalisation and activation do
// to a stored result is done while it is read; their gradients, while a gradient is written.

extension Pass {
    /// Some rows of an input as it is seen: where they are stored, or made in scratch memory.
    func rows(
        _ view: View, row: Int, rows: Int, _ scratch: UnsafeMutablePointer<Float>
    ) -> UnsafePointer<Float> {
        let line = view.line
        let stored = unsafe at(view.data) + row * line
        if view.isPlain { return unsafe UnsafePointer(stored) }
        unsafe k.affine(
            stored, at(view.scale), at(view.shift), nil, view.activation, rows, line, scratch)
        guard view.gate >= 0 else { return unsafe UnsafePointer(scratch) }
        var done = 0
        while done < rows {
            let image = (row + done) / view.pixels
            let count = min(rows - done, (image + 1) * view.pixels - (row + done))
            unsafe k.gate(scratch + done * line, at(view.gate) + image * line, count, line)
            done += count
        }
        return unsafe UnsafePointer(scratch)
    }

    /// Clears the chunk's sums before gradients are delivered.
    func clearSums(_ b: BoundOperator, _ part: Part) {
        if b.sumCount > 0 {
            unsafe (sums(part.chunk) + plan.wantedSums).update(repeating: 0, count: b.sumCount)
        }
    }

    /// Whether a gradient may be written, or added, where it is kept: nothing has to be done to it
    /// in between.
    func isDirect(_ d: BoundInput) -> Bool {
        d.inputActivation == FPNAS_LINEAR
            && !(d.delivery.isFirst && d.delivery.isLast && d.continues)
    }

    /// Hands over the gradient of some rows of an input: `height` × `width` of them from row `row`
    /// on, `line` floats from one image row to the next, times `gate` plus `offset`.
    ///
    /// The source is changed.
    func deliver(
        _ d: BoundInput, _ source: UnsafeMutablePointer<Float>, line: Int, row: Int, height: Int,
        width: Int, gate: UnsafePointer<Float>? = nil, offset: UnsafePointer<Float>? = nil,
        _ part: Part
    ) {
        guard !d.delivery.isVoid else { return }
        let c = d.view.line
        let rowSize = width * c
        let target = unsafe at(d.gradient) + row * c
        let stored = unsafe at(d.view.data) + row * c
        let isOnly = d.delivery.isFirst && d.delivery.isLast
        let hasGate = unsafe gate != nil
        if isOnly {
            if d.continues || d.inputActivation != FPNAS_LINEAR || hasGate {
                let activation =
                    d.inputActivation != FPNAS_LINEAR ? d.inputActivation : d.sourceActivation
                unsafe k.activation_gradient(
                    source, line, gate, offset, stored, at(d.sourceScale), at(d.sourceShift),
                    at(d.sourceMean), activation, height, width, c, target,
                    sums(part.chunk) + d.sums)
                return
            }
            for y in 0..<height {
                unsafe (target + y * rowSize).update(from: source + y * line, count: rowSize)
            }
            return
        }
        var line = line
        if d.inputActivation != FPNAS_LINEAR || hasGate {
            if line != rowSize {
                // Rows move towards the beginning, so none is overwritten before it has moved.
                for y in 1..<max(1, height) {
                    unsafe (source + y * rowSize).update(from: source + y * line, count: rowSize)
                }
                line = rowSize
            }
            unsafe k.activation_gradient(
                source, line, gate, offset, stored, at(d.sourceScale), at(d.sourceShift),
                at(d.sourceMean), d.inputActivation, height, width, c, source, sums(part.chunk))
        }
        for y in 0..<height {
            let (from, to) = unsafe (source + y * line, target + y * rowSize)
            if d.delivery.isFirst {
                unsafe to.update(from: from, count: rowSize)
            } else {
                unsafe k.add(from, rowSize, to)
            }
        }
        if d.delivery.isLast { settle(d, row: row, rows: height * width, part) }
    }

    /// After the last delivery to some rows: on through the source's activation, and the sums its
    /// normalisation needs.
    func settle(_ d: BoundInput, row: Int, rows: Int, _ part: Part) {
        guard d.delivery.isLast, d.continues else { return }
        let c = d.view.line
        let target = unsafe at(d.gradient) + row * c
        let stored = unsafe at(d.view.data) + row * c
        if d.sourceActivation == FPNAS_LINEAR {
            unsafe k.norm_sums(
                target, stored, at(d.sourceMean), rows, c, sums(part.chunk) + d.sums)
        } else {
            unsafe k.activation_gradient(
                target, c, nil, nil, stored, at(d.sourceScale), at(d.sourceShift),
                at(d.sourceMean), d.sourceActivation, rows, 1, c, target,
                sums(part.chunk) + d.sums)
        }
    }

    /// Adds Σ rows of a gradient to the chunk's part for a bias.
    func addBiasGradient(
        _ b: BoundOperator, _ rows: UnsafePointer<Float>, _ count: Int, at place: Int,
        isFirst: Bool, _ row: UnsafeMutablePointer<Float>, _ part: Part
    ) {
        guard b.bias >= 0 else { return }
        let target = unsafe parts(part) + place
        if isFirst {
            unsafe k.column_sums(rows, count, b.s.outLine, target)
        } else {
            unsafe k.column_sums(rows, count, b.s.outLine, row)
            unsafe k.add(row, b.s.outLine, target)
        }
    }
}
