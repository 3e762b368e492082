import Support

/// Memory that one update needs and the next one uses again.
struct Scratch {
    /// Most samples of an ask.
    let capacity: Int
    // One entry a network that was told.
    let values: Buffer<Double>
    let counts: Buffer<Int>
    let excesses: Buffer<Double>
    let weights: Buffer<Double>
    let coefficients: Buffer<Double>
    // One entry a network, and one a draw.
    let shares: Buffer<Double>
    let draws: Buffer<Double>
    /// For finding equal networks: a power of two of entries, at least two a sample.
    let table: Buffer<Int32>

    init(capacity: Int) throws(FPNASError) {
        self.capacity = capacity
        values = try Buffer(capacity, of: "scratch")
        counts = try Buffer(capacity, of: "scratch")
        excesses = try Buffer(capacity, of: "scratch")
        weights = try Buffer(capacity, of: "scratch")
        coefficients = try Buffer(capacity, of: "scratch")
        shares = try Buffer(capacity, of: "scratch")
        draws = try Buffer(capacity, of: "scratch")
        var entries = 2
        while entries < 2 * capacity { entries *= 2 }  // capacity is at most 2^16
        table = try Buffer(entries, of: "scratch")
    }
}

extension Buffer {
    /// The first `count` elements.
    func first(_ count: Int) -> UnsafeBufferPointer<Element> {
        assert(count <= self.count)
        return unsafe UnsafeBufferPointer(start: pointer, count: count)
    }
}
