import CKernels
import SearchSpace
import Support

extension Supernet {
    /// Runs the bound network backwards from the gradient of the logits, which lies in the second
    /// gradient buffer, and adds the weights' gradients times the pass's factor.
    func backward(_ pass: Pass, _ team: borrowing ThreadTeam) {
        var dy = plan.gradients.1
        var free = plan.gradients.0
        let linear = Int32(FPNAS_LINEAR)
        for b in bound.reversed() where b.kind != .identity {
            let (from, to) = (dy, free)
            switch b.kind {
            case .classifier:
                team.run(chunks: pass.chunks) { pass.classifierGradient(b, from, into: to, $0) }
                pass.reduceClassifier(b)
            case .convolution, .projection:
                if b.kind == .convolution { pass.gatherWeights(b) }
                let activation = b.kind == .convolution ? b.activation : linear
                team.run(chunks: pass.chunks) {
                    pass.activationGradient(
                        from, b.regions.outRaw, b.outNorm, activation, height: b.outHeight,
                        width: b.outWidth, $0)
                }
                pass.finishGradient(b.outNorm, pixels: b.outPixels)
                team.run(chunks: pass.chunks) {
                    pass.normGradient(
                        from, b.regions.outRaw, b.outNorm, pixels: b.outPixels, into: from, $0)
                    pass.convolutionGradient(b, from, into: to, $0)
                }
                pass.reduceConvolution(b)
            case .mbconv:
                team.run(chunks: pass.chunks) {
                    pass.activationGradient(
                        from, b.regions.outRaw, b.outNorm, linear, height: b.outHeight,
                        width: b.outWidth, $0)
                }
                pass.finishGradient(b.outNorm, pixels: b.outPixels)
                team.run(chunks: pass.chunks) { pass.projectGradient(b, from, free: to, $0) }
                pass.finishGradient(b.innerNorm, pixels: b.outPixels)
                pass.reduceProject(b)
                team.run(chunks: pass.chunks) { pass.depthwiseGradient(b, from, into: to, $0) }
                pass.reduceDepthwise(b)
                guard b.hasExpansion else { break }
                pass.finishGradient(b.expandNorm, pixels: b.inPixels)
                team.run(chunks: pass.chunks) { pass.expandGradient(b, from, into: to, $0) }
                pass.reduceExpand(b)
            default: break  // refused when the network was bound
            }
            // Behind a residual connection the gradient was added to in place.
            if !b.hasResidual { swap(&dy, &free) }
        }
    }
}
