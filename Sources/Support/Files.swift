import CSupport
import Glibc

/// Reading and crash-safe writing of whole files.
public enum Files {
    /// The bytes of a regular file of at most `limit` bytes.
    public static func read(_ path: String, limit: Int = 1 << 32) throws(FPNASError) -> [UInt8] {
        let file = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw failure("cannot open", path, errno) }
        defer { close(file) }
        var info = stat()
        guard unsafe fstat(file, &info) == 0 else { throw failure("cannot read", path, errno) }
        guard info.st_mode & S_IFMT == S_IFREG else {
            throw FPNASError(.io, "'\(path)' is not a regular file")
        }
        let size = Int(info.st_size)
        guard size <= limit else {
            throw FPNASError(
                .format, "'\(path)' has \(size) bytes, more than the limit of \(limit)")
        }
        var bytes = [UInt8](repeating: 0, count: size)
        var filled = 0
        while filled < size {
            let got = unsafe bytes.withUnsafeMutableBytes { buffer in
                unsafe Glibc.read(
                    file, buffer.baseAddress.map { unsafe $0 + filled }, size - filled)
            }
            if got < 0 && errno == EINTR { continue }
            guard got > 0 else {
                throw got == 0
                    ? FPNASError(.io, "'\(path)' became shorter while it was read")
                    : failure("cannot read", path, errno)
            }
            filled += got
        }
        return bytes
    }

    /// Replaces the file as a whole: after a crash it is the old one or the new one, never half.
    public static func replace(_ path: String, with bytes: [UInt8]) throws(FPNASError) {
        let code = unsafe bytes.withUnsafeBytes { buffer in
            unsafe fpnas_priv_replace_file(path, buffer.baseAddress, buffer.count)
        }
        guard code == 0 else { throw failure("cannot write", path, code) }
    }

    /// Makes the folder and those above it, as far as they are missing.
    public static func makeFolder(_ path: String) throws(FPNASError) {
        var prefix = path.hasPrefix("/") ? "/" : ""
        for part in path.split(separator: "/") {
            prefix += (prefix.isEmpty || prefix.hasSuffix("/") ? "" : "/") + part
            if unsafe mkdir(prefix, 0o777) != 0 && errno != EEXIST {
                throw failure("cannot make the folder", prefix, errno)
            }
        }
    }

    /// Removes a file; one that is not there is no error.
    public static func remove(_ path: String) throws(FPNASError) {
        guard unsafe unlink(path) == 0 || errno == ENOENT else {
            throw failure("cannot remove", path, errno)
        }
    }

    public static func exists(_ path: String) -> Bool { unsafe access(path, F_OK) == 0 }

    public static func failure(_ what: String, _ path: String, _ code: Int32) -> FPNASError {
        let reason = unsafe String(cString: strerror(code))
        return FPNASError(code == ENOMEM ? .noMemory : .io, "\(what) '\(path)': \(reason)")
    }
}

/// What the operating system says of this process.
public enum Process {
    /// Seconds on a clock that never goes back.
    public static var seconds: Double { fpnas_priv_seconds() }
    /// Cores this process may use, at least 1.
    public static var processorCount: Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }
    /// The most resident memory so far, in bytes.
    public static var peakMemory: UInt64 { fpnas_priv_peak_memory() }
}
