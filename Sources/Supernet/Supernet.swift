import CKernels
import SearchSpace
import Support

/// What a network made of a batch.
public struct BatchResult: Hashable, Sendable {
    /// Mean over the images of the natural log of the likelihood of their labels, in nats.
    public let logLikelihood: Double
    /// Number of images whose label has the largest logit.
    public let correct: Int
    /// Number of images.
    public let count: Int
}

/// Which mean and variance batch normalisation takes.
public enum NormalisationStatistics: Sendable {
    /// Those of the batch itself, as in training.
    case batch
    /// Those `finishStatistics` made for one network.
    case running
}

/// The rules by which weights may move; g is the clipped gradient.
public enum Optimiser: Int32, CaseIterable, Sendable {
    /// v = momentum·v + g + decay·w; w −= rate·v.
    case sgd = 0
    /// s = second·s + (1 − second)·g², v = momentum·v + g / (√s + ε), w −= rate·v, where g has
    /// the decay in it. As in PyTorch.
    case rmsProp = 1
    /// Adam with decay apart from the gradient (AdamW), momentum as its first coefficient.
    case adam = 2

    public var name: String {
        switch self {
        case .sgd: return "sgd"
        case .rmsProp: return "rmsprop"
        case .adam: return "adam"
        }
    }

    /// The optimiser of that name; nil for an unknown one.
    public init?(name: String) {
        guard let found = Optimiser.allCases.first(where: { $0.name == name }) else { return nil }
        self = found
    }

    /// Decay of the running mean of squares, and what is added to its root.
    var second: Double { self == .rmsProp ? 0.9 : 0.999 }
    var epsilon: Double { self == .rmsProp ? 1e-3 : 1e-8 }
}

/// What makes training harder and its result better.
public struct Regularisation: Hashable, Sendable {
    /// Probability with which each input of the classifier is 0 while weights are trained.
    public var dropout = 0.0
    /// Probability with which the last block of a network is skipped for an image while weights are
    /// trained, where a shortcut leads the input past it; of earlier ones in proportion.
    public var stochasticDepth = 0.0
    /// Whether the scale of the last normalisation in front of every shortcut's sum begins at 0,
    /// so that such blocks do nothing at first; only where that holds in all networks.
    public var zeroesLastGamma = false

    public init() {}

    func check() throws(FPNASError) {
        try requireFinite(dropout, in: 0...0.95, "dropout")
        try requireFinite(stochasticDepth, in: 0...0.95, "stochastic_depth")
    }
}

/// How `finishStep` moves the weights.
public struct StepOptions: Hashable, Sendable {
    public var rate: Double
    public var momentum: Double
    public var optimiser = Optimiser.sgd
    /// Decay of the running average of all weights after the first steps; 0 for none.
    public var averaging = 0.0
    /// Decay of weights; biases and batch normalisation are left alone.
    public var weightDecay: Double
    /// Largest global norm of the gradient; infinity does not clip.
    public var maximumNorm: Double

    public init(
        rate: Double, momentum: Double = 0.9, weightDecay: Double = 0,
        maximumNorm: Double = .infinity
    ) {
        self.rate = rate
        self.momentum = momentum
        self.weightDecay = weightDecay
        self.maximumNorm = maximumNorm
    }
}

/// Trains networks of a space on the CPU with shared weights, one network at a time.
///
/// Tensors are NHWC floats. Memory is that of the largest network's activations and one gradient,
/// taken once. Results are bit-equal for any number of threads and on every CPU with AVX2, but for
/// convolutions with groups, whose products are BLAS's.
/// One call at a time; threads end before a call returns.
@safe public final class Supernet {
    /// Most images of one batch.
    public var capacity: Int { plan.capacity }
    public let threads: Int
    /// Smoothing of the training target: 0 is the label itself, 1 the uniform distribution.
    public private(set) var labelSmoothing = 0.0

    var extent: SpaceExtent
    let weights: SupernetWeights
    var plan: ActivationPlan
    var arena: Buffer<Float>
    /// Chosen once; tests compare others.
    var kernels: UnsafePointer<fpnas_priv_kernels>
    /// Places of the last network, kept for their storage.
    var bound = BoundNetwork()
    /// Per image: margin and total of the softmax.
    let likelihoods: Buffer<Double>
    let labels: Buffer<Int32>
    /// Of every segment of the gradient.
    let squareSums: Buffer<Double>
    /// The running sum of a step, nil outside of one.
    var step: RescaledSum?
    /// Of the last call with several networks: the index of the one whose loss is no number.
    public internal(set) var failedNetwork: Int?
    /// Set to an empty one to measure passes; nil measures nothing.
    public var profile: Profile?
    /// Whether networks of one call run together what they begin with; otherwise each by itself.
    public var sharesPrefixes = true
    /// Since the supernet was made or its state restored.
    public internal(set) var blockCounts = BlockCounts()
    /// Finished steps.
    var steps = 0
    let regularisation: Regularisation
    let random: Philox
    /// Who runs its passes.
    public private(set) var crew: Crew
    /// Images, sums of means and of squares behind the running statistics; nil when not asked for.
    var gathered: GatheredStatistics?
    /// Of the last pass through a mixed network: the loss's gradient by its rows' factors.
    var factorGradient: [Double] = []
    /// First factor of each of its rows.
    var factorOffsets: [Int] = []

    /// Shared weights for every network of a space.
    public convenience init(
        space: SearchSpace, capacity: Int, seed: UInt64, threads: Int = 1,
        regularisation: Regularisation = Regularisation()
    ) throws(FPNASError) {
        try Supernet.check(capacity, threads)
        try self.init(
            SpaceExtent(space, capacity: capacity, regularisation), capacity, seed, threads,
            regularisation)
    }

    /// Weights just large enough for the given networks of one space; of one network, its own.
    public convenience init(
        networks: [Network], capacity: Int, seed: UInt64, threads: Int = 1,
        regularisation: Regularisation = Regularisation()
    ) throws(FPNASError) {
        try Supernet.check(capacity, threads)
        try self.init(
            SpaceExtent(networks, regularisation), capacity, seed, threads, regularisation)
    }

    /// Weights and memory for a mixed network; networks of its space can be evaluated too.
    public convenience init(
        mixed: MixedNetwork, capacity: Int, seed: UInt64, threads: Int = 1,
        regularisation: Regularisation = Regularisation()
    ) throws(FPNASError) {
        try Supernet.check(capacity, threads)
        try self.init(
            SpaceExtent(mixed, regularisation), capacity, seed, threads, regularisation)
    }

    private static func check(_ capacity: Int, _ threads: Int) throws(FPNASError) {
        guard (1...1 << 20).contains(capacity) else {
            throw .invalid("the batch must have 1 to \(1 << 20) images, got \(capacity)")
        }
        guard (1...256).contains(threads) else {
            throw .invalid("threads must be in [1, 256], got \(threads)")
        }
    }

    private init(
        _ extent: SpaceExtent, _ capacity: Int, _ seed: UInt64, _ threads: Int,
        _ regularisation: Regularisation
    ) throws(FPNASError) {
        guard let kernels = unsafe fpnas_priv_kernels_named(nil) else {
            throw .invalid("FPNAS_KERNELS names kernels this CPU has not got")
        }
        unsafe self.kernels = unsafe kernels
        try regularisation.check()
        self.regularisation = regularisation
        random = Philox(seed: seed, stream: .regularisation)
        self.extent = extent
        self.threads = threads
        crew = Crew(threads: threads)
        plan = try ActivationPlan(extent, capacity: capacity, threads: threads)
        arena = try Supernet.makeArena(plan)
        weights = try SupernetWeights(extent: extent, seed: seed, regularisation)
        likelihoods = try Buffer(2 * capacity, of: "the likelihoods")
        labels = try Buffer(capacity, of: "the labels")
        squareSums = try Buffer(
            (weights.count + Supernet.segment - 1) / Supernet.segment, of: "the gradient's norm")
    }

    /// From now on shares the threads of a crew, as many as its own, whose calls its own are part of.
    public func join(_ crew: Crew) throws(FPNASError) {
        guard crew.threads == threads else {
            throw .invalid("a crew of \(crew.threads) threads for a supernet of \(threads)")
        }
        self.crew = crew
    }

    static func makeArena(_ plan: ActivationPlan) throws(FPNASError) -> Buffer<Float> {
        let arena = try Buffer<Float>(plan.count, of: "the activations")
        for i in 0..<plan.line { arena[plan.ones + i] = 1 }
        return arena
    }

    public var input: ImageShape { extent.input }
    public var classes: Int { extent.classes }
    var layerNames: [String] { extent.layerNames }

    /// The kernels in use: "baseline", "avx2" or "avx512".
    public var kernelName: String { unsafe String(cString: kernels.pointee.name) }

    /// Sets the smoothing of the training target, in [0, 1).
    public func smoothLabels(_ smoothing: Double) throws(FPNASError) {
        guard smoothing >= 0, smoothing < 1 else {
            throw .invalid("label smoothing must be in [0, 1), got \(smoothing)")
        }
        labelSmoothing = smoothing
    }

    // MARK: - Parameters

    /// The table of all tensors.
    public var slots: [WeightSlot] { weights.slots }
    /// All parameters in one buffer; `slots` says what is where.
    public var parameters: Buffer<Float> { weights.parameters }
    /// The gradient of a step until it is finished, times the step's total weight.
    public var gradient: Buffer<Float> { weights.gradient }

    // MARK: - Passes

    /// The likelihood of a batch, with no gradient. `images` are NHWC, from image `first` on.
    public func evaluate(
        _ network: Network, images: Buffer<Float>, first: Int = 0, labels: [Int32],
        statistics: NormalisationStatistics = .batch, weights: [Float]? = nil
    ) throws(FPNASError) -> BatchResult {
        let loss = Loss(weights: weights)
        try check(loss, labels.count)
        return try run(network, images, first, labels, statistics) {
            (pass, team) throws(FPNASError) in try self.likelihood(pass, loss)
        }
    }

    /// Begins a training step: the gradient is zero and no network has been seen.
    public func beginStep() {
        if !weights.gradientIsClear { unsafe weights.gradient.elements.update(repeating: 0) }
        weights.gradientIsClear = false
        step = RescaledSum()
    }

    /// Adds a network's gradient of the mean loss to the step with weight
    /// `multiplicity`·e^(`likelihoodScale`·ℓ), ℓ its log-likelihood of this batch.
    ///
    /// Exact in one pass: the sum so far is rescaled whenever a larger likelihood comes.
    @discardableResult
    public func accumulate(
        _ network: Network, images: Buffer<Float>, first: Int = 0, labels: [Int32],
        multiplicity: Int = 1, likelihoodScale: Double = 1, loss: Loss = Loss()
    ) throws(FPNASError) -> BatchResult {
        let results = try accumulate(
            [Sample(network, multiplicity: multiplicity)], images: images, first: first,
            labels: labels, likelihoodScale: likelihoodScale, loss: loss)
        return results[0]
    }

    /// Applies G / Z to the weights and ends the step; returns the norm of the gradient. Of a
    /// sandwich it `takesSum` G instead.
    ///
    /// It is clipped to the largest norm; `Optimiser` says how the weights then move.
    ///
    /// Dense: weights no network of the step used move by their momentum and decay.
    @discardableResult
    public func finishStep(
        _ options: StepOptions, takesSum: Bool = false
    ) throws(FPNASError) -> Double {
        guard let sum = step, sum.total > 0 else {
            throw FPNASError(.state, "a training step ends without a gradient")
        }
        let total = takesSum ? 1 : sum.total
        for (value, name) in [
            (options.rate, "learning_rate"), (options.momentum, "momentum"),
            (options.weightDecay, "weight_decay"),
        ] { try requireFinite(value, in: 0...1e6, name) }
        try requireFinite(options.averaging, in: 0...0.999999, "weight_averaging")
        try weights.prepare(options)
        guard options.maximumNorm > 0 else {
            throw .invalid("the largest gradient norm must be > 0, got \(options.maximumNorm)")
        }
        return try crew.work(isSmall: hasFewWeights) { (team) throws(FPNASError) in
            let norm = gradientNorm(team) / total
            guard norm.isFinite else {
                throw FPNASError(.state, "the gradient has the norm \(norm); nothing was changed")
            }
            step = nil
            steps += 1
            let clip = norm > options.maximumNorm ? options.maximumNorm / norm : 1
            descend(options, factor: Float(clip / total), team)
            return norm
        }
    }

    /// Few weights have moved before a thread has started.
    var hasFewWeights: Bool { weights.count < 1 << 18 }

    /// Drops a step that was begun.
    public func abandonStep() { step = nil }
}
