import ArchitectureCost
import SearchSpace
import Support

/// Tables of latencies in the formats of others.
public enum LatencyImport: String, CaseIterable, Sendable {
    /// once-for-all's tables of MobileNetV3 blocks, one file an input size.
    ///
    ///     expanded_conv-input:56x56x32-output:28x28x48-expand:96-kernel:5-stride:2-idskip:0-se:1-hs:0:
    ///       count: 56
    ///       mean: 1.34
    ///       std: 0.02
    ///
    /// Milliseconds. Of YAML just this much is read: keys without indentation, and below each the
    /// three numbers in any order. What the keys leave unsaid is once-for-all's: padding k/2; a
    /// squeeze to a quarter, rounded to multiples of 8, with the hard sigmoid; hs:1 is h-swish,
    /// hs:0 relu; h-swish behind Conv, Conv_1 and Conv_2, which is without normalisation and bias.
    case onceForAll = "once-for-all"
    /// Rows of candidate blocks by position, as FBNet's users measure them.
    ///
    ///     [null, [10430.4, 17413.8, …], …]
    ///
    /// Microseconds. Rows that are null are left out; the others are the layers that choose. Their
    /// values are in the order of FBNet's table 2: k3_e1, k3_e1_g2, k3_e3, k3_e6, k5_e1, k5_e1_g2,
    /// k5_e3, k5_e6 and, where shapes match, skip.
    case fbnet

    /// The format of that name, or an error that lists them all.
    public static func named(_ name: String) throws(FPNASError) -> LatencyImport {
        guard let found = LatencyImport(rawValue: name) else {
            let all = allCases.map(\.rawValue).joined(separator: ", ")
            throw .invalid("there is no format of latencies '\(name)'; there are: \(all)")
        }
        return found
    }

    /// Reads a file. It does not say what was measured: `device` does.
    public func load(_ path: String, device: String) throws(FPNASError) -> LatencyTable {
        let bytes = try Files.read(path, limit: JSONText.sizeLimit)
        return try decode(bytes, name: path, device: device)
    }

    public func decode(
        _ bytes: [UInt8], name: String, device: String
    ) throws(FPNASError) -> LatencyTable {
        guard bytes.count <= JSONText.sizeLimit else {
            throw FPNASError(
                .format,
                "'\(name)' has \(bytes.count) bytes, more than the limit of \(JSONText.sizeLimit)")
        }
        let file = name.split(separator: "/").last.map(String.init) ?? name
        let header = LatencyTable.Header(
            device: device, source: "\(file), imported from \(rawValue)", statistic: "mean",
            batch: 1)
        do throws(FPNASError) {
            switch self {
            case .onceForAll: return try LatencyTable(header, blocks: try onceForAllBlocks(bytes))
            case .fbnet:
                let rows = try JSONText.decode([[Double]?].self, bytes, name: name)
                return try LatencyTable(header, options: try fbnetOptions(rows))
            }
        } catch {
            if error.message.hasPrefix("'\(name)'") { throw error }
            throw FPNASError(.format, "'\(name)': \(error.message)")
        }
    }

    // MARK: - FBNet

    private func fbnetOptions(
        _ rows: [[Double]?]
    ) throws(FPNASError) -> [[LatencyTable.Entry?]] {
        var options: [[LatencyTable.Entry?]] = []
        for (index, row) in rows.enumerated() {
            guard let row else { continue }
            guard !row.isEmpty else { throw .invalid("row \(index) is empty") }
            var entries: [LatencyTable.Entry?] = []
            for (column, value) in row.enumerated() {
                let place = "row \(index), value \(column)"
                entries.append(.init(try nanoseconds(value, per: 1e3, place)))
            }
            options.append(entries)
        }
        guard !options.isEmpty else { throw .invalid("there are no rows") }
        return options
    }

    // MARK: - once-for-all

    /// Milliseconds by the names of a table's three numbers.
    private struct Numbers {
        let key: Substring
        let line: Int
        var values: [String: Double] = [:]
    }

    private func onceForAllBlocks(
        _ bytes: [UInt8]
    ) throws(FPNASError) -> [(block: NetworkBlock, entry: LatencyTable.Entry)] {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw .invalid("the text is not UTF-8")
        }
        var blocks: [(block: NetworkBlock, entry: LatencyTable.Entry)] = []
        var current: Numbers?
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        for (index, line) in lines.enumerated() {
            let content = line.hasSuffix("\r") ? line.dropLast() : line
            if content.allSatisfy({ $0 == " " }) || content.hasPrefix("#") { continue }
            if content.hasPrefix(" ") {
                guard var numbers = current else {
                    throw .invalid("line \(index + 1): '\(content)' belongs to no key")
                }
                try read(content, index + 1, into: &numbers)
                current = numbers
            } else {
                guard content.hasSuffix(":") else {
                    throw .invalid("line \(index + 1): '\(content)' is no key with a colon")
                }
                if let current { blocks.append(try finished(current)) }
                current = Numbers(key: content.dropLast(), line: index + 1)
            }
        }
        if let current { blocks.append(try finished(current)) }
        guard !blocks.isEmpty else { throw .invalid("there are no entries") }
        return blocks
    }

    private func read(
        _ line: Substring, _ number: Int, into numbers: inout Numbers
    ) throws(FPNASError) {
        let parts = line.drop { $0 == " " }.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, ["count", "mean", "std"].contains(parts[0]),
            parts[1].hasPrefix(" "), let value = Double(parts[1].dropFirst())
        else {
            throw .invalid("line \(number): '\(line)' is not 'count', 'mean' or 'std' and a number")
        }
        guard numbers.values.updateValue(value, forKey: String(parts[0])) == nil else {
            throw .invalid("line \(number): '\(numbers.key)' has '\(parts[0])' twice")
        }
    }

    private func finished(
        _ numbers: Numbers
    ) throws(FPNASError) -> (block: NetworkBlock, entry: LatencyTable.Entry) {
        let place = "line \(numbers.line): '\(numbers.key)'"
        guard let mean = numbers.values["mean"] else { throw .invalid("\(place) has no 'mean'") }
        var count: Int?
        if let given = numbers.values["count"] {
            guard let whole = Int(exactly: given), whole >= 1 else {
                throw .invalid("\(place) has the count \(given)")
            }
            count = whole
        }
        var deviation: Int?
        if let given = numbers.values["std"] { deviation = try nanoseconds(given, per: 1e6, place) }
        guard let key = Self.key(onceForAll: numbers.key) else {
            throw .invalid("\(place) is no key of once-for-all's")
        }
        let entry = LatencyTable.Entry(
            try nanoseconds(mean, per: 1e6, place), count: count, deviation: deviation)
        do throws(FPNASError) { return (try NetworkBlock(key: key), entry) } catch {
            throw .invalid("\(place): \(error.message)")
        }
    }

    /// The key of ours that means the same.
    private static func key(onceForAll key: Substring) -> String? {
        let words = key.split(separator: "-", omittingEmptySubsequences: false)
        var values: [Substring: Substring] = [:]
        for word in words.dropFirst() {
            let parts = word.split(separator: ":", omittingEmptySubsequences: false)
            guard parts.count == 2, values.updateValue(parts[1], forKey: parts[0]) == nil else {
                return nil
            }
        }
        guard let kind = words.first, let input = values["input"], var output = values["output"]
        else { return nil }
        if kind == "Logits" { output = "1x1x" + output }
        let shapes = "in=\(input) out=\(output)"
        guard kind == "expanded_conv" else {
            guard values.count == 2 else { return nil }
            switch kind {
            case "Conv":
                guard let rows = Int(input.prefix { $0 != "x" }),
                    let left = Int(output.prefix { $0 != "x" }), left > 0, rows % left == 0
                else { return nil }
                let stride = rows / left
                return "conv \(shapes) kernel=3\(stride == 1 ? "" : " stride=\(stride)") act=hswish"
            case "Conv_1": return "conv \(shapes) kernel=1 act=hswish"
            case "AvgPool2D": return "pool \(shapes) kernel=0"
            case "Conv_2": return "linear \(shapes) act=hswish"
            case "Logits": return "linear \(shapes) bias=1"
            default: return nil
            }
        }
        guard values.count == 8, let hidden = values["expand"], let width = Int(hidden),
            (1...1 << 20).contains(width), let kernel = values["kernel"],
            let stride = values["stride"], let skips = flag(values["idskip"]),
            let squeezes = flag(values["se"]), let isHard = flag(values["hs"])
        else { return nil }
        var text = "mbconv \(shapes) hidden=\(hidden) kernel=\(kernel)"
        if stride != "1" { text += " stride=\(stride)" }
        text += isHard ? " act=hswish" : " act=relu"
        if squeezes { text += " se=\(multipleOf8(width / 4)) gate=hsigmoid" }
        if skips { text += " shortcut=identity" }
        return text
    }

    private static func flag(_ text: Substring?) -> Bool? {
        switch text {
        case "0": return false
        case "1": return true
        default: return nil
        }
    }

    /// The nearest multiple of 8, the next one where that is less than 0.9 of the width.
    private static func multipleOf8(_ width: Int) -> Int {
        let nearest = max(8, (width + 4) / 8 * 8)
        return nearest * 10 < width * 9 ? nearest + 8 : nearest
    }
}

private func nanoseconds(
    _ value: Double, per unit: Double, _ place: String
) throws(FPNASError) -> Int {
    let scaled = value * unit
    guard value >= 0, scaled < Double(LatencyTable.limit) else {  // also NaN
        throw .invalid("\(place) has the time \(value), which must be >= 0 and finite")
    }
    return Int(scaled.rounded(.toNearestOrEven))
}
