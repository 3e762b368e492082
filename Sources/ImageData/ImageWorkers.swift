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
    /// Who trains on the images may be of the same crew.
    public let crew: Crew

    public init(threads: Int) {
        let threads = min(max(threads, 1), 256)
        scratches = (0..<threads).map { _ in ImageScratch() }
        crew = Crew(threads: threads)
    }

    /// Calls `body` for every place in 0..<count and throws the error of the lowest place that has
    /// one; others may have been done or not. `body` gets the place and the worker that it runs on.
    ///
    /// Threads are not started for what `isSmall`.
    func forEach(
        _ count: Int, isSmall: Bool = false,
        _ body: (Int, Int) throws(FPNASError) -> Void
    ) throws(FPNASError) {
        var failures = [(place: Int, error: FPNASError)?](repeating: nil, count: scratches.count)
        try unsafe failures.withUnsafeMutableBufferPointer { (failures) throws(FPNASError) in
            let slots = unsafe failures
            try crew.work(isSmall: isSmall) { (team) throws(FPNASError) in
                team.run(chunks: count) { place, worker in
                    // Each worker has a slot of its own.
                    if let failure = unsafe slots[worker], failure.place < place { return }
                    do throws(FPNASError) { try body(place, worker) } catch {
                        unsafe slots[worker] = (place, error)
                    }
                }
            }
        }
        if let first = failures.compactMap({ $0 }).min(by: { $0.place < $1.place }) {
            throw first.error
        }
    }
}
