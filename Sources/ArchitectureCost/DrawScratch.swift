import Support

/// Memory of drawing from a budgeted distribution, kept from call to call.
final class DrawScratch {
    /// The place of every draw's node.
    private(set) var nodes: Buffer<Int32>
    /// The draws, sorted by place.
    private(set) var order: Buffer<Int32>
    private var spare: Buffer<Int32>
    /// As many as a state has terms.
    let running: Buffer<Double>
    private let heads: Buffer<Int32>

    private static let digit = 11

    init(_ program: BudgetProgram) throws(FPNASError) {
        var terms = 1
        for states in program.layers {
            for state in states { terms = max(terms, state.terms.count) }
        }
        running = try Buffer(terms, of: "sums of terms")
        heads = try Buffer(1 << DrawScratch.digit, of: "draws")
        nodes = try Buffer(0, of: "draws")
        order = try Buffer(0, of: "draws")
        spare = try Buffer(0, of: "draws")
    }

    func reserve(_ count: Int) throws(FPNASError) {
        guard nodes.count < count else { return }
        nodes = try Buffer(count, of: "draws")
        order = try Buffer(count, of: "draws")
        spare = try Buffer(count, of: "draws")
    }

    /// Sorts the first draws by their places, which are not below `least`. No allocation.
    func sort(_ count: Int, from least: Int) {
        let nodes = unsafe nodes.pointer
        if count <= 64 {
            let order = unsafe order.pointer
            for i in 1..<max(count, 1) {
                let k = unsafe order[i]
                var j = i
                while j > 0, unsafe nodes[Int(order[j - 1])] > nodes[Int(k)] {
                    unsafe order[j] = order[j - 1]
                    j -= 1
                }
                unsafe order[j] = k
            }
            return
        }
        var most = 0
        for k in 0..<count { unsafe most = max(most, Int(nodes[k]) - least) }
        var shift = 0
        while most >> shift > 0 {
            sortDigit(count, least, shift)
            swap(&order, &spare)
            shift += DrawScratch.digit
        }
    }

    /// One stable pass of a radix sort, from `order` to `spare`.
    private func sortDigit(_ count: Int, _ least: Int, _ shift: Int) {
        let (from, to) = unsafe (order.pointer, spare.pointer)
        let (nodes, heads) = unsafe (nodes.pointer, heads.pointer)
        let mask = (1 << DrawScratch.digit) - 1
        for i in 0...mask { unsafe heads[i] = 0 }
        for k in 0..<count { unsafe heads[((Int(nodes[k]) - least) >> shift) & mask] += 1 }
        var sum: Int32 = 0
        for i in 0...mask {
            let own = unsafe heads[i]
            unsafe heads[i] = sum
            sum += own
        }
        for i in 0..<count {
            let k = unsafe from[i]
            let digit = unsafe ((Int(nodes[Int(k)]) - least) >> shift) & mask
            unsafe to[Int(heads[digit])] = k
            unsafe heads[digit] += 1
        }
    }
}
