import SearchSpace
import Support

extension Supernet {
    /// Runs the bound network backwards from the gradient of the logits, which lies in the slot of
    /// the last operator, and adds the weights' gradients times the pass's factor.
    func backward(_ pass: Pass, _ team: ThreadTeam) {
        backward(pass, bound.operators.indices, team)
    }

    /// Runs some operators backwards.
    func backward(_ pass: Pass, _ range: Range<Int>, _ team: ThreadTeam) {
        let places = range.reversed().filter { bound.operators[$0].s.code != .zero }
        if let last = places.first { perform([.weights(last, backward: true)], pass, team) }
        for (i, place) in places.enumerated() {
            let b = bound.operators[place]
            let start = profile == nil ? 0 : Process.seconds
            defer { profile?.add(b.s, forward: false, images: pass.count, since: start) }
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
            if b.row >= 0 { reduceRows(b, pass) }
            // What comes from before the range may not be all of it yet.
            var interludes: [Interlude] = [
                .reduction(place), .gradients(place, from: range.lowerBound),
            ]
            if i + 1 < places.count {
                interludes.append(.weights(places[i + 1], backward: true))
            }
            perform(interludes, pass, team)
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
