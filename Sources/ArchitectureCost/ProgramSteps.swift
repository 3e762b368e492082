import Support

/// The last layers of a programme, where few different sums are left to come.
///
/// Nodes from which the same follows are one *step*: every term leads from them to the same step of
/// the layer after, or breaks a budget from all of them. With one cost a step is a range of keys, and
/// a state's steps begin where those of the states after begin, less the cost of the term.
///
/// Steps lie in blocks of `BudgetProgram.chunk`. For each block and term there is one lead: the
/// place where the term leads from all steps of the block, 0 where it breaks a budget; or, negative,
/// ~ of where the places from every step begin in `targets`.
struct ProgramSteps {
    /// The steps of one state.
    struct State {
        let offset: Int
        let count: Int
        /// The first block's first term's, in `leads`.
        let leads: Int
    }

    /// From the last layer back.
    private(set) var layers: [[State]] = []
    /// Of the layer added last.
    private(set) var places: StepPlaces
    private(set) var leads: [Int32] = []
    private(set) var targets: [Int32] = []
    /// The place after the last; those of the first pair are nobody's.
    private(set) var end = 2

    private let builder: ProgramBuilder
    private let isMerging: Bool
    /// Of windows, of the layer added last: where steps begin, and after the last node.
    private var starts: [ProgramBuilder.Nodes] = []

    /// - Parameter isMerging: whether equal nodes are put together at all.
    init(_ builder: ProgramBuilder, isMerging: Bool) throws(FPNASError) {
        places = try StepPlaces([])
        self.builder = builder
        self.isMerging = isMerging
    }

    /// Adds a layer before those that are there.
    ///
    /// - Parameter limit: most work of one evaluation, in (block, term) pairs.
    /// - Returns: false, with nothing done, for a layer of more.
    mutating func add(
        _ layer: Int, _ found: [ProgramBuilder.Nodes], limit: Int
    ) throws(FPNASError) -> Bool {
        var begins: [ProgramBuilder.Nodes] = []
        var keys: [[Int]] = []
        var least = 0
        for (s, nodes) in found.enumerated() {
            guard isMerging, !nodes.bits.isEmpty else {
                keys.append(nodes.keys)
                continue
            }
            let (own, first) = candidates(layer, s, nodes)
            begins.append(own)
            keys.append(first)
            least += work(layer, s, first.count)
        }
        guard least <= limit else { return false }
        var rows: [Rows] = []
        var sum = 0
        for (s, keys) in keys.enumerated() {
            rows.append(try Rows(keys, builder.terms(layer, s).all, places, isMerging: isMerging))
            sum += work(layer, s, rows[s].count)
            guard sum <= limit else { return false }
        }
        let next = try StepPlaces(found)
        var states: [State] = []
        for (s, rows) in rows.enumerated() {
            states.append(State(offset: end, count: rows.count, leads: leads.count))
            next.fill(s, keys[s], rows.steps.map { Int32(end) + 2 * $0 }, found[s])
            fill(rows)
            let chunk = BudgetProgram.chunk
            end += 2 * ((rows.count + chunk - 1) / chunk * chunk)
            guard end <= 4 * BudgetProgram.mostNodes else {
                throw FPNASError(.noMemory, "too many sums of costs")
            }
        }
        layers.append(states)
        places = next
        starts = begins
        return true
    }

    private func work(_ layer: Int, _ state: Int, _ steps: Int) -> Int {
        let chunk = BudgetProgram.chunk
        return (steps + chunk - 1) / chunk * builder.terms(layer, state).all.count
    }

    /// Of a window, the nodes at which another step may begin, and their bits.
    private func candidates(
        _ layer: Int, _ state: Int, _ nodes: ProgramBuilder.Nodes
    ) -> (starts: ProgramBuilder.Nodes, keys: [Int]) {
        var result = ProgramBuilder.Nodes(low: nodes.low, count: nodes.count + 1)
        result.bits = [UInt64](repeating: 0, count: nodes.count / 64 + 1)
        for term in builder.terms(layer, state).all {
            result.add(starts[term.next], plus: -term.cost)
        }
        // Moved on to the next node.
        var keys: [Int] = []
        var isNew = true
        for place in 0..<nodes.count {
            isNew = isNew || result.isNode(place)
            guard nodes.isNode(place) else { continue }
            if isNew { keys.append(nodes.low + place) }
            isNew = false
        }
        result.bits = [UInt64](repeating: 0, count: nodes.count / 64 + 1)
        for key in keys + [nodes.low + nodes.count] { result.add(key) }
        return (result, keys)
    }

    /// Appends the leads of a state's blocks; its last step fills up the last block.
    private mutating func fill(_ rows: Rows) {
        let (chunk, terms) = (BudgetProgram.chunk, rows.terms)
        unsafe rows.targets.withUnsafeBufferPointer { targets in
            for first in stride(from: 0, to: rows.count, by: chunk) {
                let last = min(first + chunk, rows.count) - 1
                for t in 0..<terms {
                    let lead = unsafe targets[first * terms + t]
                    var i = first
                    while i < last, unsafe targets[(i + 1) * terms + t] == lead { i += 1 }
                    guard i < last else {
                        leads.append(lead)
                        continue
                    }
                    leads.append(~Int32(self.targets.count))
                    for i in first..<(first + chunk) {
                        unsafe self.targets.append(targets[min(i, last) * terms + t])
                    }
                }
            }
        }
    }
}

/// Where the terms of one state lead from its steps.
private struct Rows {
    let terms: Int
    /// Of each key.
    private(set) var steps: [Int32] = []
    /// Steps.
    private(set) var count = 0
    /// By step, then by term.
    private(set) var targets: [Int32] = []

    /// - Parameters:
    ///   - places: of the layer after.
    ///   - isMerging: whether keys whose rows are equal are one step.
    init(
        _ keys: [Int], _ terms: [BudgetProgram.Term], _ places: StepPlaces, isMerging: Bool
    ) throws(FPNASError) {
        self.terms = terms.count
        // Steps by the hash of their rows; open addressing.
        var size = 16
        while isMerging && size < 2 * keys.count { size *= 2 }
        var table = [Int32](repeating: -1, count: size)
        let row = try Buffer<Int32>(terms.count, of: "the table of sums")
        let cursors = try Buffer<Int>(terms.count, of: "the table of sums")
        let factors = try Buffer<UInt64>(terms.count, of: "the table of sums")
        for t in terms.indices { factors[t] = Rows.mixed(UInt64(t)) | 1 }
        steps.reserveCapacity(keys.count)
        for key in keys {
            let hash = unsafe places.lookUp(
                key, terms, cursors.pointer, factors.pointer, into: row.pointer)
            var slot = Int(Rows.mixed(hash) & UInt64(size - 1))
            while isMerging && table[slot] >= 0 && !holds(row, step: Int(table[slot])) {
                slot = (slot + 1) & (size - 1)
            }
            if isMerging && table[slot] >= 0 {
                steps.append(table[slot])
            } else {
                table[slot] = Int32(count)
                steps.append(Int32(count))
                unsafe targets.append(contentsOf: UnsafeBufferPointer(row.elements))
                count += 1
            }
        }
    }

    private func holds(_ row: Buffer<Int32>, step: Int) -> Bool {
        for t in 0..<terms where unsafe targets[step * terms + t] != row.pointer[t] {
            return false
        }
        return true
    }

    /// The finalizer of SplitMix64.
    private static func mixed(_ x: UInt64) -> UInt64 {
        var x = x &+ 0x9E37_79B9_7F4A_7C15
        x = (x ^ x >> 30) &* 0xBF58_476D_1CE4_E5B9
        x = (x ^ x >> 27) &* 0x94D0_49BB_1331_11EB
        return x ^ x >> 31
    }
}
