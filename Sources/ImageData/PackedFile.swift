import CZlib
import Glibc
import Support

/// Reads a file from its beginning to its end, unpacking gzip on the way, in 64 KiB of memory.
@safe final class PackedFile {
    let path: String
    /// Bytes of the file as it lies there.
    let size: Int
    let isPacked: Bool
    private let descriptor: Int32
    private let input: Buffer<UInt8>
    private var stream = unsafe z_stream()
    private var isAtEnd = false

    init(_ path: String) throws(FPNASError) {
        // A pipe of that name would be waited for.
        let file = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard file >= 0 else { throw Files.failure("cannot open", path, errno) }
        var info = stat()
        guard unsafe fstat(file, &info) == 0, info.st_mode & S_IFMT == S_IFREG else {
            close(file)
            throw FPNASError(.io, "'\(path)' is not a regular file")
        }
        let room: Buffer<UInt8>
        do throws(FPNASError) { room = try Buffer(1 << 16, of: "'\(path)'") } catch {
            close(file)
            throw error
        }
        self.path = path
        size = Int(info.st_size)
        descriptor = file
        input = room
        isPacked = unsafe pread(file, room.pointer, 2, 0) == 2 && room[0] == 0x1F && room[1] == 0x8B
        guard isPacked else { return }
        // 16 selects the gzip form with the largest window.
        guard
            unsafe inflateInit2_(
                &stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK
        else { throw FPNASError(.noMemory, "not enough memory to unpack '\(path)'") }
    }

    deinit {
        if isPacked { unsafe inflateEnd(&stream) }
        close(descriptor)
    }

    /// The next bytes, all of them.
    func read(
        into target: UnsafeMutablePointer<UInt8>, _ count: Int
    ) throws(FPNASError) {
        let got = try unsafe take(target, count)
        guard got == count else {
            throw FPNASError(
                .format, "'\(path)' ends early: \(count) bytes are needed, \(got) are there")
        }
    }

    func bytes(_ count: Int) throws(FPNASError) -> [UInt8] {
        let target = try Buffer<UInt8>(count, of: "'\(path)'")
        try unsafe read(into: target.pointer, count)
        return unsafe Array(target.elements)
    }

    /// Counts the bytes that are left, and checks that they unpack.
    func skip() throws(FPNASError) -> Int {
        let target = try Buffer<UInt8>(1 << 16, of: "'\(path)'")
        var total = 0
        while true {
            let got = try unsafe take(target.pointer, target.count)
            guard got > 0 else { return total }
            total += got
        }
    }

    /// Refuses bytes after the end of the data.
    func finish() throws(FPNASError) {
        let more = try skip()
        guard more == 0 else {
            throw FPNASError(.format, "'\(path)' has \(more) bytes too many")
        }
    }

    /// As many bytes as there are, at most `count`.
    private func take(
        _ target: UnsafeMutablePointer<UInt8>, _ count: Int
    ) throws(FPNASError) -> Int {
        var filled = 0
        while filled < count && !isAtEnd {
            let room = count - filled
            let got =
                try isPacked
                ? unsafe unpack(target + filled, min(room, 1 << 30))
                : unsafe readFile(target + filled, room)
            if !isPacked && got == 0 { isAtEnd = true }
            filled += got
        }
        return filled
    }

    private func readFile(
        _ target: UnsafeMutablePointer<UInt8>, _ count: Int
    ) throws(FPNASError) -> Int {
        while true {
            let got = unsafe Glibc.read(descriptor, target, count)
            if got < 0 && errno == EINTR { continue }
            guard got >= 0 else { throw Files.failure("cannot read", path, errno) }
            return got
        }
    }

    private func unpack(
        _ target: UnsafeMutablePointer<UInt8>, _ count: Int
    ) throws(FPNASError) -> Int {
        if unsafe stream.avail_in == 0 {
            let got = try unsafe readFile(input.pointer, input.count)
            unsafe stream.next_in = input.pointer
            unsafe stream.avail_in = UInt32(got)
        }
        unsafe stream.next_out = target
        unsafe stream.avail_out = UInt32(count)
        let status = unsafe inflate(&stream, Z_NO_FLUSH)
        let produced = unsafe count - Int(stream.avail_out)
        switch status {
        case Z_OK: return produced
        case Z_STREAM_END:
            isAtEnd = true
            var more = unsafe Int(stream.avail_in)
            if more == 0 { more = try unsafe readFile(input.pointer, 1) }
            guard more == 0 else {
                throw FPNASError(.format, "'\(path)' is damaged: bytes follow the packed data")
            }
            return produced
        default: throw FPNASError(.format, "'\(path)' is damaged: it does not unpack")
        }
    }
}
