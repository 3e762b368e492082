import SearchSpace
import Support

/// What dynamic programmes over a space's layers need of a distribution: its view as independent
/// layers, each with a list of canonical options.
extension ArchitectureDistribution {
    /// ∂/∂α of Σ_l Σ_o m_l(o), where m_l(o) = P(o)·f_l(o) and f does not depend on layer l's logits.
    ///
    /// `masses` and `options` are by layer, in the order of `space.options(ofLayer:)`. A variable
    /// that does not exist under an option keeps its own probabilities.
    ///
    ///     factorised: Σ_{o ∋ c} m(o) + p_vc · Σ_{o without v} m(o) − p_vc · Σ_o m(o)
    ///     joint:      p_j · (m(o_j) / P(o_j) − Σ_o m(o))
    public func gradient(ofMasses masses: [[Double]], options: [[[Int32]]]) -> [Double] {
        var gradient = [Double](repeating: 0, count: logitCount)
        for layer in masses.indices {
            let members = space.variables(of: layer)
            guard !members.isEmpty else { continue }
            let total = masses[layer].reduce(0, +)
            switch form {
            case .factorised:
                for (i, v) in members.enumerated() {
                    var absent = 0.0
                    for (o, option) in options[layer].enumerated() {
                        if option[i] < 0 {
                            absent += masses[layer][o]
                        } else {
                            gradient[groupOffsets[v] + Int(option[i])] += masses[layer][o]
                        }
                    }
                    for j in groupOffsets[v]..<groupOffsets[v + 1] {
                        unsafe gradient[j] += probabilities.pointer[j] * (absent - total)
                    }
                }
            case .joint:
                let g = group(of: members.lowerBound)
                let canonical = canonicalIndices(ofGroup: g)
                let logMasses = canonicalLogMasses(ofGroup: g)
                var byIndex = [Double](repeating: 0, count: canonical.count)
                for (o, option) in options[layer].enumerated() {
                    byIndex[index(of: option, members)] = masses[layer][o]
                }
                for j in canonical.indices {
                    let own = byIndex[canonical[j]]
                    let share =
                        own == 0
                        ? 0
                        : unsafe own
                            * Elementary.exp(
                                logProbabilities.pointer[groupOffsets[g] + j]
                                    - logMasses[canonical[j]])
                    unsafe gradient[groupOffsets[g] + j] =
                        share - probabilities.pointer[groupOffsets[g] + j] * total
                }
            }
        }
        return gradient
    }

    /// Draws a raw encoding of a canonical option of a layer: variables that do not exist are
    /// drawn from what the distribution says of them. `random` gives a number for every draw.
    public func drawEncoding(
        of option: [Int32], layer: Int, into row: UnsafeMutablePointer<Int32>,
        _ random: (Int) -> Double
    ) {
        let members = space.variables(of: layer)
        guard !members.isEmpty else { return }
        switch form {
        case .factorised:
            for (i, v) in members.enumerated() {
                unsafe row[v] = option[i] >= 0 ? option[i] : Int32(draw(v, random(v)))
            }
        case .joint:
            let g = group(of: members.lowerBound)
            let canonical = canonicalIndices(ofGroup: g)
            let wanted = index(of: option, members)
            var left =
                random(members.lowerBound)
                * Elementary.exp(
                    canonicalLogMasses(ofGroup: g)[wanted])
            var chosen = wanted
            for j in canonical.indices where canonical[j] == wanted {
                chosen = j
                unsafe left -= probabilities.pointer[groupOffsets[g] + j]
                if left < 0 { break }
            }
            for v in members { unsafe row[v] = Int32(choice(of: v, at: chosen)) }
        }
    }

    /// The joint index of a canonical option.
    private func index(of option: [Int32], _ members: Range<Int>) -> Int {
        var index = 0
        for (v, c) in zip(members, option) where c > 0 { index += Int(c) * strides[v] }
        return index
    }
}
