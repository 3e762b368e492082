import SearchSpace
import Support

/// How long the parts of networks take on some device, as integers in nanoseconds.
///
/// A network's latency is the sum of its parts' and of what every network needs. With the basis
/// `block` a part is a block by its key (`NetworkBlock.key`), so that a table serves every space
/// that has such blocks. With the basis `option` it is what one layer makes of its variables,
/// by position: tables of others' spaces that tell no more.
public struct LatencyTable: Hashable, Sendable {
    public enum Basis: String, Sendable {
        case block, option
    }

    /// What was measured, where and how; for people, except for the last.
    public struct Header: Hashable, Sendable {
        /// What ran the networks, such as "Samsung Note10, one core".
        public var device: String
        /// Where the numbers come from.
        public var source: String
        /// What a value is over its repetitions: "mean", "lower quartile".
        public var statistic: String?
        /// As "2026-01-31".
        public var date: String?
        public var threads: Int?
        /// Images of one run; values are of the whole batch.
        public var batch: Int?
        /// What every network takes besides its parts, in nanoseconds.
        public var base: Int

        public init(
            device: String, source: String, statistic: String? = nil, date: String? = nil,
            threads: Int? = nil, batch: Int? = nil, base: Int = 0
        ) {
            self.device = device
            self.source = source
            self.statistic = statistic
            self.date = date
            self.threads = threads
            self.batch = batch
            self.base = base
        }
    }

    public struct Entry: Hashable, Sendable {
        public let nanoseconds: Int
        /// Repetitions behind the value, and their standard deviation in nanoseconds.
        public let count: Int?
        public let deviation: Int?

        public init(_ nanoseconds: Int, count: Int? = nil, deviation: Int? = nil) {
            self.nanoseconds = nanoseconds
            self.count = count
            self.deviation = deviation
        }
    }

    public let basis: Basis
    public let header: Header
    /// In the order of their keys' texts.
    public let blocks: [(block: NetworkBlock, entry: Entry)]
    /// By layer that chooses, then by option; nil where nothing is known.
    public let options: [[Entry?]]
    /// Places in `blocks`; looked up, never iterated.
    private let places: [NetworkBlock: Int]

    /// The most a value may be, 13 days.
    public static let limit = 1 << 50

    /// A table by blocks; their layers and positions do not matter.
    public init(
        _ header: Header, blocks: [(block: NetworkBlock, entry: Entry)]
    ) throws(FPNASError) {
        var keyed: [(key: String, block: NetworkBlock, entry: Entry)] = []
        for (block, entry) in blocks {
            try LatencyTable.check(entry, block.key)
            guard block.parts == [block.placeless] else {
                let parts = block.parts.map { "'\($0.key)'" }.joined(separator: ", ")
                throw .invalid(
                    "'\(block.key)' has no latency of its own: "
                        + (parts.isEmpty ? "it does nothing" : "its parts are \(parts)"))
            }
            keyed.append((block.key, block.placeless, entry))
        }
        keyed.sort { $0.key < $1.key }
        var places: [NetworkBlock: Int] = [:]
        for (i, row) in keyed.enumerated() {
            guard places.updateValue(i, forKey: row.block) == nil else {
                throw .invalid("'\(row.key)' is in the table twice")
            }
        }
        try self.init(
            basis: .block, header, blocks: keyed.map { ($0.block, $0.entry) }, options: [],
            places: places)
    }

    /// A table by options: row k is of the k-th layer that has variables, its values in the order
    /// of the layer's options (`SearchSpace.options(ofLayer:)`; of one variable, its choices).
    public init(_ header: Header, options: [[Entry?]]) throws(FPNASError) {
        for (layer, row) in options.enumerated() {
            for (option, entry) in row.enumerated() {
                if let entry { try LatencyTable.check(entry, "layer=\(layer) option=\(option)") }
            }
        }
        try self.init(basis: .option, header, blocks: [], options: options, places: [:])
    }

    private init(
        basis: Basis, _ header: Header, blocks: [(block: NetworkBlock, entry: Entry)],
        options: [[Entry?]], places: [NetworkBlock: Int]
    ) throws(FPNASError) {
        guard !header.device.isEmpty, !header.source.isEmpty else {
            throw .invalid("a table has to name its device and its source")
        }
        for (value, name) in [
            (header.base, "base"), (header.threads ?? 1, "threads"), (header.batch ?? 1, "batch"),
        ] {
            guard value >= (name == "base" ? 0 : 1), value < LatencyTable.limit else {
                throw .invalid("\(name) of a table of latencies is out of range: \(value)")
            }
        }
        self.basis = basis
        self.header = header
        self.blocks = blocks
        self.options = options
        self.places = places
    }

    private static func check(_ entry: Entry, _ key: String) throws(FPNASError) {
        guard (0..<limit).contains(entry.nanoseconds) else {
            throw .invalid("'\(key)' must take 0 to 2^50 ns, got \(entry.nanoseconds)")
        }
        guard entry.count ?? 1 >= 1, (0..<limit).contains(entry.deviation ?? 0) else {
            throw .invalid("'\(key)' has a count or a deviation out of range")
        }
    }

    /// The entry of a block; nil where there is none.
    public subscript(block: NetworkBlock) -> Entry? {
        places[block.placeless].map { blocks[$0].entry }
    }

    public static func == (a: LatencyTable, b: LatencyTable) -> Bool {
        a.basis == b.basis && a.header == b.header && a.options == b.options
            && a.blocks.elementsEqual(b.blocks) { $0.block == $1.block && $0.entry == $1.entry }
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(header)
        hasher.combine(blocks.count)
        hasher.combine(options)
    }
}
