import CSupport

/// A block of zeroed, 64-byte aligned memory of fixed size that may fail to be had.
///
/// Everything large (weights, activations, images) lives in one of these, because a Swift array
/// that cannot grow aborts the host process.
@safe public final class Buffer<Element: BitwiseCopyable> {
    public let count: Int
    public let pointer: UnsafeMutablePointer<Element>

    public init(_ count: Int, of what: String) throws(FPNASError) {
        let bytes = try checkedProduct(count, MemoryLayout<Element>.stride, of: what)
        guard let block = unsafe fpnas_priv_alloc(max(bytes, 1)) else {
            throw FPNASError(.noMemory, "not enough memory for \(what) (\(bytes) bytes)")
        }
        self.count = count
        unsafe pointer = block.bindMemory(to: Element.self, capacity: count)
    }

    deinit { unsafe fpnas_priv_free(pointer) }

    public var elements: UnsafeMutableBufferPointer<Element> {
        unsafe UnsafeMutableBufferPointer(start: pointer, count: count)
    }

    /// Bounds-checked in debug builds only: kernels index through `pointer`.
    public subscript(index: Int) -> Element {
        get {
            assert(index >= 0 && index < count)
            return unsafe pointer[index]
        }
        set {
            assert(index >= 0 && index < count)
            unsafe pointer[index] = newValue
        }
    }
}

extension Buffer: @unchecked Sendable {}

/// Bytes held in `Buffer`s of this process, now and at most since the peak was last reset.
public enum BufferMemory {
    public static var current: Int { fpnas_priv_alloc_current() }
    public static var peak: Int { fpnas_priv_alloc_peak() }
    public static func resetPeak() { fpnas_priv_alloc_reset_peak() }
}
