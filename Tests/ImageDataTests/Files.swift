import CZlib
import Glibc
import ImageData
import Support

/// A fresh folder that goes when the test ends.
final class Folder {
    let path: String

    init(_ name: String) throws {
        path = "/tmp/fpnas-images-\(getpid())-\(name)"
        try Files.makeFolder(path)
    }

    func write(_ name: String, _ bytes: [UInt8]) throws {
        if let slash = name.lastIndex(of: "/") { try Files.makeFolder(path + "/" + name[..<slash]) }
        try Files.replace(path + "/" + name, with: bytes)
    }

    deinit { system("rm -rf '\(path)'") }
}

func idx(_ sizes: [Int], _ data: [UInt8]) -> [UInt8] {
    [0, 0, 8, UInt8(sizes.count)]
        + sizes.flatMap { size in [24, 16, 8, 0].map { UInt8(size >> $0 & 255) } } + data
}

func gzip(_ bytes: [UInt8]) -> [UInt8] {
    var stream = z_stream()
    deflateInit2_(
        &stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
        Int32(MemoryLayout<z_stream>.size))
    var input = bytes
    var output = [UInt8](repeating: 0, count: bytes.count + 1000)
    let count = output.count
    let written = input.withUnsafeMutableBufferPointer { source in
        output.withUnsafeMutableBufferPointer { target in
            stream.next_in = source.baseAddress
            stream.avail_in = UInt32(source.count)
            stream.next_out = target.baseAddress
            stream.avail_out = UInt32(count)
            deflate(&stream, Z_FINISH)
            return count - Int(stream.avail_out)
        }
    }
    deflateEnd(&stream)
    return Array(output.prefix(written))
}

/// An 8-bit grey PNG file.
func png(_ height: Int, _ width: Int, _ pixels: [UInt8]) -> [UInt8] {
    func word(_ value: Int) -> [UInt8] { [24, 16, 8, 0].map { UInt8(value >> $0 & 255) } }
    func chunk(_ type: String, _ data: [UInt8]) -> [UInt8] {
        let body = Array(type.utf8) + data
        return word(data.count) + body + word(Int(crc32(0, body, UInt32(body.count))))
    }
    let rows = (0..<height).flatMap { [0] + pixels[($0 * width)..<(($0 + 1) * width)] }
    var packed = [UInt8](repeating: 0, count: rows.count + 100)
    var size = UInt(packed.count)
    compress(&packed, &size, rows, UInt(rows.count))
    return [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
        + chunk("IHDR", word(width) + word(height) + [8, 0, 0, 0, 0])
        + chunk("IDAT", Array(packed.prefix(Int(size)))) + chunk("IEND", [])
}

/// Lines of images.txt that begin with a word: numbers of the head, then of every other part.
func fixtureLines(_ word: String) throws -> [[[Substring]]] {
    let folder = #filePath.split(separator: "/").dropLast().joined(separator: "/")
    let text = String(decoding: try Files.read("/\(folder)/images.txt"), as: UTF8.self)
    return text.split(separator: "\n").filter { $0.hasPrefix(word + " ") }.map { line in
        line.split(separator: ":").map { $0.split(separator: " ") }
    }
}
