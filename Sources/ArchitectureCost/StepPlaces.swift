import Support

/// The place of the step of every node of a layer.
final class StepPlaces {
    private struct Range {
        var low = 0
        var start = 0
        var count = 0
    }

    /// By state: where its keys are.
    private var ranges: [Range] = []
    /// By key from each state's least on, 0 where there is no node; or, where keys are far apart, by
    /// node, and their keys.
    private let places: Buffer<Int32>
    private let keys: Buffer<Int>
    private let isSparse: Bool

    init(_ found: [ProgramBuilder.Nodes]) throws(FPNASError) {
        isSparse = found.contains { $0.bits.isEmpty && $0.width / 16 > $0.count }
        var end = 0
        for nodes in found {
            let count = isSparse ? nodes.count : nodes.width
            ranges.append(Range(low: nodes.list.first ?? nodes.low, start: end, count: count))
            end += count
        }
        places = try Buffer(end, of: "the table of sums")
        keys = try Buffer(isSparse ? end : 0, of: "the table of sums")
    }

    /// Fills in a state, of which steps begin at some keys.
    func fill(_ state: Int, _ first: [Int], _ steps: [Int32], _ nodes: ProgramBuilder.Nodes) {
        let range = ranges[state]
        for (i, key) in first.enumerated() {
            let place = isSparse ? i : key - range.low
            places[range.start + place] = steps[i]
            if isSparse { keys[range.start + place] = key }
            guard !nodes.bits.isEmpty else { continue }
            let end = i + 1 < first.count ? first[i + 1] - range.low : range.count
            for other in place..<end where nodes.isNode(other) {
                places[range.start + other] = steps[i]
            }
        }
    }

    /// That of one key, 0 of one that is no node's.
    func place(of key: Int, _ state: Int) -> Int32 {
        var cursor = 0
        return place(of: key, ranges[state], &cursor)
    }

    /// Where the terms lead from a key: a row and its hash. Keys looked up with the same cursors ascend.
    func lookUp(
        _ key: Int, _ terms: [BudgetProgram.Term], _ cursors: UnsafeMutablePointer<Int>,
        _ factors: UnsafePointer<UInt64>, into row: UnsafeMutablePointer<Int32>
    ) -> UInt64 {
        var hash: UInt64 = 0
        unsafe ranges.withUnsafeBufferPointer { ranges in
            for (t, term) in terms.enumerated() {
                let place = unsafe place(of: key + term.cost, ranges[term.next], &cursors[t])
                unsafe row[t] = place
                unsafe hash &+= UInt64(truncatingIfNeeded: place) &* factors[t]
            }
        }
        return hash
    }

    @inline(__always)
    private func place(of key: Int, _ range: Range, _ cursor: inout Int) -> Int32 {
        guard isSparse else {
            return key >= range.low && key - range.low < range.count
                ? unsafe places.pointer[range.start + key - range.low] : 0
        }
        // By doubling steps.
        let keys = unsafe keys.pointer + range.start
        var step = 1
        while cursor + step < range.count, unsafe keys[cursor + step] < key {
            cursor += step
            step *= 2
        }
        var high = min(cursor + step, range.count)
        while cursor < high {
            let middle = (cursor + high) / 2
            if unsafe keys[middle] < key { cursor = middle + 1 } else { high = middle }
        }
        guard cursor < range.count, unsafe keys[cursor] == key else { return 0 }
        return unsafe places.pointer[range.start + cursor]
    }
}
