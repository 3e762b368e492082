import Support

/// What was told of a completed ask, side by side, and memory for learning from it. The next ask
/// uses it again.
struct Told {
    /// Most samples of an ask.
    let capacity: Int
    /// Number of networks that were told.
    var count = 0

    // One entry a network that was told, in the order of the ask's networks:
    /// its mean log-likelihood per example,
    let values: Buffer<Double>
    /// how often it was drawn,
    let counts: Buffer<Int>
    /// its cost, NaN where unknown,
    let costs: Buffer<Double>
    /// C = max(0, cost / TAR − 1), 0 where no cost counts,
    let excesses: Buffer<Double>
    /// its share of Σ n·e^(s·ℓ),
    let weights: Buffer<Double>
    /// room for its coefficient.
    let coefficients: Buffer<Double>

    /// Room for one value a network of the ask, told or not.
    let shares: Buffer<Double>
    /// For `Search.descend`: the coefficient of ∇(−log P) of every draw.
    let draws: Buffer<Double>
    /// For finding equal networks: a power of two of entries, at least two a sample.
    let table: Buffer<Int32>

    init(capacity: Int) throws(FPNASError) {
        self.capacity = capacity
        values = try Buffer(capacity, of: "scratch")
        counts = try Buffer(capacity, of: "scratch")
        costs = try Buffer(capacity, of: "scratch")
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
