import COpenBLAS
import CSupport
import Support

/// Runs `body` with BLAS on one thread; of calls that overlap, the last to end restores the host's
/// number.
///
/// The number is global to the process: a host that changes it meanwhile from another thread may
/// find it changed back.
func withSingleThreadedBLAS<T>(_ body: () throws(FPNASError) -> T) throws(FPNASError) -> T {
    BLASThreads.takeOne()
    defer { BLASThreads.giveBack() }
    return try body()
}

/// Guarded by `fpnas_priv_lock`, which no `fork` finds held.
enum BLASThreads {
    /// Calls of this process that need one thread.
    nonisolated(unsafe) private static var users = 0
    /// What the first of them found.
    nonisolated(unsafe) private static var host: Int32 = 1
    /// A child of `fork` has none of its parent's calls.
    nonisolated(unsafe) private static var forkDepth: UInt32 = 0

    static func takeOne() {
        fpnas_priv_lock()
        defer { fpnas_priv_unlock() }
        let depth = fpnas_priv_fork_depth()
        // A call of the parent's left BLAS on one thread in the child, too: then the host's number is
        // the one that is known.
        let isInherited = unsafe forkDepth != depth && users > 0
        if unsafe forkDepth != depth {
            unsafe forkDepth = depth
            unsafe users = 0
        }
        let now = openblas_get_num_threads()
        if unsafe users == 0 && !isInherited { unsafe host = now }
        unsafe users += 1
        if now != 1 { openblas_set_num_threads(1) }
    }

    static func giveBack() {
        fpnas_priv_lock()
        defer { fpnas_priv_unlock() }
        unsafe users -= 1
        guard unsafe users == 0, unsafe host != 1 else { return }
        unsafe openblas_set_num_threads(host)
    }
}
