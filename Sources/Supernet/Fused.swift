import CKernels

// 1×1 and depthwise convolutions by kernels that apply the normalisation and activation in front
// while they read, and sum the moments for the one behind while they write. What these kernels do
// not know (groups, dilation, contributions that pass an activation before they are added) goes the
// general way.

extension BoundOperator {
    /// Whether the forward pass has a fused kernel.
    var isFused: Bool {
        switch s.code {
        case .pointwise: return s.groups == 1
        case .depthwise: return s.dilation == 1 && s.padding >= 0 && s.padding < s.kernel
        default: return false
        }
    }

    var depthwiseShape: fpnas_priv_depthwise {
        fpnas_priv_depthwise(
            height: s.inHeight, width: s.inWidth, out_height: s.outHeight, out_width: s.outWidth,
            k: s.kernel, stride: s.stride, padding: s.padding)
    }
}

extension Pass {
    /// Whether the backward pass has a fused kernel.
    func isFusedBackward(_ b: BoundOperator) -> Bool {
        let d = inputs[b.inputs.lowerBound]
        return b.isFused && !(b.bias >= 0 && b.s.hasNorm)
            && (d.delivery.isVoid || isDirect(d) || (d.delivery.isFirst && d.delivery.isLast))
    }

    private func source(_ d: BoundInput, _ part: Part) -> fpnas_priv_source {
        let view = d.view
        let image = images(part).lowerBound
        // The kernels take a source without a scale for one without an activation.
        let isScaled = view.isAffine || view.activation != FPNAS_LINEAR
        return unsafe fpnas_priv_source(
            x: at(view.data) + image * view.size, line: view.line,
            scale: isScaled ? at(view.scale) : nil, shift: isScaled ? at(view.shift) : nil,
            mean: d.source >= 0 ? at(d.sourceMean) : at(plan.zeros),
            gate: view.gate >= 0 ? at(view.gate) + image * view.line : nil,
            activation: view.activation)
    }

    func fusedForward(_ b: BoundOperator, measures: Bool, _ part: Part) {
        let s = b.s
        let images = images(part)
        let y = unsafe at(b.data) + images.lowerBound * s.outSize
        let moments = unsafe measures && b.bias < 0 ? sums(part.chunk) : nil
        var from = unsafe source(inputs[b.inputs.lowerBound], part)
        if s.code == .pointwise {
            unsafe k.pointwise(
                &from, images.count * s.outPixels, s.outPixels, s.inChannels, at(plan.packed),
                s.outLine, y, moments, scratch(part))
        } else {
            var shape = b.depthwiseShape
            unsafe k.depthwise_forward(
                &from, &shape, images.count, weight(b.weight.offset), b.weight.line, y, moments,
                scratch(part))
        }
        guard b.bias >= 0 else { return }
        unsafe k.bias(y, weight(b.bias), images.count * s.outPixels, s.outLine)
        if measures { sumMoments(b, part) }
    }

    func fusedGradient(_ b: BoundOperator, _ part: Part) {
        let s = b.s
        let d = inputs[b.inputs.lowerBound]
        let images = images(part)
        let start = images.lowerBound * s.outSize
        var from = unsafe source(d, part)
        let norm = b.norm
        var gradient = unsafe fpnas_priv_gradient(
            dz: at(b.gradient) + start, line: s.outLine, channels: s.outChannels,
            x: s.hasNorm ? at(b.data) + start : nil, mean: s.hasNorm ? at(norm.row(.mean)) : nil,
            p: s.hasNorm ? at(norm.row(.p)) : nil, q: s.hasNorm ? at(norm.row(.q)) : nil,
            r: s.hasNorm ? at(norm.row(.r)) : nil)
        let isVoid = d.delivery.isVoid
        let isDirect = isDirect(d)
        let mode =
            !isDirect
            ? FPNAS_THROUGH_ACTIVATION : (d.delivery.isFirst ? FPNAS_STORE : FPNAS_ADD)
        let dx: UnsafeMutablePointer<Float>? =
            unsafe isVoid ? nil : at(d.gradient) + images.lowerBound * s.inSize
        let wanted = unsafe isVoid ? nil : sums(part.chunk) + d.sums
        if s.code == .pointwise {
            unsafe k.pointwise_gradient(
                &gradient, &from, images.count * s.outPixels, s.outPixels, s.inChannels,
                isVoid ? nil : at(plan.packed), dx, mode, wanted, parts(part), scratch(part))
        } else {
            var shape = b.depthwiseShape
            unsafe k.depthwise_gradient(
                &gradient, &from, &shape, images.count, weight(b.weight.offset), b.weight.line, dx,
                mode, wanted, parts(part), scratch(part))
        }
        if b.bias >= 0 {
            unsafe k.column_sums(
                at(b.gradient) + start, images.count * s.outPixels, s.outLine,
                parts(part) + (s.code == .depthwise ? s.taps : s.inChannels) * s.outLine)
        }
        if !isVoid && isDirect {
            settle(
                d, row: images.lowerBound * s.inPixels, rows: images.count * s.inPixels, part)
        }
    }
}
