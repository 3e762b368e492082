import CSupport

/// Threads that live for one call: started when it begins, joined before it returns; `Crew` sees to
/// that.
///
/// Work is cut into chunks whose number does not depend on the number of threads, and anything
/// summed across chunks is summed in chunk order; so results are bit-equal for any team size.
/// Chunk i of n goes to the same thread in every round that has n chunks, unless that is late, so
/// that what belongs to it stays in one core's cache.
@safe public final class ThreadTeam {
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
            let task = Task(body: escaping)
            unsafe withUnsafePointer(to: task) { context in
                unsafe fpnas_priv_team_run(
                    team, chunks,
                    { context, chunk, worker in
                        guard let context = unsafe context else { return }
                        unsafe context.assumingMemoryBound(to: Task.self).pointee
                            .run(chunk, worker)
                    },
                    UnsafeMutableRawPointer(mutating: context))
            }
        }
    }

    /// Not copyable, so that threads borrow it: to copy it is to count a reference, in a cache line
    /// that all of them would write for every chunk.
    private struct Task: ~Copyable {
        let body: (Int, Int) -> Void

        borrowing func run(_ chunk: Int, _ worker: Int) { body(chunk, worker) }
    }
}

/// The threads of whoever works together in a call, say those that read a batch and those that
/// train on it: the outermost call starts a team, those inside share it, and when it returns the
/// team has ended. Starting and joining threads takes as long as some layers of a small network.
///
/// One call at a time.
public final class Crew {
    public let threads: Int
    private var team: ThreadTeam?

    /// `threads` in [1, 256], which the first call checks.
    public init(threads: Int) { self.threads = threads }

    /// Whether a team is there to be shared.
    public var isWorking: Bool { team != nil }

    /// Calls `body` with the team. What `isSmall` is not worth starting threads for, and is done by
    /// the caller alone unless they are there.
    public func work<T>(
        isSmall: Bool = false, _ body: (ThreadTeam) throws(FPNASError) -> T
    ) throws(FPNASError) -> T {
        if let team { return try body(team) }
        let team = try ThreadTeam(threads: isSmall ? 1 : threads)
        self.team = team
        defer { self.team = nil }
        return try body(team)
    }
}
