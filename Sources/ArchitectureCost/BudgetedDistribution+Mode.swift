import ArchitectureDistribution
import SearchSpace
import Support

extension BudgetedDistribution {
    /// The most probable network within the budgets, with its log P (not log q).
    ///
    /// One upper budget alone is exact, by `CostChain.mostProbable`. Bands and several budgets are
    /// the programme's: exact where it is, otherwise the best of those that keep the budgets with
    /// rounded costs. Equal ones: the lowest options win. O(nodes · terms).
    public func mode() throws(FPNASError) -> (best: RankedArchitecture, isExact: Bool) {
        try requireProbability()
        if budgets.count == 1, budgets[0].least == 0, !isExact {
            return try budgets[0].chain.mostProbable(under: distribution, within: budgets[0].most)
        }
        let architecture = try programMode()
        let logProbability = try distribution.canonicalLogProbability(architecture)
        return (
            RankedArchitecture(architecture: architecture, logProbability: logProbability), isExact
        )
    }

    /// The best path through the nodes: max instead of Σ.
    private func programMode() throws(FPNASError) -> [Int32] {
        let best = try Buffer<Double>(program.placeCount, of: "sums of costs")
        // −∞ marks nodes from which nothing follows.
        for i in 0..<best.count { best[i] = -.infinity }
        for state in program.layers[program.layers.count - 1] {
            for place in program.nodes(of: state) { best[place] = 0 }
        }
        // By layer and state, every term's most probable option.
        var options: [[[(log: Double, option: Int)]]] = []
        for (layer, states) in program.layers.dropLast().enumerated() {
            let logs = distribution.logProbabilities(ofLayer: layer, view.options[layer])
            options.append(
                states.map { state in
                    var own = state.terms.map { _ in (log: -Double.infinity, option: 0) }
                    for (o, term) in state.termOfOption.enumerated()
                    where term >= 0 && logs[o] > own[Int(term)].log {
                        own[Int(term)] = (logs[o], o)
                    }
                    return own
                })
        }
        for layer in options.indices.reversed() {
            for (s, state) in program.layers[layer].enumerated() {
                for t in state.terms.indices {
                    let log = options[layer][s][t].log
                    guard log > -.infinity else { continue }
                    for place in program.nodes(of: state) {
                        let value =
                            log + best[program.target(state, term: t, place: place)]
                        if value > best[place] { best[place] = value }
                    }
                }
            }
        }
        var architecture = [Int32](repeating: 0, count: space.variableCount)
        var s = 0
        var node = program.layers[0][0].offset
        for layer in options.indices {
            let state = program.layers[layer][s]
            var chosen: (term: Int, option: Int)?
            for t in state.terms.indices {
                let (log, option) = options[layer][s][t]
                let target = program.target(state, term: t, place: node)
                guard log > -.infinity, log + best[target] == best[node] else { continue }
                if chosen.map({ option < $0.option }) ?? true { chosen = (t, option) }
            }
            // Its value is some term's, or there would be no probability.
            guard let chosen else { break }
            for (v, c) in zip(space.variables(of: layer), view.options[layer][chosen.option]) {
                architecture[v] = max(c, 0)
            }
            node = program.target(state, term: chosen.term, place: node)
            s = state.terms[chosen.term].next
        }
        return architecture
    }
}
