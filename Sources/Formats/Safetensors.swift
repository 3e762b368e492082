import Support

/// Tensors of 32-bit floats in a file of the safetensors format, which is not ours: u64 length of
/// the header, the header as JSON ({name: {dtype, shape, data_offsets}} and texts under
/// "__metadata__"), then the data, all little-endian.
/// [https://github.com/huggingface/safetensors]
public enum Safetensors {
    public struct Tensor {
        public let name: String
        public let shape: [Int]
        public let values: Buffer<Float>

        public init(name: String, shape: [Int], values: Buffer<Float>) {
            self.name = name
            self.shape = shape
            self.values = values
        }
    }

    /// Names must differ and not be "__metadata__".
    public static func encode(
        _ tensors: [Tensor], metadata: [String: String]
    ) throws(FPNASError) -> [UInt8] {
        var header = Header(metadata: metadata)
        var end = 0
        for tensor in tensors {
            // Below 2^63: they are in memory.
            let begin = end
            end += 4 * tensor.values.count
            header.tensors[tensor.name] = Entry(
                dtype: "F32", shape: tensor.shape, data_offsets: [begin, end])
        }
        var text = try JSONText.encode(header, pretty: false)
        // Spaces behind the header align the data.
        text += [UInt8](repeating: UInt8(ascii: " "), count: (8 - text.count % 8) % 8)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(8 + text.count + end)
        withLittleEndian(UInt64(text.count)) { bytes += $0 }
        bytes += text
        for tensor in tensors {
            unsafe bytes.append(contentsOf: UnsafeRawBufferPointer(tensor.values.elements))
        }
        return bytes
    }

    /// The tensors by name, and the texts. Errors name the file and what is wrong with it.
    public static func decode(
        _ bytes: [UInt8], name: String
    ) throws(FPNASError) -> (tensors: [String: Tensor], metadata: [String: String]) {
        func damaged(_ what: String) -> FPNASError {
            FPNASError(.format, "'\(name)' is not of the safetensors format: \(what)")
        }
        guard bytes.count >= 8 else { throw damaged("it has \(bytes.count) bytes") }
        let length = bytes[0..<8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        guard length <= JSONText.sizeLimit, Int(length) <= bytes.count - 8 else {
            throw damaged("a header of \(length) bytes in a file of \(bytes.count)")
        }
        let data = bytes[(8 + Int(length))...]
        let header = try JSONText.decode(
            Header.self, Array(bytes[8..<data.startIndex]), name: name)
        var tensors: [String: Tensor] = [:]
        // In order, so that the first error is always the same.
        for (key, entry) in header.tensors.sorted(by: { $0.key < $1.key }) {
            guard entry.dtype == "F32" else {
                throw damaged("tensor '\(key)' has dtype '\(entry.dtype)', F32 is needed")
            }
            var count = 1
            for size in entry.shape {
                guard size >= 0 else { throw damaged("tensor '\(key)' has the size \(size)") }
                count = try checkedProduct(count, size, of: "tensor '\(key)'")
            }
            let size = try checkedProduct(count, 4, of: "tensor '\(key)'")
            guard entry.data_offsets.count == 2, entry.data_offsets[0] >= 0,
                entry.data_offsets[1] <= data.count,
                entry.data_offsets[0] <= entry.data_offsets[1],
                entry.data_offsets[1] - entry.data_offsets[0] == size
            else {
                throw damaged(
                    "tensor '\(key)' of shape \(entry.shape) lies at \(entry.data_offsets) of "
                        + "\(data.count) bytes")
            }
            let values = try Buffer<Float>(count, of: "tensor '\(key)'")
            let begin = data.startIndex + entry.data_offsets[0]
            unsafe UnsafeMutableRawBufferPointer(values.elements).copyBytes(
                from: data[begin..<(begin + size)])
            tensors[key] = Tensor(name: key, shape: entry.shape, values: values)
        }
        return (tensors, header.metadata)
    }

    private static func withLittleEndian(_ value: UInt64, _ body: ([UInt8]) -> Void) {
        body((0..<8).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) })
    }
}

/// What a header says of a tensor; names are the format's.
private struct Entry: Codable {
    let dtype: String
    let shape: [Int]
    let data_offsets: [Int]
}

private struct Header: Codable {
    var metadata: [String: String]
    var tensors: [String: Entry] = [:]

    private static let metadataKey = "__metadata__"

    init(metadata: [String: String]) { self.metadata = metadata }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: AnyKey.self)
        metadata = [:]
        for key in container.allKeys {
            if key.stringValue == Header.metadataKey {
                metadata = try container.decode([String: String].self, forKey: key)
            } else {
                tensors[key.stringValue] = try container.decode(Entry.self, forKey: key)
            }
        }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: AnyKey.self)
        try container.encode(metadata, forKey: AnyKey(Header.metadataKey))
        for (name, entry) in tensors { try container.encode(entry, forKey: AnyKey(name)) }
    }
}
