import ArchitectureCost
import SearchSpace
import Support

/// How latencies are measured.
public struct LatencyOptions: Hashable, Sendable {
    public var threads = 1
    /// Images of one run.
    public var batch = 1
    /// Time for every block, at least; a block is run at least `rounds` times.
    public var seconds = 0.03
    public var rounds = 12

    public init() {}

    public func check() throws(FPNASError) {
        guard (1...256).contains(threads) else {
            throw .invalid("threads must be in [1, 256], got \(threads)")
        }
        guard (1...4096).contains(batch) else {
            throw .invalid("batch must be in [1, 4096], got \(batch)")
        }
        try requireFinite(seconds, in: 0...3600, "seconds")
        guard (4...10_000).contains(rounds) else {
            throw .invalid("rounds must be in [4, 10000], got \(rounds)")
        }
    }
}

/// Measures what every block of a space's networks takes on this machine, with the built-in
/// kernels, inference alone.
///
/// A block is the difference of two tiny networks, one with and one without it, which take turns:
///
///     t(block) = t(images, block, end) − t(images, end)
///
/// where `end` makes two classes of one pixel of any shape. Of each the lower quartile counts. A
/// pool over everything and the last linear layer are measured as the parts of a classifier. What
/// every network takes besides (images in, softmax out, threads) is the table's base.
public struct LatencyMeasurement {
    public let space: SearchSpace
    public let options: LatencyOptions
    /// What is still to be measured, in the order of the space.
    public private(set) var remaining: [NetworkBlock]
    /// Number of all blocks.
    public let count: Int
    private var blocks: [(block: NetworkBlock, entry: LatencyTable.Entry)]
    private var base: Int

    /// Starts, or goes on from a table that was measured with the same options.
    public init(
        _ space: SearchSpace, _ options: LatencyOptions, from table: LatencyTable? = nil
    ) throws(FPNASError) {
        try options.check()
        guard let input = space.input else {
            throw .invalid("the space '\(space.name)' is abstract: it has no blocks to measure")
        }
        self.space = space
        self.options = options
        if let table {
            guard table.basis == .block, table.header.threads == options.threads,
                table.header.batch == options.batch
            else {
                throw .invalid(
                    "the table there is was measured otherwise: not with \(options.threads) "
                        + "threads and batches of \(options.batch)")
            }
        }
        let empty = try LatencyTable(.init(device: "none", source: "none"), blocks: [])
        var wanted: [NetworkBlock] = []
        for key in try empty.missingKeys(of: space) { wanted.append(try NetworkBlock(key: key)) }
        count = wanted.count
        blocks = table?.blocks ?? []
        remaining = wanted.filter { table?[$0] == nil }
        if let table {
            base = table.header.base
        } else {
            base = 0
            let one = ImageShape(height: 1, width: 1, channels: 1)
            let end = NetworkBlock.onePixel(of: one)
            base = try measure([
                (1, .probe([], input: input)), (-1, .probe([end], input: one)),
                (1, .probe([], input: one)),
            ]).nanoseconds
        }
    }

    public var isDone: Bool { remaining.isEmpty }

    /// Measures the next block.
    public mutating func step() throws(FPNASError) {
        guard let block = remaining.first else { return }
        blocks.append((block, try measure(Self.probes(of: block))))
        remaining.removeFirst()
    }

    /// What was measured so far.
    public func table(device: String, date: String?) throws(FPNASError) -> LatencyTable {
        try LatencyTable(
            .init(
                device: device, source: "measured by fpnas on the blocks of '\(space.name)'",
                statistic: "lower quartile", date: date, threads: options.threads,
                batch: options.batch, base: base), blocks: blocks)
    }

    /// Networks whose times, with these signs, add up to the block's.
    private static func probes(of block: NetworkBlock) -> [(sign: Int, network: Network)] {
        let shape = block.inShape
        let pixel = ImageShape(height: 1, width: 1, channels: shape.channels)
        switch block.kind {
        case .linear where block.activation == .none && block.hasBias && block.outChannels > 1:
            return [
                (1, .classifierProbe(pixel, classes: block.outChannels)),
                (-1, .probe([], input: pixel)),
                (1, .probe([], input: ImageShape(height: 1, width: 1, channels: 1))),
                (
                    -1,
                    .classifierProbe(
                        ImageShape(height: 1, width: 1, channels: 1), classes: 2)
                ),
            ]
        case .pool where block.kernel == 0:
            return [
                (1, .classifierProbe(shape, classes: 2)), (-1, .classifierProbe(pixel, classes: 2)),
                (-1, .probe([], input: shape)), (1, .probe([], input: pixel)),
            ]
        default: return [(1, .probe([block], input: shape)), (-1, .probe([], input: shape))]
        }
    }

    private func measure(
        _ probes: [(sign: Int, network: Network)]
    ) throws(FPNASError) -> LatencyTable.Entry {
        var timed: [TimedNetwork] = []
        for probe in probes {
            timed.append(
                try TimedNetwork(probe.network, batch: options.batch, threads: options.threads))
        }
        try TimedNetwork.measure(
            timed, rounds: options.rounds, seconds: options.seconds, warming: false)
        var sum = 0.0
        for (probe, network) in zip(probes, timed) { sum += Double(probe.sign) * network.latency }
        // A difference of noisy times may fall below nothing.
        let limit = Double(LatencyTable.limit - 1)
        return LatencyTable.Entry(
            Int(min(max(sum * 1e9, 0), limit).rounded()), count: timed[0].seconds.count,
            deviation: Int(min(timed[0].deviation * 1e9, limit).rounded()))
    }
}
