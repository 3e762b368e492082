import SearchSpace
import Support

/// One batch of drawn architectures that waits for its log-likelihoods.
///
/// Its memory is flat and is used again for a later ask once this one is completed and nobody
/// holds it.
@safe public final class Ask {
    /// Names the ask in `tell`; 0 for a search's first, then counting up.
    public internal(set) var number: UInt64 = 0
    /// K, the number of draws with replacement.
    public private(set) var sampleCount = 0
    /// U, the number of distinct networks among them.
    public private(set) var networkCount = 0
    /// Number of networks that have not been told yet.
    public private(set) var missingCount = 0

    /// V, and the most samples there is memory for.
    let width: Int
    let capacity: Int
    /// The draws as they fell, K rows of V, and the network each one is.
    let samples: Buffer<Int32>
    let networkOfSample: Buffer<Int32>
    /// The distinct networks in canonical form, in order of first appearance, U rows of V.
    let rows: Buffer<Int32>
    /// How often each was drawn; Σ = K.
    let counts: Buffer<Int>
    /// What was told of every network, NaN where nothing was.
    let logLikelihoods: Buffer<Double>
    /// Cost of every network, as told or computed; NaN where unknown.
    let costs: Buffer<Double>
    /// log P of every draw when it was drawn, for strategies that make room for it.
    private(set) var logProbabilities: Buffer<Double>?
    // The check of a tell in which each network was last named.
    private let stamps: Buffer<UInt64>
    private var stamp: UInt64 = 0

    /// Memory for `capacity` samples of V choices.
    init(capacity: Int, width: Int) throws(FPNASError) {
        self.width = width
        self.capacity = capacity
        let size = try checkedProduct(capacity, width, of: "samples")
        samples = try Buffer(size, of: "samples")
        networkOfSample = try Buffer(capacity, of: "networks of samples")
        rows = try Buffer(size, of: "networks")
        counts = try Buffer(capacity, of: "multiplicities")
        logLikelihoods = try Buffer(capacity, of: "log-likelihoods")
        costs = try Buffer(capacity, of: "costs")
        stamps = try Buffer(capacity, of: "stamps")
    }

    func makeRoomForLogProbabilities() throws(FPNASError) {
        if logProbabilities == nil {
            logProbabilities = try Buffer(capacity, of: "log-probabilities")
        }
    }

    // MARK: - Filling

    /// Finds the distinct networks among the first `sampleCount` samples. O(K·V), no allocation.
    ///
    /// `table` is scratch of a power of two of entries, at least twice as many as samples; without
    /// conditional variables every encoding is canonical.
    func fill(
        number: UInt64, sampleCount: Int, space: SearchSpace, isConditional: Bool,
        table: Buffer<Int32>
    ) {
        assert(sampleCount <= capacity && table.count >= 2 * sampleCount)
        self.number = number
        self.sampleCount = sampleCount
        unsafe table.pointer.update(repeating: -1, count: table.count)
        var found = 0
        for k in 0..<sampleCount {
            let row = unsafe rows.pointer + found * width
            unsafe row.update(from: samples.pointer + k * width, count: width)
            if isConditional {
                unsafe space.canonicalise(UnsafeMutableBufferPointer(start: row, count: width))
            }
            var slot = unsafe Int(truncatingIfNeeded: hash(row)) & (table.count - 1)
            // Ends at the latest at one of the entries that stay free.
            while true {
                let network = unsafe Int(table.pointer[slot])
                if network < 0 {
                    unsafe table.pointer[slot] = Int32(truncatingIfNeeded: found)
                    unsafe counts.pointer[found] = 1
                    unsafe networkOfSample.pointer[k] = Int32(truncatingIfNeeded: found)
                    found += 1
                    break
                }
                if unsafe isEqual(row, rows.pointer + network * width) {
                    unsafe counts.pointer[network] += 1
                    unsafe networkOfSample.pointer[k] = Int32(truncatingIfNeeded: network)
                    break
                }
                slot = (slot + 1) & (table.count - 1)
            }
        }
        networkCount = found
        missingCount = found
        unsafe logLikelihoods.pointer.update(repeating: .nan, count: found)
        unsafe costs.pointer.update(repeating: .nan, count: found)
    }

    /// Only where to look first: equal rows are told apart by value.
    private func hash(_ row: UnsafePointer<Int32>) -> UInt64 {
        var h: UInt64 = 0
        var v = 0
        while v + 1 < width {  // two choices at a time
            let pair =
                unsafe UInt64(UInt32(bitPattern: row[v]))
                | UInt64(UInt32(bitPattern: row[v + 1])) << 32
            h = (h ^ pair) &* 0x9E37_79B9_7F4A_7C15
            h ^= h >> 29
            v += 2
        }
        if v < width { unsafe h ^= UInt64(UInt32(bitPattern: row[v])) }
        return h &* 0x9E37_79B9_7F4A_7C15 >> 32
    }

    private func isEqual(_ a: UnsafePointer<Int32>, _ b: UnsafePointer<Int32>) -> Bool {
        for v in 0..<width where unsafe a[v] != b[v] { return false }
        return true
    }

    // MARK: - Telling

    func isTold(_ network: Int) -> Bool { !logLikelihoods[network].isNaN }

    /// Takes in what was told of a network that was missing; a cost of NaN is unknown.
    func put(_ network: Int, _ logLikelihood: Double, cost: Double) {
        logLikelihoods[network] = logLikelihood
        costs[network] = cost
        missingCount -= 1
    }

    /// Begins a check that names every network at most once.
    func beginCheck() { stamp &+= 1 }

    /// Whether the network is named for the first time in this check.
    func isNew(_ network: Int) -> Bool {
        defer { stamps[network] = stamp }
        return stamps[network] != stamp
    }

    // MARK: - Copies

    /// The distinct networks in canonical form, in order of first appearance.
    public var architectures: [[Int32]] { (0..<networkCount).map(architecture) }

    public func architecture(_ network: Int) -> [Int32] {
        (0..<width).map { rows[network * width + $0] }
    }

    /// How often each was drawn; Σ = K.
    public var multiplicities: [Int] { (0..<networkCount).map { counts[$0] } }

    /// Networks that have not been told yet.
    public var missing: [Int] { (0..<networkCount).filter { !isTold($0) } }

    /// The networks' rows as they lie, U · V choices; valid while the ask is open.
    public var flatArchitectures: UnsafeBufferPointer<Int32> {
        unsafe UnsafeBufferPointer(start: rows.pointer, count: networkCount * width)
    }

    /// The multiplicities as they lie, U of them; valid while the ask is open.
    public var flatMultiplicities: UnsafeBufferPointer<Int> {
        unsafe UnsafeBufferPointer(start: counts.pointer, count: networkCount)
    }
}
