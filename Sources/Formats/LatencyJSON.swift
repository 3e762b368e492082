import ArchitectureCost
import SearchSpace
import Support

/// The JSON form of a table of latencies.
///
///     {"format": "fpnas-latency", "version": 1, "unit": "ns", "basis": "block",
///      "device": "Raspberry Pi 4", "source": "measured by fpnas 0.1.0", "statistic": "mean",
///      "date": "2026-01-31", "threads": 1, "batch": 1, "base": 2100,
///      "entries": [
///        {"key": "conv in=8x8x1 out=8x8x8 kernel=3 act=relu", "ns": 5400, "count": 40, "std": 90}]}
///
/// Optional are "statistic", "date", "threads", "batch", "base", "count", "std". Values are whole
/// nanoseconds of one run of the batch. With the basis "option" the keys are "layer=0 option=3",
/// and "layers" may say how many layers there are.
public enum LatencyJSON {
    public static let format = "fpnas-latency"
    public static let version = 1

    public static func load(_ path: String) throws(FPNASError) -> LatencyTable {
        try decode(try Files.read(path, limit: JSONText.sizeLimit), name: path)
    }

    /// Reads a table; `name` is the file that messages speak of.
    public static func decode(_ bytes: [UInt8], name: String) throws(FPNASError) -> LatencyTable {
        let document = try JSONText.decode(LatencyDocument.self, bytes, name: name)
        guard document.format == format, document.version == version else {
            throw FPNASError(
                .format,
                "'\(name)' must have format '\(format)' version \(version), got "
                    + "'\(document.format)' version \(document.version)")
        }
        do throws(FPNASError) { return try document.table() } catch {
            throw FPNASError(.format, "'\(name)': \(error.message)")
        }
    }

    public static func encode(_ table: LatencyTable) throws(FPNASError) -> [UInt8] {
        try JSONText.encode(LatencyDocument(table), pretty: true)
    }

    public static func save(_ table: LatencyTable, to path: String) throws(FPNASError) {
        try Files.replace(path, with: try encode(table))
    }
}

private struct LatencyDocument: Codable {
    struct Row: Codable {
        let key: String
        let ns: Int
        let count: Int?
        let std: Int?

        init(_ key: String, _ entry: LatencyTable.Entry) {
            self.key = key
            ns = entry.nanoseconds
            count = entry.count
            std = entry.deviation
        }

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: AnyKey.self)
            let key = try container.decode(String.self, forKey: AnyKey("key"))
            self.key = key
            try requireKnown(["key", "ns", "count", "std"], in: container, "the entry '\(key)'")
            // As doubles, for an error that says more than that this is no JSON; exact below 2^53.
            func whole(_ name: String) throws -> Int? {
                guard let value = try container.decodeIfPresent(Double.self, forKey: AnyKey(name))
                else { return nil }
                guard let number = Int(exactly: value), abs(value) < 0x1p53 else {
                    throw FPNASError.invalid(
                        "'\(name)' of '\(key)' must be a whole number, got \(value)")
                }
                return number
            }
            guard let value = try whole("ns") else {
                throw FPNASError.invalid("'ns' of '\(key)' is missing")
            }
            ns = value
            count = try whole("count")
            std = try whole("std")
        }

        var entry: LatencyTable.Entry { .init(ns, count: count, deviation: std) }
    }

    let format: String
    let version: Int
    let unit: String
    let basis: String
    let device: String
    let source: String
    let statistic: String?
    let date: String?
    let threads: Int?
    let batch: Int?
    let base: Int?
    let layers: Int?
    let entries: [Row]

    init(_ table: LatencyTable) {
        format = LatencyJSON.format
        version = LatencyJSON.version
        unit = "ns"
        basis = table.basis.rawValue
        device = table.header.device
        source = table.header.source
        statistic = table.header.statistic
        date = table.header.date
        threads = table.header.threads
        batch = table.header.batch
        base = table.header.base
        layers = table.basis == .option ? table.options.count : nil
        switch table.basis {
        case .block: entries = table.blocks.map { Row($0.block.key, $0.entry) }
        case .option:
            var rows: [Row] = []
            for (layer, options) in table.options.enumerated() {
                for (option, entry) in options.enumerated() {
                    if let entry { rows.append(Row("layer=\(layer) option=\(option)", entry)) }
                }
            }
            entries = rows
        }
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: AnyKey.self)
        try requireKnown(
            [
                "format", "version", "unit", "basis", "device", "source", "statistic", "date",
                "threads", "batch", "base", "layers", "entries",
            ], in: container, "a table of latencies")
        func text(_ key: String) throws -> String {
            try container.decode(String.self, forKey: AnyKey(key))
        }
        func number(_ key: String) throws -> Int? {
            try container.decodeIfPresent(Int.self, forKey: AnyKey(key))
        }
        format = try text("format")
        version = try container.decode(Int.self, forKey: AnyKey("version"))
        unit = try text("unit")
        basis = try text("basis")
        device = try text("device")
        source = try text("source")
        statistic = try container.decodeIfPresent(String.self, forKey: AnyKey("statistic"))
        date = try container.decodeIfPresent(String.self, forKey: AnyKey("date"))
        threads = try number("threads")
        batch = try number("batch")
        base = try number("base")
        layers = try number("layers")
        entries = try container.decode([Row].self, forKey: AnyKey("entries"))
    }

    func table() throws(FPNASError) -> LatencyTable {
        guard unit == "ns" else { throw .invalid("the unit must be 'ns', got '\(unit)'") }
        guard let basis = LatencyTable.Basis(rawValue: basis) else {
            throw .invalid("the basis must be 'block' or 'option', got '\(basis)'")
        }
        let header = LatencyTable.Header(
            device: device, source: source, statistic: statistic, date: date, threads: threads,
            batch: batch, base: base ?? 0)
        if basis == .block {
            guard layers == nil else { throw .invalid("a table by blocks has no 'layers'") }
            var blocks: [(block: NetworkBlock, entry: LatencyTable.Entry)] = []
            for row in entries { blocks.append((try NetworkBlock(key: row.key), row.entry)) }
            return try LatencyTable(header, blocks: blocks)
        }
        return try LatencyTable(header, options: try options())
    }

    private func options() throws(FPNASError) -> [[LatencyTable.Entry?]] {
        let most = SearchSpace.maximumOptions
        guard (0...most).contains(layers ?? 0) else {
            throw .invalid("'layers' must be in [0, \(most)], got \(layers ?? 0)")
        }
        var options = [[LatencyTable.Entry?]](repeating: [], count: layers ?? 0)
        // Rows may come in any order, but a few huge numbers must not fill the memory.
        var room = max(4 * entries.count, 1 << 16)
        for row in entries {
            guard let (layer, option) = Self.place(row.key), layer < layers ?? most, option < most
            else { throw .invalid("the key '\(row.key)' is not 'layer=NUMBER option=NUMBER'") }
            room -= max(layer - options.count, 0)
            if layer >= options.count {
                guard room >= 0 else { throw .invalid("the key '\(row.key)' is far beyond others") }
                options += [[LatencyTable.Entry?]](
                    repeating: [], count: layer - options.count + 1)
            }
            let lacking = option - options[layer].count + 1
            if lacking > 0 {
                room -= lacking
                guard room >= 0 else { throw .invalid("the key '\(row.key)' is far beyond others") }
                options[layer] += [LatencyTable.Entry?](repeating: nil, count: lacking)
            }
            guard options[layer][option] == nil else {
                throw .invalid("'\(row.key)' is in the table twice")
            }
            options[layer][option] = row.entry
        }
        return options
    }

    private static func place(_ key: String) -> (layer: Int, option: Int)? {
        let words = key.split(separator: " ", omittingEmptySubsequences: false)
        guard words.count == 2, words[0].hasPrefix("layer="), words[1].hasPrefix("option="),
            let layer = Int(words[0].dropFirst(6)), let option = Int(words[1].dropFirst(7)),
            layer >= 0, option >= 0, key == "layer=\(layer) option=\(option)"
        else { return nil }
        return (layer, option)
    }
}

private func requireKnown(
    _ known: [String], in container: KeyedDecodingContainer<AnyKey>, _ what: String
) throws(FPNASError) {
    for key in container.allKeys.map(\.stringValue).sorted() where !known.contains(key) {
        throw .invalid("\(what) has the unknown key '\(key)'")
    }
}
