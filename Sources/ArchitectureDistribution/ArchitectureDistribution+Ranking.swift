import SearchSpace
import Support

/// A network and its probability.
public struct RankedArchitecture: Sendable {
    public let architecture: [Int32]
    /// Natural log of the summed probability of all its encodings.
    public let logProbability: Double

    public init(architecture: [Int32], logProbability: Double) {
        self.architecture = architecture
        self.logProbability = logProbability
    }
}

extension ArchitectureDistribution {
    /// The most probable network (canonical): the result of a search. [FP-NAS §3]
    public func mode() throws(FPNASError) -> RankedArchitecture {
        guard let best = try top(1).first else {
            return RankedArchitecture(architecture: [], logProbability: 0)
        }
        return best
    }

    /// The `count` most probable networks, most probable first; ties in an order that neither
    /// `count` nor the machine changes.
    ///
    /// Units are merged one by one, keeping the best `count` sums each time:
    /// O(number of logits + units · count · log count).
    public func top(_ count: Int) throws(FPNASError) -> [RankedArchitecture] {
        // Of every variable, under every choice it exists under, `count` sums of some 40 bytes
        // may be kept: together at most about a gigabyte.
        var kept = max(space.variableCount, 1)
        for exists in space.existence { for each in exists where each { kept += 1 } }
        let most = max(1, min(1 << 20, (1 << 25) / kept))
        guard count >= 1, count <= most else {
            throw .invalid("count must be in [1, \(most)] for '\(space.name)', got \(count)")
        }
        let units = units(keeping: count)
        var sums = [0.0]
        // For every merge, which earlier sum and which option each kept sum came from.
        var origins: [[(earlier: Int32, option: Int32)]] = []
        for unit in units {
            var merge = BestSums(sums, unit.options.map(\.logProbability))
            var next: [Double] = []
            var from: [(earlier: Int32, option: Int32)] = []
            while next.count < count, let best = merge.removeBest() {
                next.append(best.sum)
                from.append((Int32(best.left), Int32(best.right)))
            }
            sums = next
            origins.append(from)
        }
        return sums.indices.map { rank in
            var architecture = [Int32](repeating: 0, count: space.variableCount)
            var entry = rank
            for u in units.indices.reversed() {
                let origin = origins[u][entry]
                for (v, c) in zip(units[u].variables, units[u].options[Int(origin.option)].choices)
                {
                    architecture[v] = c
                }
                entry = Int(origin.earlier)
            }
            return RankedArchitecture(architecture: architecture, logProbability: sums[rank])
        }
    }

    /// Log-probability of every option of a layer, in the order of `space.options(ofLayer:)`.
    public func logProbabilities(
        ofLayer layer: Int, _ options: [[Int32]]
    ) -> [Double] {
        logProbabilities(of: options, Array(space.variables(of: layer)))
    }

    /// Log-probability of every option of some variables that no other variable depends on.
    private func logProbabilities(of options: [[Int32]], _ members: [Int]) -> [Double] {
        guard let first = members.first else { return options.map { _ in 0 } }
        switch form {
        case .factorised:
            return options.map { option in
                var sum = 0.0
                for (v, c) in zip(members, option) where c >= 0 {
                    unsafe sum += logProbabilities.pointer[groupOffsets[v] + Int(c)]
                }
                return sum
            }
        case .joint:
            let masses = canonicalLogMasses(ofGroup: group(of: first))
            return options.map { option in
                var index = 0
                for (v, c) in zip(members, option) where c > 0 { index += Int(c) * strides[v] }
                return masses[index]
            }
        }
    }

    /// The group a variable belongs to.
    func group(of variable: Int) -> Int {
        var low = 0
        var high = groupCount - 1
        while low < high {
            let middle = (low + high + 1) / 2
            if groupStarts[middle] <= variable { low = middle } else { high = middle - 1 }
        }
        return low
    }
}

/// The sums a + b of two descending lists, largest first, each found in O(log n).
struct BestSums {
    private let left: [Double]
    private let right: [Double]
    // A binary heap of candidates; for every left index the next right index is in it.
    private var heap: [(sum: Double, left: Int, right: Int)] = []

    init(_ left: [Double], _ right: [Double]) {
        self.left = left
        self.right = right
        if !left.isEmpty && !right.isEmpty { push(0, 0) }
    }

    mutating func removeBest() -> (sum: Double, left: Int, right: Int)? {
        guard let best = heap.first, let last = heap.popLast() else { return nil }
        if !heap.isEmpty {
            heap[0] = last
            siftDown()
        }
        if best.right + 1 < right.count { push(best.left, best.right + 1) }
        // (left + 1, 0) becomes reachable once (left, 0) was taken.
        if best.right == 0 && best.left + 1 < left.count { push(best.left + 1, 0) }
        return best
    }

    private func precedes(_ a: Int, _ b: Int) -> Bool {
        if heap[a].sum != heap[b].sum { return heap[a].sum > heap[b].sum }
        return (heap[a].left, heap[a].right) < (heap[b].left, heap[b].right)
    }

    private mutating func push(_ l: Int, _ r: Int) {
        heap.append((left[l] + right[r], l, r))
        var i = heap.count - 1
        while i > 0, precedes(i, (i - 1) / 2) {
            heap.swapAt(i, (i - 1) / 2)
            i = (i - 1) / 2
        }
    }

    private mutating func siftDown() {
        var i = 0
        while true {
            var top = i
            for child in [2 * i + 1, 2 * i + 2] where child < heap.count && precedes(child, top) {
                top = child
            }
            if top == i { return }
            heap.swapAt(i, top)
            i = top
        }
    }
}
