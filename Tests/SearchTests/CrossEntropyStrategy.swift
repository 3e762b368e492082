import Support

@testable import Search

/// The cross-entropy method: the best third of an ask raises its probability, by a step of Adam
/// on −log P. Ranks count, values do not. [Rubinstein 1999]
final class CrossEntropyStrategy: Strategy {
    private let options: SearchOptions
    /// The value that the third began at, for a picture of the run; part of the state.
    private(set) var threshold = -Double.infinity

    init(_ options: SearchOptions) { self.options = options }

    func sampleCount(entropy: Double) -> Int { options.sampleCount }

    func tell(_ ask: Ask, _ told: Told, to search: Search) {
        var draws = 0
        for i in 0..<told.count { draws += told.counts[i] }
        let wanted = max(1, draws / 3)
        // The threshold: the largest value that a third of the draws reach.
        var best = -Double.infinity
        for i in 0..<told.count {
            var reached = 0
            for j in 0..<told.count where told.values[j] >= told.values[i] {
                reached += told.counts[j]
            }
            if reached >= wanted { best = max(best, told.values[i]) }
        }
        threshold = best
        var elite = 0
        for i in 0..<told.count where told.values[i] >= threshold { elite += told.counts[i] }
        // Coefficients of ∇(−log P) of every draw: 1/elite − 1/draws, so that they sum to 0 and
        // equal values do not move the distribution.
        var next = 0
        for network in 0..<ask.networkCount {
            guard ask.isTold(network) else {
                told.shares[network] = 0
                continue
            }
            let isElite = told.values[next] >= threshold
            told.shares[network] = (isElite ? 1 / Double(elite) : 0) - 1 / Double(draws)
            next += 1
        }
        for k in 0..<ask.sampleCount {
            told.draws[k] = told.shares[Int(ask.networkOfSample[k])]
        }
        search.descend(ask)
    }

    func encode(into writer: inout ByteWriter) { writer.put(threshold) }

    func restore(from reader: inout ByteReader, of search: Search) throws(FPNASError) {
        threshold = try reader.takeDouble()
        guard threshold < .infinity else { throw reader.damaged("the threshold") }
    }
}
