import FoundationEssentials
import Support

/// JSON in and out, with errors that name the file and the place in it.
enum JSONText {
    static let sizeLimit = 16 << 20

    static func decode<T: Decodable>(
        _ type: T.Type, _ bytes: [UInt8], name: String
    ) throws(FPNASError) -> T {
        guard bytes.count <= sizeLimit else {
            throw FPNASError(
                .format, "'\(name)' has \(bytes.count) bytes, more than the limit of \(sizeLimit)")
        }
        do {
            return try JSONDecoder().decode(type, from: Data(bytes))
        } catch let error as FPNASError {
            throw FPNASError(.format, "'\(name)': \(error.message)")
        } catch let error as DecodingError {
            throw FPNASError(.format, "'\(name)': \(describe(error))")
        } catch {
            throw FPNASError(.format, "'\(name)' is not JSON of the expected form")
        }
    }

    /// Sorted keys, so that equal values have equal text.
    static func encode(_ value: some Encodable, pretty: Bool) throws(FPNASError) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting =
            pretty
            ? [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            : [.sortedKeys, .withoutEscapingSlashes]
        do {
            return Array(try encoder.encode(value)) + (pretty ? [UInt8(ascii: "\n")] : [])
        } catch {
            throw FPNASError(.format, "a value cannot be written as JSON")
        }
    }

    private static func describe(_ error: DecodingError) -> String {
        switch error {
        case .typeMismatch(_, let context), .valueNotFound(_, let context):
            return "\(place(context.codingPath)) \(context.debugDescription)"
        case .keyNotFound(let key, let context):
            return "\(place(context.codingPath)) '\(key.stringValue)' is missing"
        case .dataCorrupted(let context):
            return "\(place(context.codingPath)) \(context.debugDescription)"
        @unknown default:
            return "not of the expected form"
        }
    }

    private static func place(_ path: [any CodingKey]) -> String {
        var text = ""
        for key in path {
            if let index = key.intValue {
                text += "[\(index)]"
            } else {
                text += (text.isEmpty ? "" : ".") + key.stringValue
            }
        }
        return text.isEmpty ? "at the top:" : "at \(text):"
    }
}

/// A key known only when the file is read.
struct AnyKey: CodingKey, ExpressibleByStringLiteral {
    let stringValue: String
    let intValue: Int? = nil

    init(_ name: String) { stringValue = name }
    init(stringLiteral name: String) { stringValue = name }
    init?(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { return nil }
}
