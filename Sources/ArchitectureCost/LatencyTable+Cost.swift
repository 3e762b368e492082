import SearchSpace
import Support

/// What to make of a block that a table does not have.
public enum LatencyInterpolation: Int32, Sendable {
    /// An error that lists all of them.
    case none = 0
    /// Among blocks that differ in nothing but widths, on the line through the next fewer and the
    /// next more MACs (of blocks without MACs, input values). Never beyond the least and the most.
    case macs = 1
}

extension LatencyTable {
    /// The latency of one network in nanoseconds; the table is by blocks.
    public func latency(
        of network: Network, _ interpolation: LatencyInterpolation = .none
    ) throws(FPNASError) -> Int {
        guard basis == .block else {
            throw .invalid("a table by options knows no blocks: it needs the space")
        }
        var lookup = LatencyLookup(self, interpolation)
        var total = header.base
        for block in network.blocks { total = try lookup.add(block, to: total) }
        try lookup.requireAll(in: "the network")
        return total
    }

    /// Latency as an additive cost of a space, on which all arithmetic of costs is exact.
    ///
    /// Whatever the space can build has to be in the table: otherwise the error lists all keys
    /// that are missing (the first 20 of them, and their number). A table by options prices the
    /// layers that choose, and nothing else.
    public func chain(
        of space: SearchSpace, _ interpolation: LatencyInterpolation = .none
    ) throws(FPNASError) -> CostChain {
        let (chain, missing) = try price(space, interpolation)
        guard missing.isEmpty else { throw missingKeys(missing, of: "'\(space.name)'") }
        return chain
    }

    /// The keys a space needs and the table has not, each once, in the order of the space.
    public func missingKeys(
        of space: SearchSpace, _ interpolation: LatencyInterpolation = .none
    ) throws(FPNASError) -> [String] {
        try price(space, interpolation).missing
    }

    /// The latency of one architecture; only what it builds has to be in the table.
    public func latency(
        of architecture: [Int32], in space: SearchSpace,
        _ interpolation: LatencyInterpolation = .none
    ) throws(FPNASError) -> Int {
        guard basis == .option else {
            return try latency(of: try space.network(architecture), interpolation)
        }
        try space.check(architecture)
        let active = space.activity(architecture)
        var total = header.base
        var missing: [String] = []
        for (row, layer) in try choosingLayers(space).enumerated() {
            let wanted = space.variables(of: layer).map { active[$0] ? architecture[$0] : -1 }
            let option = try space.options(ofLayer: layer).firstIndex(of: wanted) ?? 0
            if let entry = entry(row, option) {
                total += entry.nanoseconds  // at most 2^20 rows below 2^50
            } else {
                missing.append("layer=\(row) option=\(option)")
            }
        }
        guard missing.isEmpty else { throw missingKeys(missing, of: "the network") }
        return total
    }

    // MARK: -

    private func price(
        _ space: SearchSpace, _ interpolation: LatencyInterpolation
    ) throws(FPNASError) -> (CostChain, missing: [String]) {
        guard basis == .block else { return try priceOptions(space) }
        var lookup = LatencyLookup(self, interpolation)
        let chains = try CostChain.chains(of: space, count: 1) { (block) throws(FPNASError) in
            [try lookup.add(block, to: 0)]
        }
        return (try chains[0].adding(header.base), lookup.missing)
    }

    private func priceOptions(_ space: SearchSpace) throws(FPNASError) -> (CostChain, [String]) {
        var missing: [String] = []
        let rows = try choosingLayers(space)
        var costs: [[Int]] = []
        for layer in space.layers.indices {
            let count = try space.options(ofLayer: layer).count
            guard let row = rows.firstIndex(of: layer) else {
                costs.append([Int](repeating: 0, count: count))
                continue
            }
            costs.append(
                (0..<count).map { option in
                    if let entry = entry(row, option) { return entry.nanoseconds }
                    missing.append("layer=\(row) option=\(option)")
                    return 0
                })
        }
        let chain = try CostChain(space: space, optionCosts: costs)
        return (try chain.adding(header.base), missing)
    }

    /// The layers the rows of a table by options are about.
    private func choosingLayers(_ space: SearchSpace) throws(FPNASError) -> [Int] {
        let layers = space.layers.indices.filter { !space.variables(of: $0).isEmpty }
        guard layers.count == options.count else {
            throw .invalid(
                "the table has rows for \(options.count) layers, \(layers.count) of "
                    + "'\(space.name)' choose something")
        }
        return layers
    }

    private func entry(_ row: Int, _ option: Int) -> Entry? {
        option < options[row].count ? options[row][option] : nil
    }

    fileprivate func missingKeys(_ keys: [String], of what: String) -> FPNASError {
        let shown = keys.prefix(20).joined(separator: "; ")
        let rest = keys.count > 20 ? "; and \(keys.count - 20) more" : ""
        return .invalid(
            "the latencies of \(header.device) lack \(keys.count) keys of \(what): \(shown)\(rest)")
    }
}

/// Prices blocks and remembers what it could not price.
private struct LatencyLookup {
    private let table: LatencyTable
    private let interpolation: LatencyInterpolation
    private(set) var missing: [String] = []
    private var known: Set<NetworkBlock> = []
    /// By family: MACs, ascending, and the mean of their values. Looked up, never iterated.
    private var families: [String: [(macs: Int, nanoseconds: Int)]] = [:]

    init(_ table: LatencyTable, _ interpolation: LatencyInterpolation) {
        self.table = table
        self.interpolation = interpolation
        guard interpolation == .macs else { return }
        var values: [String: [(macs: Int, nanoseconds: Int)]] = [:]
        for (block, entry) in table.blocks {
            values[block.family, default: []].append((block.work, entry.nanoseconds))
        }
        families = values.mapValues { rows in
            var merged: [(macs: Int, nanoseconds: Int)] = []
            var count = 1
            for row in rows.sorted(by: { ($0.macs, $0.nanoseconds) < ($1.macs, $1.nanoseconds) }) {
                if let last = merged.last, last.macs == row.macs {
                    // A running mean of integers, to the nanosecond.
                    count += 1
                    merged[merged.count - 1].nanoseconds +=
                        (row.nanoseconds - last.nanoseconds) / count
                } else {
                    merged.append(row)
                    count = 1
                }
            }
            return merged
        }
    }

    /// A sum with the block's latency; a part that is missing adds nothing.
    mutating func add(_ block: NetworkBlock, to sum: Int) throws(FPNASError) -> Int {
        var total = sum
        for part in block.parts {
            guard let value = table[part]?.nanoseconds ?? interpolated(part) else {
                if known.insert(part).inserted { missing.append(part.key) }
                continue
            }
            total += value
            guard total < CostChain.limit else { throw .invalid("a network takes 2^60 ns or more") }
        }
        return total
    }

    func requireAll(in what: String) throws(FPNASError) {
        guard missing.isEmpty else { throw table.missingKeys(missing, of: what) }
    }

    private func interpolated(_ block: NetworkBlock) -> Int? {
        guard interpolation == .macs, let rows = families[block.family] else { return nil }
        let macs = block.work
        guard let above = rows.firstIndex(where: { $0.macs >= macs }) else { return nil }
        if rows[above].macs == macs { return rows[above].nanoseconds }
        guard above > 0 else { return nil }
        let (low, high) = (rows[above - 1], rows[above])
        let share = Double(macs - low.macs) / Double(high.macs - low.macs)
        // Between two values below 2^50.
        return low.nanoseconds
            + Int((share * Double(high.nanoseconds - low.nanoseconds)).rounded())
    }
}

extension NetworkBlock {
    /// MACs; of a block that has none, input values.
    fileprivate var work: Int {
        let macs = cost().macs
        return macs > 0 ? macs : inHeight * inWidth * inChannels
    }
}
