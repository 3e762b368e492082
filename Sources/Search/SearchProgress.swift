import ArchitectureDistribution

/// Why a search considers itself done. Data, not an error: asking on is allowed.
public enum StopReason: Int32, Sendable {
    case none = 0
    case maximumSteps = 1
    case entropy = 2
    /// Every layer that can be skipped is skipped with more than even odds.
    case collapse = 3
}

/// Where a search stands.
public struct SearchProgress: Sendable, Equatable {
    /// Completed asks.
    public var steps = 0
    /// Asks made, and those still open.
    public var asks: UInt64 = 0
    public var openAsks = 0
    /// Σ K over all asks: "architectures sampled".
    public var samplesDrawn = 0
    /// Σ distinct networks told.
    public var evaluations = 0
    /// K of the last ask and of the next.
    public var sampleCount = 0
    public var nextSampleCount = 0
    /// Raw entropy in nats, at the start and now; under hard budgets that of q, which is drawn from.
    public var initialEntropy = 0.0
    public var entropy = 0.0
    public var form = DistributionForm.factorised
    /// Of the last completed ask: 1/Σw², the factor on its log-likelihoods, their mean over the
    /// K samples, and the norm of the gradient.
    public var effectiveSamples = 0.0
    public var likelihoodScale = 0.0
    public var meanLogLikelihood = 0.0
    public var gradientNorm = 0.0
    /// Highest log-likelihood told so far.
    public var bestLogLikelihood = -Double.infinity
    /// Mean probability of a skip over the layers that can be skipped; 0 in abstract spaces.
    public var skipProbability = 0.0
    public var stopReason = StopReason.none
    /// log P(hard budgets) in nats, 0 without.
    public var budgetLogProbability = 0.0

    public init() {}
}
