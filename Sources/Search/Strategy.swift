import ArchitectureDistribution
import Support

/// What an algorithm decides: how many networks it asks for, which, and what it learns from them.
///
/// `Search` does everything else, the same for all: asks told in parts, late or never, distinct
/// networks, costs and budgets, Adam, the switch of forms, checkpoints. One file a strategy;
/// docs/adding-a-strategy.md adds one.
///
/// A strategy is a pure function of the options, the seed and what it is told. `ask` and `tell`
/// take no memory after the first times, and `tell` cannot fail: what it needs is taken before.
protocol Strategy: AnyObject {
    /// K of the next ask, given the entropy in nats of what is drawn from.
    func sampleCount(entropy: Double) -> Int

    /// Fills the first `count` samples of the ask with raw encodings that keep the hard budgets.
    func ask(_ ask: Ask, count: Int, of search: Search) throws(FPNASError)

    /// Learns from a completed ask; not called during the warm-up.
    func tell(_ ask: Ask, _ told: Told, to search: Search)

    /// What it has learned outside of the distribution and Adam, if anything.
    func encode(into writer: inout ByteWriter)
    func restore(from reader: inout ByteReader, of search: Search) throws(FPNASError)
    /// The same for an open ask, whose samples are there.
    func encode(_ ask: Ask, into writer: inout ByteWriter)
    func restore(_ ask: Ask, from reader: inout ByteReader) throws(FPNASError)
}

extension Strategy {
    func ask(_ ask: Ask, count: Int, of search: Search) throws(FPNASError) {
        try search.draw(count, into: ask)
    }

    func encode(into writer: inout ByteWriter) {}
    func restore(from reader: inout ByteReader, of search: Search) throws(FPNASError) {}
    func encode(_ ask: Ask, into writer: inout ByteWriter) {}
    func restore(_ ask: Ask, from reader: inout ByteReader) throws(FPNASError) {}
}

extension Algorithm {
    func strategy(
        _ options: SearchOptions, variableCount: Int
    ) throws(FPNASError) -> any Strategy {
        switch self {
        case .fpNAS, .parsec: return LikelihoodStrategy(options)
        case .random: return RandomStrategy(options)
        case .evolution: return try EvolutionStrategy(options, variableCount: variableCount)
        case .reinforce: return ReinforceStrategy(options)
        }
    }

    /// Whether the distribution learns, so that its mode is the result; else the best told is.
    public var movesDistribution: Bool {
        switch self {
        case .fpNAS, .parsec, .reinforce: return true
        case .random, .evolution: return false
        }
    }
}
