import CSupport

/// Threads that live for one call: started when it begins, joined before it returns.
///
/// Work is cut into chunks whose number does not depend on the number of threads, and anything
/// summed across chunks is summed in chunk order; so results are bit-equal for any team size.
@safe public struct ThreadTeam: ~Copyable {
    private let team: OpaquePointer

    public init(threads: Int) throws(FPNASError) {
        guard threads >= 1, threads <= 256 else {
            throw .invalid("threads must be in [1, 256], got \(threads)")
        }
        guard let team = unsafe fpnas_priv_team_start(threads) else {
            throw FPNASError(.noMemory, "not enough memory for a thread team")
        }
        unsafe self.team = team
    }

    deinit { unsafe fpnas_priv_team_stop(team) }

    public var size: Int { unsafe fpnas_priv_team_size(team) }

    /// Calls `body` once for every chunk in 0..<chunks, on any of the threads.
    public func run(chunks: Int, _ body: (Int) -> Void) {
        run(chunks: chunks) { chunk, _ in body(chunk) }
    }

    /// The same, with the number of the thread, below `size`, for its own scratch memory.
    public func run(chunks: Int, _ body: (_ chunk: Int, _ worker: Int) -> Void) {
        guard chunks > 0 else { return }
        withoutActuallyEscaping(body) { escaping in
            unsafe withUnsafePointer(to: escaping) { context in
                unsafe fpnas_priv_team_run(
                    team, chunks,
                    { context, chunk, worker in
                        guard let context = unsafe context else { return }
                        unsafe context.assumingMemoryBound(to: ((Int, Int) -> Void).self)
                            .pointee(chunk, worker)
                    },
                    UnsafeMutableRawPointer(mutating: context))
            }
        }
    }
}
