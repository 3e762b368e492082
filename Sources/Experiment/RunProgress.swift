import Search

/// Where a built-in run stands; one is kept for every finished epoch.
public struct RunProgress: Sendable, Equatable {
    /// Finished epochs, counting from 0 while the first is under way.
    public var epoch = 0
    public var epochs = 0
    public var step = 0
    public var steps = 0
    /// K of the last step; Σ K; Σ distinct networks evaluated.
    public var sampleCount = 0
    public var samplesDrawn = 0
    public var evaluations = 0
    /// Raw entropy in nats, at the start and now.
    public var initialEntropy = 0.0
    public var entropy = 0.0
    /// Exact expectation under the distribution, and TAR (0 without a budget).
    public var expectedMACs = 0.0
    public var costTarget = 0.0
    /// Means over the epoch's samples, nats per image; accuracy in [0, 1].
    public var trainLogLikelihood = 0.0
    public var validationLogLikelihood = 0.0
    public var validationAccuracy = 0.0
    public var effectiveSamples = 0.0
    public var skipProbability = 0.0
    public var isJoint = false
    public var stopReason = StopReason.none
    /// Seconds spent, over all resumed parts, and an estimate of those left.
    public var seconds = 0.0
    public var secondsLeft = 0.0
    /// Blocks evaluated while weights were trained, and K·L: the same without sharing of prefixes
    /// and of equal draws.
    public var blockEvaluations = 0
    public var blocksDrawn = 0

    public init() {}
}
