import Search

/// What a built-in run does with a step: a search's algorithm, or a method that needs the supernet
/// itself. Its numbers are the header's, of which the searches have the first.
public enum RunAlgorithm: Hashable, Sendable, CaseIterable {
    /// Asks for networks and tells their likelihoods.
    case search(Algorithm)
    /// Runs all networks at once, weighted.
    case mixture(MixtureAlgorithm)
    /// A single-stage supernet and a selection of its children; see `BigNASMethod`.
    case bigNAS

    public static var allCases: [RunAlgorithm] {
        Algorithm.allCases.map(RunAlgorithm.search)
            + MixtureAlgorithm.allCases.map(RunAlgorithm.mixture) + [.bigNAS]
    }

    public var rawValue: Int32 {
        switch self {
        case .search(let algorithm): return algorithm.rawValue
        case .bigNAS: return 7
        case .mixture(let algorithm): return 5 + algorithm.rawValue
        }
    }

    public var name: String {
        switch self {
        case .search(let algorithm): return algorithm.name
        case .bigNAS: return "bignas"
        case .mixture(let algorithm): return algorithm.name
        }
    }

    public init?(rawValue: Int32) {
        guard let found = RunAlgorithm.allCases.first(where: { $0.rawValue == rawValue }) else {
            return nil
        }
        self = found
    }

    public init?(name: String) {
        guard let found = RunAlgorithm.allCases.first(where: { $0.name == name }) else {
            return nil
        }
        self = found
    }

    /// The search's algorithm, if it is one.
    public var search: Algorithm? {
        guard case .search(let algorithm) = self else { return nil }
        return algorithm
    }
}
