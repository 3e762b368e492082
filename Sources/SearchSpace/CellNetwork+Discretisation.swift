import Support

extension CellNetwork {
    /// Operations of an edge while DARTS searches: none, then those of the space.
    public static let dartsEdgeOperations = ["none"] + dartsOperations

    /// DARTS's rule: every node keeps the two inputs whose strongest operation, none apart, is
    /// strongest, each with that operation; of equals the first. [Liu et al. 2019, §2.4]
    ///
    /// - Parameter weights: of the normal and the reduction cell, of their 14 edges in the order
    ///   0→0, 1→0, 0→1, 1→1, 2→1, …, of the eight operations.
    /// - Returns: an architecture of `darts`.
    public static func dartsArchitecture(
        edgeWeights weights: [Double]
    ) throws(FPNASError) -> [Int32] {
        let operations = dartsEdgeOperations.count
        let edges = (0..<dartsNodes).reduce(0) { $0 + $1 + 2 }
        guard weights.count == 2 * edges * operations else {
            throw .invalid(
                "weights must have \(2 * edges * operations) values, got \(weights.count)")
        }
        for (i, weight) in weights.enumerated() where !weight.isFinite {
            throw .invalid("weight \(i) must be finite, got \(weight)")
        }
        var row: [Int32] = []
        var edge = 0
        for _ in 0..<2 {
            for node in 0..<dartsNodes {
                // The strongest operation of every input, counted without none.
                var best: [(weight: Double, operation: Int)] = []
                for _ in 0..<(node + 2) {
                    let own = weights[(edge * operations)..<((edge + 1) * operations)].dropFirst()
                    var top = own.startIndex
                    for i in own.indices where own[i] > own[top] { top = i }
                    best.append((own[top], top - own.startIndex))
                    edge += 1
                }
                let order = best.indices.sorted {
                    best[$0].weight != best[$1].weight
                        ? best[$0].weight > best[$1].weight : $0 < $1
                }
                let (first, second) = (min(order[0], order[1]), max(order[0], order[1]))
                let pair = pairs(node).firstIndex { $0 == (first, second) } ?? 0
                row += [pair, best[first].operation, best[second].operation].map {
                    Int32(truncatingIfNeeded: $0)
                }
            }
        }
        return row
    }
}
