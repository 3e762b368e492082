import Glibc
import Support

/// The PNG files of a set by number, without their pixels: a name of a few bytes, its place and a
/// label are all that is kept of an image.
final class PNGFiles: Sendable {
    /// A class's folder and the number of its first file.
    struct ClassFolder: Sendable {
        let path: String
        let first: Int
    }

    /// Of every image; 0 where sizes differ.
    let height: Int
    let width: Int
    /// Of names, sizes in bytes and headers.
    let fingerprint: UInt64
    private let table: NameTable
    private let folders: [ClassFolder]

    init(
        _ table: NameTable, _ folders: [ClassFolder], height: Int, width: Int, fingerprint: UInt64
    ) {
        self.table = table
        self.folders = folders
        self.height = height
        self.width = width
        self.fingerprint = fingerprint
    }

    func path(_ index: Int) -> String {
        // The last folder that begins at or before the file.
        var (low, high) = (0, folders.count)
        while high - low > 1 {
            let middle = (low + high) / 2
            if folders[middle].first <= index { low = middle } else { high = middle }
        }
        return folders[low].path + "/" + table.name(index)
    }

    /// Reads and decodes a file; with one size for all, it must still have that size.
    func decode(
        _ index: Int, channels: Int, _ scratch: ImageScratch
    ) throws(FPNASError) -> ImageView {
        let path = path(index)
        let file = try PNGFile(path)
        let bytes = try unsafe file.read(scratch)
        let header = try unsafe PNG.header(bytes, file.size, name: path)
        guard height == 0 || (header.height == height && header.width == width) else {
            throw FPNASError(
                .format,
                "'\(path)' has \(header.height)x\(header.width) pixels, it had \(height)x\(width) "
                    + "when the folder was opened")
        }
        let pixels = try unsafe PNG.decode(
            bytes, file.size, header, channels: channels, scratch, name: path)
        return unsafe ImageView(pixels: pixels, height: header.height, width: header.width)
    }
}

/// Names one after the other, each ended by a zero, in memory that is taken once.
final class NameTable: Sendable {
    private let bytes: Buffer<UInt8>
    private let starts: Buffer<UInt32>

    init(names: Int, bytes count: Int) throws(FPNASError) {
        guard count <= Int(UInt32.max) else {
            throw FPNASError(.format, "the names of \(names) images have \(count) bytes, too many")
        }
        bytes = try Buffer(count, of: "the names of images")
        starts = try Buffer(names, of: "the names of images")
    }

    /// Sets a name whose bytes begin at `start`; false when there is no room for it.
    func put(_ index: Int, _ name: UnsafePointer<UInt8>, _ length: Int, at start: Int) -> Bool {
        guard index < starts.count, start + length < bytes.count else { return false }
        starts[index] = UInt32(start)
        unsafe (bytes.pointer + start).update(from: name, count: length)
        bytes[start + length] = 0
        return true
    }

    /// Sorts some names by their bytes.
    func sort(_ range: Range<Int>) {
        let base = unsafe UnsafeRawPointer(bytes.pointer).assumingMemoryBound(to: CChar.self)
        var part = unsafe UnsafeMutableBufferPointer(rebasing: starts.elements[range])
        unsafe part.sort { unsafe strcmp(base + Int($0), base + Int($1)) < 0 }
    }

    func name(_ index: Int) -> String {
        unsafe String(cString: bytes.pointer + Int(starts[index]))
    }
}
