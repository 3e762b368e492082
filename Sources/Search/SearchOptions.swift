import ArchitectureDistribution
import Support

/// The rule a search learns by.
public enum Algorithm: Int32, Sendable, CaseIterable {
    /// Adaptive sampling: K = ⌊λ·H⌋, clamped. [FP-NAS, CVPR 2021]
    case fpNAS = 0
    /// A constant K. [PARSEC, 2019]
    case parsec = 1
    /// A constant K from the initial distribution, which never moves: the honest baseline.
    case random = 2
    /// Regularised evolution of a population. [Real et al. 2019]
    case evolution = 3
    /// Policy gradient with a moving baseline. [Williams 1992; MnasNet 2019]
    case reinforce = 4

    public var name: String {
        switch self {
        case .fpNAS: return "fp-nas"
        case .parsec: return "parsec"
        case .random: return "random"
        case .evolution: return "evolution"
        case .reinforce: return "reinforce"
        }
    }

    public init?(name: String) {
        guard let found = Algorithm.allCases.first(where: { $0.name == name }) else { return nil }
        self = found
    }
}

/// What is subtracted from the sample coefficients m_k.
public enum Baseline: Int32, Sendable {
    /// Nothing, as equation 7 is printed. On a flat likelihood the entropy then falls by itself:
    /// the weights sum to 1, so samples are rewarded for being drawn.
    case none = 0
    /// The mean of the weights: m_k = (w_k − 1/K) − β·(c_k − 1/K). Leaves the expectation as it is.
    case mean = 1
}

/// What the policy gradient raises.
public enum Reward: Int32, Sendable {
    /// The told value ℓ itself, less β·C of the cost term.
    case told = 0
    /// e^ℓ · (cost / TAR)^w: MnasNet's ACC · (COST / T)^w where the logarithm of the accuracy is
    /// told.
    case product = 1
}

/// Everything that steers a search. Paper symbols are in the names' comments.
public struct SearchOptions: Sendable, Equatable {
    public var algorithm = Algorithm.fpNAS
    public var seed: UInt64 = 0
    /// λ: samples drawn per nat of entropy. [paper: 1/4]
    public var samplesPerNat = 0.25
    /// K of all algorithms but FP-NAS. [paper: 14 on FBNetV2-F]
    public var sampleCount = 14
    /// Bounds of the adaptive K: one sample carries no preference, so at least 2.
    public var minimumSamples = 2
    public var maximumSamples = 64
    /// Factor on the told log-likelihoods, which are means per example: the batch size makes
    /// them the batch's log-likelihood, smaller factors temper it.
    public var likelihoodScale = 1.0
    /// When above 0, the factor is chosen anew at every step so that the effective sample size
    /// is this share of K, whatever the scale of the likelihoods.
    public var effectiveSampleShare = 0.0
    public var baseline = Baseline.mean
    /// Adam's rate on the logits.
    public var learningRate = 0.05
    public var adamBeta1 = 0.9
    public var adamBeta2 = 0.999
    public var adamEpsilon = 1e-8
    /// β of equation 7; 0 switches the cost term off.
    public var costWeight = 0.0
    /// TAR of equation 7, in the unit of the costs (MACs where the library computes them).
    public var costTarget = 0.0
    /// θ in tells: after so many the factorised form becomes joint; 0 starts in the joint form,
    /// −1 never switches. Adam's moments start again at the switch.
    public var jointStep = -1
    /// Tells at the start that do not move the distribution.
    public var warmUpSteps = 0
    /// Stop reasons; 0 switches each off.
    public var maximumSteps = 0
    public var stopEntropy = 0.0
    /// Stop when every layer that can be skipped is skipped with more than even odds.
    public var stopsOnCollapse = false
    /// What a search with hard budgets lowers.
    public var budgetObjective = BudgetObjective.conditioned

    // MARK: Evolution
    /// Networks alive, and the members of which the fittest is a parent. [Real et al.: 100, 25]
    public var populationSize = 100
    public var tournamentSize = 25

    // MARK: Reinforce
    public var reward = Reward.told
    /// w of the product. [MnasNet: −0.07]
    public var rewardExponent = -0.07
    /// d of the moving baseline: b ← d·b + (1 − d)·mean reward. [NAS-Bench-201: 0.9]
    public var baselineDecay = 0.9
    /// η: weight of the entropy in the objective; 0 switches it off.
    public var entropyWeight = 0.0
    /// ε of proximal clipping, 0 for none, and the updates an ask then makes. [PPO: 0.2]
    public var clipRange = 0.0
    public var clipEpochs = 4

    public init() {}

    /// Whether every network needs a cost.
    public var usesCosts: Bool {
        costWeight > 0 || (algorithm == .reinforce && reward == .product)
    }

    /// Refuses values out of range, naming them as the C header does.
    public func check() throws(FPNASError) {
        try requireFinite(samplesPerNat, in: 1e-6...1e6, "samples_per_nat")
        // One sample carries no preference where samples are weighed against each other.
        let least = algorithm == .fpNAS || algorithm == .parsec ? 2 : 1
        try require(sampleCount, in: least...SearchOptions.sampleLimit, "sample_count")
        try require(minimumSamples, in: 1...SearchOptions.sampleLimit, "minimum_samples")
        try require(
            maximumSamples, in: minimumSamples...SearchOptions.sampleLimit, "maximum_samples")
        try requireFinite(likelihoodScale, in: 0...1e12, "likelihood_scale")
        try requireFinite(effectiveSampleShare, in: 0...1, "effective_sample_share")
        try requireFinite(learningRate, in: 0...1e3, "learning_rate")
        try requireFinite(adamBeta1, in: 0...0.999999, "adam_beta1")
        try requireFinite(adamBeta2, in: 0...0.9999999, "adam_beta2")
        try requireFinite(adamEpsilon, in: 1e-300...1, "adam_epsilon")
        try requireFinite(costWeight, in: 0...1e6, "cost_weight")
        try requireFinite(costTarget, in: 0...1e18, "cost_target")
        guard !usesCosts || costTarget >= SearchOptions.smallestCostTarget else {
            throw .invalid(
                "cost_target must be at least \(SearchOptions.smallestCostTarget) where "
                    + (costWeight > 0
                        ? "cost_weight is \(costWeight)" : "the reward is a product with it")
                    + ", got \(costTarget)")
        }
        try require(jointStep, in: -1...Int.max, "joint_step")
        try require(warmUpSteps, in: 0...Int.max, "warm_up_steps")
        try require(maximumSteps, in: 0...Int.max, "maximum_steps")
        try requireFinite(stopEntropy, in: 0...1e9, "stop_entropy")
        try require(populationSize, in: 2...SearchOptions.sampleLimit, "population_size")
        try require(tournamentSize, in: 1...SearchOptions.sampleLimit, "tournament_size")
        try requireFinite(rewardExponent, in: -10...10, "reward_exponent")
        try requireFinite(baselineDecay, in: 0...1, "baseline_decay")
        try requireFinite(entropyWeight, in: 0...1e6, "entropy_weight")
        try requireFinite(clipRange, in: 0...1, "clip_range")
        try require(clipEpochs, in: 1...1000, "clip_epochs")
    }

    /// Smaller targets could make cost / target infinite.
    public static let smallestCostTarget = 1e-18

    /// The most samples of one ask.
    public static let sampleLimit = 1 << 16

    /// K for a distribution of the given entropy. [FP-NAS §3.2]
    public func sampleCount(entropy: Double) -> Int {
        guard algorithm == .fpNAS else { return sampleCount }
        // Bounded before it becomes an integer, in an order that turns NaN into 0.
        let wanted = min(Double(SearchOptions.sampleLimit), max(0, samplesPerNat * entropy))
        return min(max(Int(wanted), minimumSamples), maximumSamples)
    }
}
