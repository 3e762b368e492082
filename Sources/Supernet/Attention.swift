import CKernels

// Squeeze-and-excitation and Split-Attention on a chunk: pool each image, small layers, and scale.
// The scaling of squeeze-and-excitation is left to whoever reads the result.

extension Pass {
    private func gates(_ b: BoundOperator, _ split: Int, _ image: Int) -> UnsafeMutablePointer<
        Float
    > {
        unsafe at(b.gates) + (split * plan.capacity + image) * b.s.outLine
    }

    func attention(_ b: BoundOperator, _ part: Part) {
        let s = b.s
        let images = images(part)
        let splits = b.inputs.count
        let pooled = unsafe at(b.pooled) + images.lowerBound * s.outLine
        let squeezed = unsafe at(b.squeezed) + images.lowerBound * s.squeezeLine
        for (i, image) in images.enumerated() {
            for split in 0..<splits {
                let view = inputs[b.inputs.lowerBound + split].view
                let target = unsafe split == 0 ? pooled + i * s.outLine : scratch(part)
                unsafe k.view_pool(
                    at(view.data) + image * view.size, at(view.scale), at(view.shift),
                    view.activation, view.pixels, s.outLine, target)
                if split > 0 { unsafe k.add(target, s.outLine, pooled + i * s.outLine) }
            }
        }
        unsafe k.matrix_product(
            pooled, s.outLine, 1, images.count, s.outChannels, weight(b.squeeze.offset),
            b.squeeze.line, s.squeezeChannels, 0, squeezed, s.squeezeLine)
        unsafe k.bias_relu(squeezed, weight(b.squeezeBias), images.count, s.squeezeLine)
        if b.row >= 0 { mask(b, part) }
        for split in 0..<splits {
            let gate = unsafe gates(b, split, images.lowerBound)
            let bias = unsafe weight(b.exciteBias) + split * b.excite.line
            unsafe k.matrix_product(
                squeezed, s.squeezeLine, 1, images.count, s.squeezeChannels,
                weight(b.excite.offset) + split * b.exciteStep, b.excite.line, s.outChannels, 0,
                gate, s.outLine)
            if s.code == .splitAttention {
                unsafe k.bias(gate, bias, images.count, s.outLine)
            } else if s.hasHardGate {
                unsafe k.bias_hsigmoid(gate, bias, images.count, s.outLine)
            } else {
                unsafe k.bias_sigmoid(gate, bias, images.count, s.outLine)
            }
        }
        if s.code == .splitAttention { mixSplits(b, part) }
    }

    /// The sum of the splits' results times their weights.
    private func mixSplits(_ b: BoundOperator, _ part: Part) {
        let s = b.s
        let images = images(part)
        unsafe k.split_softmax(
            gates(b, 0, images.lowerBound), plan.capacity * s.outLine, b.inputs.count,
            images.count * s.outLine)
        for image in images {
            let y = unsafe at(b.data) + image * s.outSize
            unsafe y.update(repeating: 0, count: s.outSize)
            for split in 0..<b.inputs.count {
                let view = inputs[b.inputs.lowerBound + split].view
                let x = unsafe rows(
                    view, row: image * s.outPixels, rows: s.outPixels, scratch(part))
                unsafe k.gate_add(x, gates(b, split, image), s.outPixels, s.outLine, y)
            }
        }
    }

    func attentionGradient(_ b: BoundOperator, _ part: Part) {
        let s = b.s
        let images = images(part)
        let splits = b.inputs.count
        let count = images.count
        let places = AttentionParts(s)
        let parts = unsafe parts(part)
        let squeezed = unsafe at(b.squeezed) + images.lowerBound * s.squeezeLine
        // Rows of the images of the chunk: one row a split, the squeezed and the pooled gradient.
        let dGates = unsafe scratchRows(part)
        let step = count * s.outLine
        let dPooled = unsafe dGates + splits * step
        let dSqueezed = unsafe dPooled + step
        for split in 0..<splits {
            let view = inputs[b.inputs.lowerBound + split].view
            for (i, image) in images.enumerated() {
                unsafe k.view_product(
                    at(view.data) + image * view.size, at(view.scale), at(view.shift),
                    view.activation, at(b.gradient) + image * s.outSize, view.pixels, s.outLine,
                    dGates + split * step + i * s.outLine)
            }
        }
        if s.code == .splitAttention {
            unsafe splitGradient(b, dGates, step, part)
        } else if s.hasHardGate {
            unsafe k.hsigmoid_gradient(dGates, gates(b, 0, images.lowerBound), step)
        } else {
            unsafe k.sigmoid_gradient(dGates, gates(b, 0, images.lowerBound), step)
        }
        for split in 0..<splits {
            let dGate = unsafe dGates + split * step
            let excite = places.excite + split * places.exciteStep
            unsafe k.matrix_product(
                squeezed, 1, s.squeezeLine, s.squeezeChannels, count, dGate, s.outLine,
                s.outChannels, 0, parts + excite, s.outLine)
            unsafe k.column_sums(dGate, count, s.outLine, parts + excite + places.exciteBias)
            unsafe k.transposed_product(
                dGate, s.outLine, count, s.outChannels,
                weight(b.excite.offset) + split * b.exciteStep, b.excite.line, s.squeezeChannels,
                1, split == 0 ? 0 : 1, dSqueezed, s.squeezeLine)
        }
        if b.row >= 0 { unsafe maskGradient(b, dSqueezed, parts + places.mask, part) }
        unsafe k.relu_gradient(dSqueezed, squeezed, count * s.squeezeLine)
        unsafe k.matrix_product(
            at(b.pooled) + images.lowerBound * s.outLine, 1, s.outLine, s.outChannels, count,
            dSqueezed, s.squeezeLine, s.squeezeChannels, 0, parts, s.squeezeLine)
        unsafe k.column_sums(dSqueezed, count, s.squeezeLine, parts + places.squeezeBias)
        unsafe k.transposed_product(
            dSqueezed, s.squeezeLine, count, s.squeezeChannels, weight(b.squeeze.offset),
            b.squeeze.line, s.outChannels, 1 / Float(s.inPixels), 0, dPooled, s.outLine)
        for split in 0..<splits {
            let d = inputs[b.inputs.lowerBound + split]
            for (i, image) in images.enumerated() {
                let own = unsafe at(b.gradient) + image * s.outSize
                unsafe deliver(
                    d, own, line: s.outWidth * s.outLine, row: image * s.outPixels,
                    height: s.outHeight, width: s.outWidth, gate: gates(b, split, image),
                    offset: dPooled + i * s.outLine, part)
            }
        }
    }

    private func splitGradient(
        _ b: BoundOperator, _ dGates: UnsafeMutablePointer<Float>, _ step: Int, _ part: Part
    ) {
        let images = images(part)
        unsafe k.split_softmax_gradient(
            dGates, step, gates(b, 0, images.lowerBound), plan.capacity * b.s.outLine,
            b.inputs.count, step)
    }
}

extension BoundOperator {
    /// The weights and biases of both layers.
    func attentionReductions() -> [Reduction] {
        let places = AttentionParts(s)
        var reductions = [
            Reduction(
                part: 0, partLine: s.squeezeLine, rows: s.outChannels, columns: s.squeezeChannels,
                target: squeeze),
            Reduction(
                part: places.squeezeBias, partLine: s.squeezeLine, rows: 1,
                columns: s.squeezeChannels,
                target: MatrixPlace(offset: squeezeBias, line: s.squeezeLine)),
        ]
        for split in 0..<inputs.count {
            let part = places.excite + split * places.exciteStep
            reductions += [
                Reduction(
                    part: part, partLine: s.outLine, rows: s.squeezeChannels,
                    columns: s.outChannels,
                    target: MatrixPlace(
                        offset: excite.offset + split * exciteStep, line: excite.line)),
                Reduction(
                    part: part + places.exciteBias, partLine: s.outLine, rows: 1,
                    columns: s.outChannels,
                    target: MatrixPlace(
                        offset: exciteBias + split * excite.line, line: s.outLine)),
            ]
        }
        return reductions
    }
}
