import CSupport
import Support
import Synchronization

/// What a handle may stand for. The tag makes a handle of another type an error.
protocol Handled: AnyObject {
    static var tag: UInt { get }
    static var typeName: String { get }
    /// Whether calls on several threads are harmless.
    static var isShareable: Bool { get }
}

extension Handled {
    static var isShareable: Bool { false }
}

/// A live object behind a token.
private final class Slot {
    let object: any Handled
    let tag: UInt
    let forkDepth: UInt32
    let inUse = Atomic<Bool>(false)

    init(_ object: some Handled, tag: UInt) {
        self.object = object
        self.tag = tag
        forkDepth = fpnas_priv_fork_depth()
    }
}

/// All live handles of the process.
///
/// A handle is a token, never an address: bit 0 is 1, then 4 bits of type, 27 of slot, 31 of
/// generation. Stale, doubled, foreign and mistyped handles are thus found without reading memory
/// that may be gone. The lock is held across fork, so that it is free in the child.
private enum HandleTable {
    private struct Entry {
        var generation: UInt = 0
        var slot: Slot?
    }

    // Only touched while `fpnas_priv_lock` is held.
    nonisolated(unsafe) private static var entries: [Entry] = []
    nonisolated(unsafe) private static var free: [Int] = []
    nonisolated(unsafe) private static var live = 0

    private static func locked<R>(_ body: () -> R) -> R {
        fpnas_priv_lock()
        defer { fpnas_priv_unlock() }
        return body()
    }

    static var count: Int { locked { unsafe live } }

    static func insert(_ slot: Slot) -> OpaquePointer? {
        unsafe locked {
            let index: Int
            if let reused = unsafe free.popLast() {
                index = reused
            } else {
                guard unsafe entries.count < 1 << 27 else { return nil }
                index = unsafe entries.count
                unsafe entries.append(Entry())
            }
            unsafe entries[index].generation = (entries[index].generation + 1) & 0x7FFF_FFFF
            unsafe entries[index].slot = slot
            unsafe live += 1
            let generation = unsafe entries[index].generation
            return unsafe OpaquePointer(
                bitPattern: 1 | slot.tag << 1 | UInt(index) << 5 | generation << 32)
        }
    }

    static func find(_ token: UInt) -> Slot? {
        locked { index(of: token).flatMap { unsafe entries[$0].slot } }
    }

    static func remove(_ token: UInt) -> Slot? {
        locked {
            guard let index = index(of: token) else { return nil }
            defer {
                unsafe entries[index].slot = nil
                unsafe free.append(index)
                unsafe live -= 1
            }
            return unsafe entries[index].slot
        }
    }

    private static func index(of token: UInt) -> Int? {
        let index = Int(token >> 5 & 0x7FF_FFFF)
        guard token & 1 == 1, unsafe index < entries.count,
            unsafe entries[index].generation == token >> 32,
            let slot = unsafe entries[index].slot, slot.tag == token >> 1 & 0xF
        else { return nil }
        return index
    }
}

/// Makes a handle that owns the object.
func makeHandle<T: Handled>(_ object: T) throws(FPNASError) -> OpaquePointer {
    guard let token = unsafe HandleTable.insert(Slot(object, tag: T.tag)) else {
        throw FPNASError(.noMemory, "2^27 handles are alive")
    }
    return unsafe token
}

/// Runs the body on the object of a handle, alone unless the type is shareable.
func withHandle<T: Handled, R>(
    _ handle: OpaquePointer?, _ type: T.Type, _ body: (T) throws(FPNASError) -> R
) throws(FPNASError) -> R {
    guard let handle = unsafe handle else {
        throw FPNASError(.handle, "the \(T.typeName) is NULL")
    }
    guard let slot = HandleTable.find(UInt(bitPattern: handle)),
        let object = slot.object as? T
    else {
        throw FPNASError(
            .handle,
            "0x\(String(UInt(bitPattern: handle), radix: 16)) is not a live \(T.typeName): freed, "
                + "foreign or of another type")
    }
    guard slot.forkDepth == fpnas_priv_fork_depth() else {
        throw FPNASError(.forked, "the \(T.typeName) was made before a fork: make it anew")
    }
    guard !T.isShareable else { return try body(object) }
    guard !slot.inUse.exchange(true, ordering: .acquiring) else {
        throw FPNASError(.busy, "the \(T.typeName) is in use by another thread")
    }
    defer { slot.inUse.store(false, ordering: .releasing) }
    return try body(object)
}

/// Frees a handle; NULL and handles that are no longer alive are ignored.
func freeHandle<T: Handled>(_ handle: OpaquePointer?, _ type: T.Type) {
    guard let handle = unsafe handle, UInt(bitPattern: handle) >> 1 & 0xF == T.tag else {
        return
    }
    // The object goes with the last call that still uses it.
    _ = HandleTable.remove(UInt(bitPattern: handle))
}

var liveHandleCount: Int { HandleTable.count }
