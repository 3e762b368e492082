import ArchitectureDistribution
import SearchSpace
import Support

extension BudgetedDistribution {
    /// Draws raw encodings from q into `count` rows of V choices, none by rejection: layer by
    /// layer, each option with the probability that it and what follows keeps the budgets.
    ///
    /// Draw k of step t takes layer l from the Philox counters (V + 2l, k, t) and (V + 2l + 1, k,
    /// t), and variables that do not exist from their own (v, k, t). Draws at the same node share
    /// its running sums: O(Σ nodes that occur · terms + count · layers · log terms). Allocates only
    /// for more draws than before.
    public func sample(
        seed: UInt64, step: UInt64, count: Int, into output: UnsafeMutablePointer<Int32>
    ) throws(FPNASError) {
        try requireProbability()
        try scratch.reserve(count)
        let random = Philox(seed: seed, stream: .architectures)
        let width = space.variableCount
        // The place of every draw's node, and the draws in the order of their nodes.
        let nodes = unsafe scratch.nodes.pointer
        for k in 0..<count {
            unsafe nodes[k] = Int32(program.layers[0][0].offset)
            scratch.order[k] = Int32(k)
        }
        for layer in 0..<view.options.count {
            scratch.sort(count, from: program.layers[layer][0].offset)
            let order = unsafe scratch.order.pointer
            var cursor = 0
            for state in program.layers[layer] {
                let end = program.places(of: state).upperBound
                var known = -1
                while cursor < count {
                    let k = unsafe Int(order[cursor])
                    let node = unsafe Int(nodes[k])
                    guard node < end else { break }
                    if node != known {
                        addUp(state, node)
                        known = node
                    }
                    let index = width + 2 * layer
                    let t = place(
                        state.terms.count, random.uniform(step: step, sample: k, index: index))
                    let option = option(
                        layer, state.firstTerm + t,
                        random.uniform(step: step, sample: k, index: index + 1))
                    unsafe view.draw(
                        option, layer: layer, distribution, into: output + k * width
                    ) { random.uniform(step: step, sample: k, index: $0) }
                    unsafe nodes[k] = Int32(
                        program.target(state, term: t, place: node))
                    cursor += 1
                }
            }
        }
    }

    /// Running sums of P(term and what follows keeps the budgets) at a node.
    private func addUp(_ state: BudgetProgram.State, _ node: Int) {
        let v = unsafe values.pointer
        let running = unsafe scratch.running.pointer
        let own = unsafe weights.pointer + 2 * state.firstTerm
        var sum = 0.0
        if state.isWindow {
            let moves = unsafe program.moves.pointer + state.firstTerm
            for t in 0..<state.terms.count {
                let move = unsafe moves[t]
                // Within a chunk of a window are zeros.
                if node >= Int(move.first) && node <= Int(move.last) {
                    unsafe sum += own[2 * t] * v[node + Int(move.shift)]
                }
                unsafe running[t] = sum
            }
        } else {
            let (block, i) = ((node - state.offset) / 2).quotientAndRemainder(
                dividingBy: BudgetProgram.chunk)
            let leads = unsafe program.leads.pointer + (state.leads + block * state.terms.count)
            let targets = unsafe program.targets.pointer + i
            for t in 0..<state.terms.count {
                let lead = unsafe Int(leads[t])
                unsafe sum += own[2 * t] * v[lead >= 0 ? lead : Int(targets[~lead])]
                unsafe running[t] = sum
            }
        }
    }

    /// The first place whose running sum exceeds u times the last; never one that adds nothing.
    private func place(_ count: Int, _ u: Double) -> Int {
        let running = unsafe scratch.running.pointer
        let total = unsafe running[count - 1]
        // Rounding may bring u · total up to the total itself.
        let wanted = min(u * total, total.nextDown)
        var low = 0
        var high = count - 1
        while low < high {
            let middle = (low + high) / 2
            if unsafe running[middle] > wanted { high = middle } else { low = middle + 1 }
        }
        return low
    }

    /// One of a term's options, by their probabilities.
    private func option(_ layer: Int, _ term: Int, _ u: Double) -> Int {
        let first = Int(program.memberStarts[term])
        let last = Int(program.memberStarts[term + 1]) - 1
        guard last > first else { return Int(program.members[first]) }
        let base = view.offsets[layer]
        var total = 0.0
        for i in first...last { total += probabilities[base + Int(program.members[i])] }
        let wanted = min(u * total, total.nextDown)
        var sum = 0.0
        for i in first..<last {
            sum += probabilities[base + Int(program.members[i])]
            if sum > wanted { return Int(program.members[i]) }
        }
        return Int(program.members[last])
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
        for layer in view.options.indices {
            let state = program.layers[layer][s]
            let option = budgets[0].chain.option(ofCanonical: canonical, layer: layer)
            let term = Int(state.termOfOption[option])
            guard term >= 0 else { return false }
            node = program.target(state, term: term, place: node)
            guard node > 0 else { return false }
            s = state.terms[term].next
        }
        return true
    }
}
