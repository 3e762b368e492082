import ArchitectureDistribution
import SearchSpace
import Support

/// One batch of drawn architectures that waits for its log-likelihoods.
@safe public final class Ask {
    /// Names the ask in `tell`; 0 for a search's first, then counting up.
    public let number: UInt64
    /// K, the number of draws with replacement.
    public let sampleCount: Int
    /// The distinct networks among them in canonical form, in order of first appearance.
    public let architectures: [[Int32]]
    /// How often each was drawn; Σ = K.
    public let multiplicities: [Int]

    /// The draws as they fell, K rows of V, and the network each one is.
    let samples: Buffer<Int32>
    let networkOfSample: [Int]
    private(set) var logLikelihoods: [Double?]
    /// Cost of every network, as told or computed; nil where unknown.
    private(set) var costs: [Double?]
    /// Number of networks that have not been told yet.
    public private(set) var missingCount: Int

    init(
        number: UInt64, samples: Buffer<Int32>, sampleCount: Int, space: SearchSpace
    ) {
        self.number = number
        self.samples = samples
        self.sampleCount = sampleCount
        let width = space.variableCount
        var architectures: [[Int32]] = []
        var multiplicities: [Int] = []
        var networkOfSample: [Int] = []
        // Looked up by value, never iterated: its order reaches nothing.
        var known: [[Int32]: Int] = [:]
        for k in 0..<sampleCount {
            var row = unsafe Array(
                UnsafeBufferPointer(start: samples.pointer + k * width, count: width))
            space.canonicalise(&row)
            if let network = known[row] {
                multiplicities[network] += 1
                networkOfSample.append(network)
            } else {
                known[row] = architectures.count
                networkOfSample.append(architectures.count)
                architectures.append(row)
                multiplicities.append(1)
            }
        }
        self.architectures = architectures
        self.multiplicities = multiplicities
        self.networkOfSample = networkOfSample
        logLikelihoods = architectures.map { _ in nil }
        costs = architectures.map { _ in nil }
        missingCount = architectures.count
    }

    /// Takes in what was told of a network that was missing.
    func put(_ network: Int, _ logLikelihood: Double, cost: Double?) {
        logLikelihoods[network] = logLikelihood
        costs[network] = cost
        missingCount -= 1
    }

    /// Networks that have not been told yet.
    public var missing: [Int] { architectures.indices.filter { logLikelihoods[$0] == nil } }
}
