import CFPNAS
import CKernels
import COpenBLAS
import CSupport
import Support

private let versionText: StaticString = "0.1.0"

// Made once and never freed, so that the pointer stays good.
nonisolated(unsafe) private let buildInfo: UnsafePointer<CChar> = {
    let core = unsafe openblas_get_corename().map { unsafe String(cString: $0) } ?? "unknown"
    let kernels = unsafe fpnas_priv_kernels_named(nil).map {
        unsafe String(cString: $0.pointee.name)
    }
    let text =
        "fpnas 0.1.0, Swift 6, \(kernels ?? "no") kernels, OpenBLAS on \(core), "
        + "float32 supernet, float64 search"
    let bytes = text.utf8CString
    let copy = UnsafeMutablePointer<CChar>.allocate(capacity: bytes.count)
    for (i, byte) in bytes.enumerated() { unsafe copy[i] = byte }
    return unsafe UnsafePointer(copy)
}()

private func pointer(to text: StaticString) -> UnsafePointer<CChar> {
    unsafe UnsafeRawPointer(text.utf8Start).assumingMemoryBound(to: CChar.self)
}

@_cdecl("fpnas_version_number") @implementation
public func fpnas_version_number() -> Int32 { FPNAS_VERSION_NUMBER }

@_cdecl("fpnas_version_string") @implementation
public func fpnas_version_string() -> UnsafePointer<CChar>? { unsafe pointer(to: versionText) }

@_cdecl("fpnas_abi_version") @implementation
public func fpnas_abi_version() -> Int32 { FPNAS_ABI_VERSION }

@_cdecl("fpnas_build_info") @implementation
public func fpnas_build_info() -> UnsafePointer<CChar>? { unsafe buildInfo }

@_cdecl("fpnas_last_error") @implementation
public func fpnas_last_error() -> UnsafePointer<CChar>? { unsafe fpnas_priv_error_get() }

@_cdecl("fpnas_status_name") @implementation
public func fpnas_status_name(_ status: fpnas_status) -> UnsafePointer<CChar>? {
    let name: StaticString
    switch FPNASError.Code(rawValue: status) {
    case .invalid: name = "FPNAS_E_INVALID"
    case .handle: name = "FPNAS_E_HANDLE"
    case .buffer: name = "FPNAS_E_BUFFER"
    case .noMemory: name = "FPNAS_E_NOMEM"
    case .busy: name = "FPNAS_E_BUSY"
    case .utf8: name = "FPNAS_E_UTF8"
    case .io: name = "FPNAS_E_IO"
    case .format: name = "FPNAS_E_FORMAT"
    case .state: name = "FPNAS_E_STATE"
    case .forked: name = "FPNAS_E_FORKED"
    case .infeasible: name = "FPNAS_E_INFEASIBLE"
    case nil: name = status == FPNAS_OK ? "FPNAS_OK" : "unknown"
    }
    return unsafe pointer(to: name)
}

@_cdecl("fpnas_debug_live_handles") @implementation
public func fpnas_debug_live_handles() -> Int64 { Int64(liveHandleCount) }
