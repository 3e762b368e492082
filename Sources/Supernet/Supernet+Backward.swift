import SearchSpace
import Support

extension Supernet {
    /// Runs the bound network backwards from the gradient of the logits, which lies in the slot of
    /// the last operator, and adds the weights' gradients times the pass's factor.
    func backward(_ pass: Pass, _ team: borrowing ThreadTeam) {
        backward(pass, bound.operators.indices, team)
    }

    /// Runs some operators backwards.
    func backward(_ pass: Pass, _ range: Range<Int>, _ team: borrowing ThreadTeam) {
        for b in bound.operators[range].reversed() where b.s.code != .zero {
            let start = profile == nil ? 0 : Process.seconds
            defer { profile?.add(b.s, forward: false, images: pass.count, since: start) }
            pass.prepareWeights(b, backward: true)
            let isFused = pass.isFusedBackward(b)
            team.run(chunks: pass.chunks) { chunk, worker in
                let part = Part(chunk: chunk, worker: worker)
                if isFused {
                    pass.clearSums(b, part)
                    pass.fusedGradient(b, part)
                } else {
                    pass.backward(b, part)
                }
            }
            switch b.s.code {
            case .pointwise, .patches, .depthwise: pass.reduceConvolution(b)
            case .squeezeExcite, .splitAttention: pass.reduceAttention(b)
            default: break
            }
            if b.row >= 0 { reduceRows(b, pass) }
            // What comes from before the range may not be all of it yet.
            for d in bound.inputs[b.inputs] where d.needsSums && d.source >= range.lowerBound {
                pass.finishGradient(bound.operators[d.source], sums: d.sums)
            }
        }
    }
}

extension Pass {
    fileprivate func backward(_ b: BoundOperator, _ part: Part) {
        clearSums(b, part)
        switch b.s.code {
        case .pointwise: pointwiseGradient(b, part)
        case .patches: patchGradient(b, part)
        case .depthwise: depthwiseGradient(b, part)
        case .pool: poolGradient(b, part)
        case .globalPool: globalPoolGradient(b, part)
        case .squeezeExcite, .splitAttention: attentionGradient(b, part)
        case .sum: sumGradient(b, part)
        case .leading: leadingGradient(b, part)
        case .concatenation: concatenationGradient(b, part)
        case .zero: break
        case .mixture: mixtureGradient(b, part)
        }
    }
}
