import SearchSpace

extension CostChain {
    private enum Extreme { case least, greatest }

    /// The least and the greatest cost of any architecture. O(rows).
    public var range: ClosedRange<Int> {
        let least = sums(.least)[0][0]
        return least...max(sums(.greatest)[0][0], least)
    }

    /// The canonical architecture of the least cost; of equal ones, the lexicographically first.
    /// O(rows).
    public func cheapest() -> [Int32] { architecture(.least) }

    /// The same of the greatest cost.
    public func dearest() -> [Int32] { architecture(.greatest) }

    private func isBetter(_ a: Int, _ b: Int, _ extreme: Extreme) -> Bool {
        extreme == .least ? a < b : a > b
    }

    /// By layer and state that comes in, the extreme of what it and all that follow cost.
    private func sums(_ extreme: Extreme) -> [[Int]] {
        var sums = [[Int](repeating: 0, count: finalStateCount)]
        for layer in layers.reversed() {
            let after = sums[sums.count - 1]
            var own = [Int](repeating: extreme == .least ? .max : 0, count: layer.stateCount)
            for row in layer.costs.indices {
                let state = row / layer.options.count
                let sum = layer.costs[row] + after[layer.next[row]]  // below 2^60
                if isBetter(sum, own[state], extreme) { own[state] = sum }
            }
            sums.append(own)
        }
        return sums.reversed()
    }

    private func architecture(_ extreme: Extreme) -> [Int32] {
        let sums = sums(extreme)
        var architecture = [Int32](repeating: 0, count: space.variableCount)
        var state = 0
        for (index, layer) in layers.enumerated() {
            let first = state * layer.options.count
            var best = 0
            for o in layer.options.indices
            where layer.costs[first + o] + sums[index + 1][layer.next[first + o]]
                == sums[index][state]
            {
                best = o
                break
            }
            for (v, c) in zip(space.variables(of: index), layer.options[best]) {
                architecture[v] = max(c, 0)
            }
            state = layer.next[first + best]
        }
        return architecture
    }
}
