import ArchitectureDistribution
import SearchSpace
import Support

extension BudgetedDistribution {
    /// Draws raw encodings from q into `count` rows of V choices, none by rejection: layer by
    /// layer, each option with the probability that it and what follows keeps the budgets.
    ///
    /// Draw k of step t takes layer l from the Philox counters (V + 2l, k, t) and (V + 2l + 1, k,
    /// t), and variables that do not exist from their own (v, k, t). Draws at the same node share
    /// its running sums: O(Σ nodes that occur · terms + count · layers · log terms).
    public func sample(
        seed: UInt64, step: UInt64, count: Int, into output: UnsafeMutablePointer<Int32>
    ) throws(FPNASError) {
        try requireProbability()
        let random = Philox(seed: seed, stream: .architectures)
        let width = space.variableCount
        // The node of every draw, and the draws in the order of their nodes.
        let node = try Buffer<Int>(count, of: "draws")
        let order = try Buffer<Int>(count, of: "draws")
        for k in 0..<count {
            node[k] = program.layers[0][0].offset
            order[k] = k
        }
        for layer in probabilities.indices {
            var elements = unsafe order.elements
            unsafe elements.sort {
                node[$0] != node[$1] ? node[$0] < node[$1] : $0 < $1
            }
            var cursor = 0
            for (s, state) in program.layers[layer].enumerated() {
                let end = state.offset + state.count
                guard cursor < count, node[order[cursor]] < end else { continue }
                let members = TermMembers(state, probabilities[layer])
                let leads = leads(layer, s)
                var running = [Double](repeating: 0, count: state.terms.count)
                var known = -1
                while cursor < count {
                    let k = order[cursor]
                    guard node[k] < end else { break }
                    let place = node[k] - state.offset
                    if place != known {
                        addUp(leads, place, into: &running)
                        known = place
                    }
                    let index = width + 2 * layer
                    let t = BudgetedDistribution.place(
                        running, 0..<running.count,
                        random.uniform(step: step, sample: k, index: index))
                    let option = members.option(
                        of: t, random.uniform(step: step, sample: k, index: index + 1))
                    unsafe view.draw(
                        option, layer: layer, distribution, into: output + k * width
                    ) { random.uniform(step: step, sample: k, index: $0) }
                    node[k] = program.target(layer, state, term: t, node: place)
                    cursor += 1
                }
            }
        }
    }

    /// Where a term leads, and its probability: in a window from node i to `first` + i + `shift`
    /// while that is in the next window, otherwise by the table from `first` on.
    private struct Lead {
        let probability: Double
        let first: Int
        let shift: Int
        let count: Int
    }

    private func leads(_ layer: Int, _ s: Int) -> [Lead] {
        let state = program.layers[layer][s]
        return state.terms.enumerated().map { t, term in
            let p = terms[layer][s][t]
            guard program.isWindow else {
                return Lead(
                    probability: p, first: state.targets + t * state.count, shift: 0, count: 0)
            }
            let next = program.layers[layer + 1][term.next]
            return Lead(
                probability: p, first: next.offset, shift: state.low + term.cost - next.low,
                count: next.count)
        }
    }

    /// Running sums of P(term and what follows keeps the budgets) at a node.
    private func addUp(
        _ leads: [Lead], _ place: Int, into running: inout [Double]
    ) {
        let v = unsafe values.pointer
        var sum = 0.0
        if program.isWindow {
            for (t, lead) in leads.enumerated() {
                let i = place + lead.shift
                if i >= 0 && i < lead.count {
                    unsafe sum += lead.probability * v[lead.first + i]
                }
                running[t] = sum
            }
        } else {
            let table = unsafe program.targets.pointer
            for (t, lead) in leads.enumerated() {
                unsafe sum += lead.probability * v[Int(table[lead.first + place])]
                running[t] = sum
            }
        }
    }

    /// The first place whose running sum exceeds u times the last; never one that adds nothing.
    static func place(_ running: [Double], _ range: Range<Int>, _ u: Double) -> Int {
        let total = running[range.upperBound - 1]
        // Rounding may bring u · total up to the total itself.
        let wanted = min(u * total, total.nextDown)
        var low = range.lowerBound
        var high = range.upperBound - 1
        while low < high {
            let middle = (low + high) / 2
            if running[middle] > wanted { high = middle } else { low = middle + 1 }
        }
        return low
    }

    // MARK: - Single architectures

    /// log q of a raw encoding in nats, −∞ where its costs, rounded as q's are, break a budget.
    public func logProbability(of architecture: [Int32]) throws(FPNASError) -> Double {
        let log = try distribution.logProbability(architecture)
        return try keeps(architecture) ? log - logProbability : -.infinity
    }

    /// The same of the network an encoding stands for.
    public func canonicalLogProbability(
        of architecture: [Int32]
    ) throws(FPNASError) -> Double {
        let log = try distribution.canonicalLogProbability(architecture)
        return try keeps(architecture) ? log - logProbability : -.infinity
    }

    /// Whether the rounded costs of an architecture keep all budgets.
    func keeps(_ architecture: [Int32]) throws(FPNASError) -> Bool {
        try space.check(architecture)
        guard program.layers[0][0].count > 0 else { return false }
        var canonical = architecture
        space.canonicalise(&canonical)
        var s = 0
        var node = program.layers[0][0].offset
        for layer in probabilities.indices {
            let state = program.layers[layer][s]
            let option = budgets[0].chain.option(ofCanonical: canonical, layer: layer)
            let term = Int(state.termOfOption[option])
            guard term >= 0 else { return false }
            node = program.target(layer, state, term: term, node: node - state.offset)
            guard node < program.nodeCount else { return false }
            s = state.terms[term].next
        }
        return true
    }
}

/// The options of every term of a state, with running sums of their probabilities.
private struct TermMembers {
    private var starts: [Int]
    private var options: [Int]
    private var running: [Double]

    init(_ state: BudgetProgram.State, _ probabilities: [Double]) {
        var starts = [Int](repeating: 0, count: state.terms.count + 1)
        for term in state.termOfOption where term >= 0 { starts[Int(term) + 1] += 1 }
        for t in state.terms.indices { starts[t + 1] += starts[t] }
        var next = starts
        options = [Int](repeating: 0, count: starts[state.terms.count])
        running = [Double](repeating: 0, count: options.count)
        for (o, term) in state.termOfOption.enumerated() where term >= 0 {
            let place = next[Int(term)]
            next[Int(term)] += 1
            options[place] = o
            running[place] =
                probabilities[o] + (place > starts[Int(term)] ? running[place - 1] : 0)
        }
        self.starts = starts
    }

    func option(of term: Int, _ u: Double) -> Int {
        let range = starts[term]..<starts[term + 1]
        guard range.count > 1 else { return options[range.lowerBound] }
        return options[BudgetedDistribution.place(running, range, u)]
    }
}
