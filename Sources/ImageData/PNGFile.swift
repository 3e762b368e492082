import Glibc
import Support

/// An open image file.
struct PNGFile: ~Copyable {
    let path: String
    let size: Int
    private let descriptor: Int32

    init(_ path: String) throws(FPNASError) {
        // A pipe of that name would be waited for.
        let file = unsafe Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard file >= 0 else { throw Files.failure("cannot open", path, errno) }
        var info = stat()
        let isFile = unsafe fstat(file, &info) == 0 && info.st_mode & S_IFMT == S_IFREG
        guard isFile, info.st_size <= PNG.fileLimit else {
            close(file)
            throw FPNASError(
                isFile ? .format : .io,
                isFile
                    ? "'\(path)' has \(info.st_size) bytes, more than the limit of \(PNG.fileLimit)"
                    : "'\(path)' is not a regular file")
        }
        self.path = path
        size = Int(info.st_size)
        descriptor = file
    }

    deinit { close(descriptor) }

    /// The size and kind of the image, from the first bytes alone.
    func header(_ scratch: ImageScratch) throws(FPNASError) -> PNG.Header {
        let count = min(size, PNG.headerSize)
        let bytes = try unsafe scratch.file(PNG.headerSize)
        try unsafe fill(bytes, count)
        return try unsafe PNG.header(bytes, count, name: path)
    }

    /// All bytes.
    func read(_ scratch: ImageScratch) throws(FPNASError) -> UnsafeMutablePointer<UInt8> {
        let bytes = try unsafe scratch.file(size)
        try unsafe fill(bytes, size)
        return unsafe bytes
    }

    private func fill(
        _ bytes: UnsafeMutablePointer<UInt8>, _ count: Int
    ) throws(FPNASError) {
        var filled = 0
        while filled < count {
            let got = unsafe pread(descriptor, bytes + filled, count - filled, off_t(filled))
            if got < 0 && errno == EINTR { continue }
            guard got > 0 else {
                throw got == 0
                    ? FPNASError(.io, "'\(path)' became shorter while it was read")
                    : Files.failure("cannot read", path, errno)
            }
            filled += got
        }
    }
}
