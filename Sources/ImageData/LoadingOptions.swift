import Glibc
import Support

/// How a folder of images is read.
public struct LoadingOptions: Sendable, Equatable {
    /// PNG images of unequal size are resized to the size the networks see; otherwise refused.
    public var resizesUnequal = false
    /// Every PNG file is decoded before anything else happens, and twins are refused (`ImageCheck`).
    public var checksFiles = false
    /// Most bytes of images that may lie in memory at a time; 0 for half of the machine's memory.
    public var memoryLimit = 0
    /// Threads that decode.
    public var threads = 1

    public init() {}
}

/// What is left of `LoadingOptions.memoryLimit`.
struct ImageMemory {
    private(set) var left: Int

    init(_ options: LoadingOptions) {
        let machine = max(sysconf(Int32(_SC_PHYS_PAGES)), 1)
            .multipliedReportingOverflow(by: max(sysconf(Int32(_SC_PAGESIZE)), 1) / 2)
        left =
            options.memoryLimit > 0
            ? options.memoryLimit : machine.overflow ? .max : machine.partialValue
    }

    /// Refuses what does not fit before a byte of it is allocated.
    mutating func take(_ bytes: Int, for path: String) throws(FPNASError) {
        guard bytes <= left else {
            throw FPNASError(
                .noMemory,
                "'\(path)' needs \(bytes) bytes of memory for images, image_memory leaves \(left)")
        }
        left -= bytes
    }
}
