import CZlib
import Support

/// The IDX format of MNIST: big-endian magic and sizes, then bytes; plain or gzip.
public enum IDX {
    /// The most bytes a file may have, unpacked.
    static let sizeLimit = 1 << 31

    /// The file of that name in a folder, plain or with .gz.
    static func find(_ name: String, in folder: String) -> String? {
        let plain = folder + "/" + name
        if Files.exists(plain) { return plain }
        return Files.exists(plain + ".gz") ? plain + ".gz" : nil
    }

    /// Images and their labels from two files of equal count.
    public static func load(images: String, labels: String) throws(FPNASError) -> ImageSet {
        let (sizes, pixels, start) = try read(images, dimensions: 3)
        let (labelSizes, labelBytes, labelStart) = try read(labels, dimensions: 1)
        guard sizes[0] == labelSizes[0] else {
            throw FPNASError(
                .format,
                "'\(images)' has \(sizes[0]) images, '\(labels)' has \(labelSizes[0]) labels")
        }
        guard sizes[0] > 0, (1...4096).contains(sizes[1]), (1...4096).contains(sizes[2]) else {
            throw FPNASError(
                .format, "'\(images)' has \(sizes[0]) images of \(sizes[1])x\(sizes[2]) pixels")
        }
        let buffer = try Buffer<UInt8>(pixels.count - start, of: "images")
        for i in 0..<buffer.count { unsafe buffer.pointer[i] = pixels[start + i] }
        let values = labelBytes[labelStart...].map(Int32.init)
        let classes = Int(values.max() ?? 0) + 1
        return ImageSet(
            height: sizes[1], width: sizes[2], channels: 1, pixels: buffer, labels: values,
            classNames: (0..<classes).map(String.init))
    }

    /// The sizes, all bytes of the file, and where the data begins.
    private static func read(
        _ path: String, dimensions: Int
    ) throws(FPNASError) -> (sizes: [Int], bytes: [UInt8], start: Int) {
        var bytes = try Files.read(path, limit: sizeLimit)
        if bytes.starts(with: [0x1F, 0x8B]) { bytes = try Gzip.unpack(bytes, name: path) }
        let start = 4 + 4 * dimensions
        guard bytes.count >= start, bytes[0] == 0, bytes[1] == 0, bytes[2] == 8,
            Int(bytes[3]) == dimensions
        else {
            throw FPNASError(
                .format, "'\(path)' is not an IDX file of bytes with \(dimensions) dimensions")
        }
        var sizes: [Int] = []
        var total = 1
        for d in 0..<dimensions {
            let size = bytes[(4 + 4 * d)..<(8 + 4 * d)].reduce(0) { $0 << 8 | Int($1) }
            sizes.append(size)
            total = try checkedProduct(total, size, of: "'\(path)'")
        }
        guard bytes.count - start == total else {
            throw FPNASError(
                .format,
                "'\(path)' has \(bytes.count - start) bytes of data, its header says \(total)")
        }
        return (sizes, bytes, start)
    }
}

/// Unpacks gzip in memory.
enum Gzip {
    static func unpack(_ packed: [UInt8], name: String) throws(FPNASError) -> [UInt8] {
        var stream = unsafe z_stream()
        // 16 selects the gzip form with the largest window.
        guard
            unsafe inflateInit2_(
                &stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK
        else { throw FPNASError(.noMemory, "not enough memory to unpack '\(name)'") }
        defer { unsafe inflateEnd(&stream) }
        var output: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        var packed = packed
        var status = Z_OK
        let count = packed.count
        guard count <= Int(UInt32.max) else {
            throw FPNASError(.format, "'\(name)' is larger than 4 GiB")
        }
        unsafe packed.withUnsafeMutableBufferPointer { input in
            unsafe stream.next_in = input.baseAddress
            unsafe stream.avail_in = UInt32(count)
            repeat {
                let room = chunk.count
                let produced = unsafe chunk.withUnsafeMutableBufferPointer { target in
                    unsafe stream.next_out = target.baseAddress
                    unsafe stream.avail_out = UInt32(room)
                    status = unsafe inflate(&stream, Z_NO_FLUSH)
                    return unsafe room - Int(stream.avail_out)
                }
                output += chunk.prefix(produced)
                if produced == 0 && status == Z_OK { status = Z_BUF_ERROR }
            } while status == Z_OK && output.count <= IDX.sizeLimit
        }
        guard output.count <= IDX.sizeLimit else {
            throw FPNASError(.format, "'\(name)' unpacks to more than \(IDX.sizeLimit) bytes")
        }
        guard status == Z_STREAM_END, unsafe stream.avail_in == 0 else {
            throw FPNASError(.format, "'\(name)' is damaged: it does not unpack")
        }
        return output
    }
}
