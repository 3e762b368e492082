import CKernels

// Sums, concatenations and zeros.

extension Pass {
    func sum(_ b: BoundOperator, _ part: Part) {
        let s = b.s
        let images = images(part)
        let start = images.lowerBound * s.outSize
        let rows = images.count * s.outPixels
        let y = unsafe at(b.data) + start
        if drops(b) { return sumDropping(b, part) }
        // A term that is stored as it is seen can be added on the way.
        let terms = inputs[b.inputs]
        let plain = terms.indices.first { terms[$0].view.isPlain } ?? -1
        let first = terms.indices.first { $0 != plain } ?? plain
        for (i, term) in zip(terms.indices, terms) where i == first || i != plain {
            let view = term.view
            let residual: UnsafePointer<Float>? =
                unsafe i != first
                ? UnsafePointer(y)
                : (plain >= 0 && plain != first
                    ? UnsafePointer(at(terms[plain].view.data) + start) : nil)
            unsafe k.affine(
                at(view.data) + start, at(view.scale), at(view.shift), residual, view.activation,
                rows, s.outLine, y)
        }
    }

    private func drops(_ b: BoundOperator) -> Bool { trains && b.dropRate > 0 }

    /// 0 or 1 / (1 − p) for the branch of an image, a function of seed, step, block and image.
    private func survival(_ b: BoundOperator, _ image: Int) -> Float {
        let u = random.uniform(step: step, sample: 1 + b.block, index: image)
        return u < b.dropRate ? 0 : Float(1 / (1 - b.dropRate))
    }

    /// The sum whose first term is left out for some images and larger for the others.
    private func sumDropping(_ b: BoundOperator, _ part: Part) {
        let s = b.s
        let (branch, rest) = (inputs[b.inputs.lowerBound], inputs[b.inputs.lowerBound + 1])
        for image in images(part) {
            let start = image * s.outSize
            let y = unsafe at(b.data) + start
            let factor = survival(b, image)
            if factor > 0 {
                unsafe k.affine(
                    at(branch.view.data) + start, at(branch.view.scale), at(branch.view.shift),
                    nil, branch.view.activation, s.outPixels, s.outLine, y)
                unsafe k.scale(y, factor, s.outSize)
            }
            unsafe k.affine(
                at(rest.view.data) + start, at(rest.view.scale), at(rest.view.shift),
                factor > 0 ? UnsafePointer(y) : nil, rest.view.activation, s.outPixels,
                s.outLine, y)
        }
    }

    func sumGradient(_ b: BoundOperator, _ part: Part) {
        let s = b.s
        let images = images(part)
        let row = images.lowerBound * s.outPixels
        let rows = images.count * s.outPixels
        let own = unsafe at(b.gradient) + row * s.outLine
        if s.hasNorm { unsafe normGradient(b, row * s.outLine, rows: rows, into: own) }
        if drops(b) {
            let branch = inputs[b.inputs.lowerBound]
            for image in images {
                let dy = unsafe scratch(part)
                unsafe dy.update(from: at(b.gradient) + image * s.outSize, count: s.outSize)
                unsafe k.scale(dy, survival(b, image), s.outSize)
                unsafe deliver(
                    branch, dy, line: s.outLine, row: image * s.outPixels, height: s.outPixels,
                    width: 1, part)
            }
        }
        // Those that only read come first, the one that takes the memory over last but for itself.
        for d in inputs[b.inputs] where d.delivery.shares { settle(d, row: row, rows: rows, part) }
        for d in drops(b) ? inputs[b.inputs].dropFirst() : inputs[b.inputs]
        where !d.delivery.shares && !d.delivery.takes && !isSelf(d, b) {
            unsafe deliver(
                d, own, line: s.outLine, row: row, height: rows, width: 1, part)
        }
        let own2 = inputs[b.inputs].filter { isSelf($0, b) && !$0.delivery.takes }
        // A term that occurs n times has n times the gradient.
        if !own2.isEmpty { unsafe k.scale(own, Float(own2.count + 1), rows * s.outLine) }
        for d in inputs[b.inputs] where d.delivery.takes || isSelf(d, b) {
            if d.delivery.isLast { settle(d, row: row, rows: rows, part) }
        }
    }

    /// Whether the gradient's memory is already the target's.
    private func isSelf(_ d: BoundInput, _ b: BoundOperator) -> Bool {
        !d.delivery.isVoid && !d.delivery.shares && d.gradient == b.gradient
    }

    func concatenate(_ b: BoundOperator, _ part: Part) {
        let s = b.s
        let images = images(part)
        var channel = 0
        for term in inputs[b.inputs] {
            for image in images {
                let x = unsafe rows(
                    term.view, row: image * s.outPixels, rows: s.outPixels, scratch(part))
                unsafe fpnas_priv_copy_matrix(
                    x, term.view.line, s.outPixels, term.view.channels,
                    at(b.data) + image * s.outSize + channel, s.outLine)
            }
            channel += term.view.channels
        }
    }

    func concatenationGradient(_ b: BoundOperator, _ part: Part) {
        let s = b.s
        let images = images(part)
        if s.hasNorm {
            let start = images.lowerBound * s.outSize
            unsafe normGradient(
                b, start, rows: images.count * s.outPixels, into: at(b.gradient) + start)
        }
        var channel = 0
        for d in inputs[b.inputs] {
            defer { channel += d.view.channels }
            guard !d.delivery.isVoid else { continue }
            for image in images {
                let dx = unsafe scratch(part)
                // The lanes above the channels would be those of the next term.
                if d.view.channels < d.view.line {
                    unsafe dx.update(repeating: 0, count: s.outPixels * d.view.line)
                }
                unsafe fpnas_priv_copy_matrix(
                    at(b.gradient) + image * s.outSize + channel, s.outLine, s.outPixels,
                    d.view.channels, dx, d.view.line)
                unsafe deliver(
                    d, dx, line: d.view.line, row: image * s.outPixels, height: s.outPixels,
                    width: 1, part)
            }
        }
    }

    func clear(_ b: BoundOperator, _ part: Part) {
        let images = images(part)
        unsafe (at(b.data) + images.lowerBound * b.s.outSize)
            .update(repeating: 0, count: images.count * b.s.outSize)
    }
}
