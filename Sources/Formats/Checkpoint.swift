import CZlib
import Search
import SearchSpace
import Support

/// The envelope of every binary file: magic, kind, version, length, payload, CRC-32.
///
/// All integers are little-endian. The checksum covers everything before it, so any truncation
/// and any altered bit is refused before the payload is looked at.
public enum Checkpoint {
    public enum Kind: UInt32, Sendable {
        /// A search alone: its space and state.
        case search = 1
        /// A whole built-in run: configuration, search, supernet.
        case run = 2
        /// A mixture of an outside trainer: its space and state.
        case mixture = 3
        /// The training of one network: configuration, network, weights.
        case retraining = 4

        /// What messages call a file of this kind.
        public var title: String {
            switch self {
            case .search: "search alone"
            case .run: "whole run"
            case .mixture: "mixture"
            case .retraining: "retraining"
            }
        }
    }

    public static let version: UInt32 = 6
    private static let magic = Array("FPNAS\r\n\u{1A}".utf8)

    public static func seal(_ payload: [UInt8], as kind: Kind) -> [UInt8] {
        var writer = ByteWriter()
        for byte in magic { writer.put(byte) }
        writer.put(kind.rawValue)
        writer.put(version)
        writer.put(payload)
        writer.put(checksum(writer.bytes[...]))
        return writer.bytes
    }

    /// The kind and payload of a sealed file; `name` is what messages call it.
    public static func open(
        _ bytes: [UInt8], name: String
    ) throws(FPNASError) -> (kind: Kind, payload: ArraySlice<UInt8>) {
        guard bytes.count >= magic.count, Array(bytes.prefix(magic.count)) == magic else {
            throw FPNASError(.format, "'\(name)' is not an fpnas checkpoint")
        }
        var reader = ByteReader(bytes[magic.count...], name: name)
        let kindNumber = try reader.take(UInt32.self)
        let found = try reader.take(UInt32.self)
        guard found == version else {
            throw FPNASError(
                .format, "'\(name)' has version \(found), this library reads version \(version)")
        }
        let payload = try reader.takeBytes()
        let sum = try reader.take(UInt32.self)
        try reader.finish()
        guard sum == checksum(bytes[..<(bytes.count - 4)]) else {
            throw FPNASError(.format, "'\(name)' is damaged: its checksum does not match")
        }
        guard let kind = Kind(rawValue: kindNumber) else {
            throw FPNASError(.format, "'\(name)' has the unknown kind \(kindNumber)")
        }
        return (kind, payload)
    }

    private static func checksum(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        unsafe bytes.withUnsafeBytes { buffer in
            unsafe UInt32(
                truncatingIfNeeded: crc32_z(
                    0, buffer.baseAddress?.assumingMemoryBound(to: UInt8.self), buffer.count))
        }
    }

    // MARK: - Searches

    /// A search with its space, ready for a file or a buffer.
    public static func encode(_ search: Search) throws(FPNASError) -> [UInt8] {
        var writer = ByteWriter()
        try put(search, into: &writer)
        return seal(writer.bytes, as: .search)
    }

    public static func decodeSearch(_ bytes: [UInt8], name: String) throws(FPNASError) -> Search {
        let (kind, payload) = try open(bytes, name: name)
        guard kind == .search else {
            throw FPNASError(.format, "'\(name)' holds a \(kind.title), not a search alone")
        }
        var reader = ByteReader(payload, name: name)
        let search = try takeSearch(from: &reader, name: name)
        try reader.finish()
        return search
    }

    /// The search as a part of another payload.
    public static func put(_ search: Search, into writer: inout ByteWriter) throws(FPNASError) {
        writer.put(try SpaceJSON.encode(search.space, pretty: false))
        search.encode(into: &writer)
    }

    public static func takeSearch(
        from reader: inout ByteReader, name: String
    ) throws(FPNASError) -> Search {
        let space = try SpaceJSON.decode(Array(try reader.takeBytes()), name: name)
        return try Search(space: space, from: &reader)
    }

    // MARK: - Mixtures

    public static func encode(_ mixture: Mixture) throws(FPNASError) -> [UInt8] {
        var writer = ByteWriter()
        writer.put(try SpaceJSON.encode(mixture.space, pretty: false))
        mixture.encode(into: &writer)
        return seal(writer.bytes, as: .mixture)
    }

    public static func decodeMixture(_ bytes: [UInt8], name: String) throws(FPNASError) -> Mixture {
        let (kind, payload) = try open(bytes, name: name)
        guard kind == .mixture else {
            throw FPNASError(.format, "'\(name)' holds a \(kind.title), not a mixture")
        }
        var reader = ByteReader(payload, name: name)
        let space = try SpaceJSON.decode(Array(try reader.takeBytes()), name: name)
        let mixture = try Mixture(space: space, from: &reader)
        try reader.finish()
        return mixture
    }
}
