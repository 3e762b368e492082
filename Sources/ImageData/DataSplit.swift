import Support

/// Parts of a set of images that keep every class's share.
///
/// Which images go where is a function of the seed alone (Philox stream `dataSplit`); `salt` tells
/// splits of one seed apart. Indices ascend.
public enum DataSplit {
    /// Two parts: the first has `share` of every class, rounded, but at least `least` of each
    /// class, and the second at least one.
    public static func stratified(
        _ indices: [Int32], of images: ImageSet, share: Double, least: Int = 1, seed: UInt64,
        salt: Int
    ) throws(FPNASError) -> (first: [Int32], second: [Int32]) {
        try requireFinite(share, in: 0.001...0.999, "share")
        var first: [Int32] = []
        var second: [Int32] = []
        for (label, members) in shuffled(indices, of: images, seed: seed, salt: salt).enumerated() {
            guard members.count > least else {
                throw .invalid(
                    "class '\(images.classNames[label])' has \(members.count) images to split, at "
                        + "least \(least + 1) are needed")
            }
            // In range: share < 1 and counts are small integers.
            let cut = min(
                max(Int((Double(members.count) * share).rounded()), least), members.count - 1)
            first += members[..<cut]
            second += members[cut...]
        }
        return (first.sorted(), second.sorted())
    }

    /// `count` of the images: `least` of every class, which must have them, and the rest in
    /// proportion to what each class has beyond those, by largest remainders. A larger subset of
    /// the same seed takes from a class what a smaller one takes, and more.
    public static func subset(
        _ indices: [Int32], of images: ImageSet, count: Int, least: Int, seed: UInt64, salt: Int
    ) throws(FPNASError) -> [Int32] {
        guard count < indices.count else { return indices }
        let classes = shuffled(indices, of: images, seed: seed, salt: salt)
        guard count >= least * classes.count else {
            throw .invalid(
                "training_images must be at least \(least) for each of the \(classes.count) "
                    + "classes, got \(count)")
        }
        let rest = count - least * classes.count
        let beyond = indices.count - least * classes.count
        // Products are below 2^52: both factors are at most 2^26.
        var takes = classes.map { least + rest * max($0.count - least, 0) / max(beyond, 1) }
        let remainders = classes.map { rest * max($0.count - least, 0) % max(beyond, 1) }
        let order = classes.indices.sorted { (remainders[$1], $0) < (remainders[$0], $1) }
        for label in order.prefix(max(count - takes.reduce(0, +), 0)) { takes[label] += 1 }
        return zip(classes, takes).flatMap { $0.prefix($1) }.sorted()
    }

    /// The images of every class in an order that the seed draws.
    private static func shuffled(
        _ indices: [Int32], of images: ImageSet, seed: UInt64, salt: Int
    ) -> [[Int32]] {
        let random = Philox(seed: seed, stream: .dataSplit)
        var classes = [[Int32]](repeating: [], count: images.classes)
        for index in indices { classes[Int(images.labels[Int(index)])].append(index) }
        for label in classes.indices {
            random.shuffle(&classes[label], step: UInt64(salt << 32 | label))
        }
        return classes
    }
}

/// The loss weight of every class.
public enum ClassWeights {
    ///     w_c = n · n_c^(−γ) / Σ_k n_k^(1−γ)
    ///
    /// for n_c images of class c, n in all, and the balance γ in [0, 1]. Their mean over the n
    /// images is 1. With γ = 0 all are exactly 1; with γ = 1, w_c = n / (C · n_c): every class
    /// counts the same. Classes without images weigh 0.
    public static func weights(counts: [Int], balance: Double) -> [Double] {
        guard balance != 0 else { return [Double](repeating: 1, count: counts.count) }
        let powers = counts.map {
            $0 > 0 ? Elementary.exp(-balance * Elementary.log(Double($0))) : 0
        }
        let total = zip(counts, powers).reduce(0) { $0 + Double($1.0) * $1.1 }
        guard total > 0 else { return powers }
        return powers.map { $0 * Double(counts.reduce(0, +)) / total }
    }
}

/// Batches of an epoch's random order as a pure function of the step: nothing to store.
public struct Batcher: Sendable {
    /// Which of a run's independent orders this is.
    public enum Lane: UInt64, Sendable {
        case weights = 0
        case architecture = 1
        case retraining = 2
    }

    public let indices: [Int32]
    public let batchSize: Int
    private let random: Philox
    private let lane: Lane

    /// A set smaller than a batch makes one smaller batch; otherwise an epoch's incomplete last
    /// batch is left out.
    public init(
        _ indices: [Int32], batchSize: Int, seed: UInt64, lane: Lane
    ) throws(FPNASError) {
        guard !indices.isEmpty else { throw .invalid("there are no images to draw batches from") }
        guard batchSize >= 2 else {
            throw .invalid("batch size must be at least 2, got \(batchSize)")
        }
        self.indices = indices
        self.batchSize = min(batchSize, indices.count)
        random = Philox(seed: seed, stream: .dataOrder)
        self.lane = lane
    }

    public var batchesPerEpoch: Int { indices.count / batchSize }

    /// All images in the order of an epoch; batch k has those from k · batchSize on.
    public func epoch(_ epoch: Int) -> [Int32] {
        var order = indices
        random.shuffle(&order, step: UInt64(truncatingIfNeeded: epoch) | lane.rawValue << 56)
        return order
    }

    /// The images of a batch of an epoch's order.
    public func batch(_ number: Int, of order: [Int32]) -> ArraySlice<Int32> {
        order[(number * batchSize)..<((number + 1) * batchSize)]
    }
}

extension Philox {
    /// Puts the values in the order of `permutation`.
    fileprivate func shuffle(_ values: inout [Int32], step: UInt64) {
        guard values.count > 1 else { return }
        for i in Swift.stride(from: values.count - 1, through: 1, by: -1) {
            values.swapAt(i, integer(below: i + 1, step: step, index: i))
        }
    }
}
