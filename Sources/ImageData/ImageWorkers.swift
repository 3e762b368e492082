import Support

/// Memory that one thread needs for one image at a time; it grows to the largest that came by.
final class ImageScratch {
    private var fileBytes: Buffer<UInt8>?
    private var pixelBytes: Buffer<UInt8>?
    private var rowFloats: Buffer<Float>?
    private var imageFloats: Buffer<Float>?

    /// The bytes of a file.
    func file(_ count: Int) throws(FPNASError) -> UnsafeMutablePointer<UInt8> {
        try unsafe ImageScratch.room(&fileBytes, count)
    }

    /// Decoded pixels.
    func pixels(_ count: Int) throws(FPNASError) -> UnsafeMutablePointer<UInt8> {
        try unsafe ImageScratch.room(&pixelBytes, count)
    }

    /// Rows resized to the new width.
    func rows(_ count: Int) throws(FPNASError) -> UnsafeMutablePointer<Float> {
        try unsafe ImageScratch.room(&rowFloats, count)
    }

    /// The image at its new size.
    func image(_ count: Int) throws(FPNASError) -> UnsafeMutablePointer<Float> {
        try unsafe ImageScratch.room(&imageFloats, count)
    }

    /// The contents are lost when it grows: the old block goes before the new one comes.
    private static func room<T>(
        _ buffer: inout Buffer<T>?, _ count: Int
    ) throws(FPNASError) -> UnsafeMutablePointer<T> {
        if let buffer, buffer.count >= count { return unsafe buffer.pointer }
        buffer = nil
        let grown = try Buffer<T>(count, of: "an image")
        buffer = grown
        return unsafe grown.pointer
    }
}

/// Threads that read images, each with memory of its own.
public final class ImageWorkers {
    let scratches: [ImageScratch]

    public init(threads: Int) {
        scratches = (0..<min(max(threads, 1), 256)).map { _ in ImageScratch() }
    }

    /// Calls `body` for every place in 0..<count and throws the error of the lowest place that has
    /// one; others may have been done or not. `body` gets the place and the worker that it runs on.
    func forEach(
        _ count: Int, onOneThread: Bool = false,
        _ body: (Int, Int) throws(FPNASError) -> Void
    ) throws(FPNASError) {
        let workers = onOneThread ? 1 : min(scratches.count, count)
        guard workers > 1 else {
            for place in 0..<count { try body(place, 0) }
            return
        }
        var failures = [(place: Int, error: FPNASError)?](repeating: nil, count: workers)
        let team = try ThreadTeam(threads: workers)
        unsafe failures.withUnsafeMutableBufferPointer { failures in
            let slots = unsafe failures
            team.run(chunks: workers) { worker in
                for place in stride(from: worker, to: count, by: workers) {
                    do throws(FPNASError) { try body(place, worker) } catch {
                        // Each worker has a slot of its own.
                        unsafe slots[worker] = (place, error)
                        return
                    }
                }
            }
        }
        if let first = failures.compactMap({ $0 }).min(by: { $0.place < $1.place }) {
            throw first.error
        }
    }
}
