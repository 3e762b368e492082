import SearchSpace
import Support

/// Which memory the gradient of each operator's result uses in a pass backwards.
///
/// Gradients live in numbered slots that are used again as soon as they are free. The results of
/// blocks go to slots 0 and 1 while these are free, others to the lowest from 2 on: in a chain of
/// blocks the slots inside a block then depend on that block alone, so that their sizes can be
/// planned without looking at whole networks.
struct GradientPlan {
    /// How a consumer hands a gradient to the operator whose result it took.
    struct Delivery {
        /// Whether it is the first, or the last, to arrive at the result.
        var isFirst = true
        var isLast = true
        /// The source's memory becomes the target's.
        var takes = false
        /// The target only reads the source's memory.
        var shares = false
        /// Nothing to deliver: the image, or zeros.
        var isVoid = false
    }

    /// By operator; −1 where there is none.
    var slots: [Int]
    /// By operator and input.
    var deliveries: [[Delivery]]
    /// Floats of an image by slot.
    var sizes: [Int]

    /// The operators are live: each but the last has a consumer.
    ///
    /// With `scales`, branches beside an identity get gradients of their own, times a factor.
    init(_ operators: [NetworkOperator], scales: Bool, isOutput: (Int) -> Bool) {
        slots = [Int](repeating: -1, count: operators.count)
        deliveries = operators.map { [Delivery](repeating: Delivery(), count: $0.inputs.count) }
        sizes = [0, 0]
        guard let last = operators.indices.last else { return }
        var consumers = [Int](repeating: 0, count: operators.count)
        for op in operators { for source in op.inputs where source >= 0 { consumers[source] += 1 } }
        var arrived = [Int](repeating: 0, count: operators.count)
        /// Operators that still need a slot.
        var users = [0, 0]
        func acquire(_ i: Int) {
            var slot = isOutput(i) ? (users[0] == 0 ? 0 : 1) : 2
            while slot < users.count && users[slot] > 0 { slot += 1 }
            while slot >= users.count {
                users.append(0)
                sizes.append(0)
            }
            users[slot] = 1
            slots[i] = slot
            let shape = operators[i].outShape
            sizes[slot] = max(
                sizes[slot], shape.height * shape.width * laneAligned(shape.channels))
        }
        acquire(last)
        for i in operators.indices.reversed() {
            let op = operators[i]
            let taken = GradientPlan.taken(
                by: i, operators, arrived, consumers,
                scales: scales && GradientPlan.skipsBranch(i, operators))
            for (j, source) in op.inputs.enumerated() {
                guard source >= 0, operators[source].kind != .zero else {
                    deliveries[i][j].isVoid = true
                    continue
                }
                arrived[source] += 1
                deliveries[i][j].isFirst = arrived[source] == 1
                deliveries[i][j].isLast = arrived[source] == consumers[source]
                guard arrived[source] == 1 else { continue }
                let takes = source == taken.source
                let shares = !takes && taken.readers.contains(source)
                deliveries[i][j].takes = takes
                deliveries[i][j].shares = shares
                if takes || shares {
                    slots[source] = slots[i]
                    users[slots[i]] += 1
                } else {
                    acquire(source)
                }
            }
            if slots[i] >= 0 { users[slots[i]] -= 1 }
        }
    }

    /// Whether the operator adds a block's result to the block's own input.
    static func skipsBranch(_ i: Int, _ operators: [NetworkOperator]) -> Bool {
        let op = operators[i]
        guard op.kind == .sum, op.inputs.count == 2, op.inputs[0] >= 0,
            operators[op.inputs[0]].block == op.block
        else { return false }
        guard op.inputs[1] >= 0, operators[op.inputs[1]].block == op.block else { return true }
        if case .leading = operators[op.inputs[1]].kind { return true }
        return false
    }

    /// The operator that takes over the memory of a sum's or a squeeze's gradient, and those that
    /// only read it and are done before the taker writes.
    private static func taken(
        by i: Int, _ operators: [NetworkOperator], _ arrived: [Int], _ consumers: [Int],
        scales: Bool
    ) -> (source: Int, readers: [Int]) {
        let op = operators[i]
        if case .squeezeExcite = op.kind {
            let source = op.inputs[0]
            return source >= 0 && consumers[source] == 1 ? (source, []) : (-1, [])
        }
        guard op.kind == .sum else { return (-1, []) }
        let free = (scales ? Array(op.inputs.dropFirst()) : op.inputs).filter { source in
            source >= 0 && arrived[source] == 0 && operators[source].kind != .zero
                && operators[source].activation == .none
        }
        func reads(_ source: Int) -> Bool {
            guard consumers[source] == 1 else { return false }
            switch operators[source].kind {
            case .convolution, .linear, .leading: return true
            default: return false
            }
        }
        let taker = free.first { !reads($0) } ?? -1
        // The taker's memory changes when its other consumers add to it, or itself is its turn.
        var firstChange = taker
        if taker >= 0 {
            for k in ((taker + 1)...i).reversed() where firstChange == taker {
                let count = operators[k].inputs.filter { $0 == taker }.count
                if count > (k == i ? 1 : 0) { firstChange = k }
            }
        }
        return (taker, free.filter { reads($0) && $0 > firstChange })
    }
}
