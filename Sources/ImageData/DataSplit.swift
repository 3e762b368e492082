import Support

/// Splits of a set of images that keep every class's share.
public enum DataSplit {
    /// Two parts: the first has `share` of every class, rounded, but at least one image of each
    /// class in either part.
    ///
    /// Which images go where is a function of the seed alone (Philox stream `dataSplit`);
    /// `salt` tells splits of one seed apart. Indices ascend.
    public static func stratified(
        _ indices: [Int], of images: ImageSet, share: Double, seed: UInt64, salt: Int
    ) throws(FPNASError) -> (first: [Int], second: [Int]) {
        try requireFinite(share, in: 0.001...0.999, "share")
        let random = Philox(seed: seed, stream: .dataSplit)
        var first: [Int] = []
        var second: [Int] = []
        for label in 0..<images.classes {
            let members = indices.filter { images.labels[$0] == Int32(label) }
            guard members.count >= 2 else {
                throw .invalid(
                    "class '\(images.classNames[label])' has \(members.count) images to split, at "
                        + "least 2 are needed")
            }
            let order = random.permutation(members.count, step: UInt64(salt << 32 | label))
            // In range: share < 1 and counts are small integers.
            let cut = min(
                max(Int((Double(members.count) * share).rounded()), 1), members.count - 1)
            first += order[..<cut].map { members[$0] }
            second += order[cut...].map { members[$0] }
        }
        return (first.sorted(), second.sorted())
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

    public let indices: [Int]
    public let batchSize: Int
    private let random: Philox
    private let lane: Lane

    /// A set smaller than a batch makes one smaller batch; otherwise an epoch's incomplete last
    /// batch is left out.
    public init(_ indices: [Int], batchSize: Int, seed: UInt64, lane: Lane) throws(FPNASError) {
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

    /// The images of every batch of an epoch, in order.
    public func epoch(_ epoch: Int) -> [[Int]] {
        let order = random.permutation(
            indices.count, step: UInt64(truncatingIfNeeded: epoch) | lane.rawValue << 56)
        return (0..<batchesPerEpoch).map { batch in
            order[(batch * batchSize)..<((batch + 1) * batchSize)].map { indices[$0] }
        }
    }
}
