import ArchitectureCost
import ArchitectureDistribution
import Search
import SearchSpace
import Supernet
import Support

/// What an algorithm does with the batches of a step, and what it then reports.
///
/// `SearchRun` does everything else, the same for all: images, schedule, progress, history, result
/// files, checkpoints. One file a method.
///
/// A method is a pure function of its setup and the turns it is given.
protocol RunMethod: AnyObject {
    /// The weights, which `SearchRun` profiles.
    var supernet: Supernet { get }
    /// What progress, pictures and probabilities speak of.
    var distribution: ArchitectureDistribution { get }

    /// Trains the weights on one batch and the distribution on the other, and adds what it saw to
    /// the epoch's sums and to the counts of blocks. An error leaves the distribution as it was.
    func step(
        _ turn: RunTurn, _ progress: inout RunProgress, _ sums: inout EpochSums
    ) throws(FPNASError)

    /// Steps behind the last epoch, which need no batches: a selection, say.
    var closingSteps: Int { get }
    func closingStep() throws(FPNASError)

    /// Entropy, counts and whatever else the method alone knows.
    func write(to progress: inout RunProgress)

    /// The run's result, within the budget; in the middle of the run the best so far.
    func result() throws(FPNASError) -> RankedArchitecture

    /// The exact state, between steps.
    func encode(into writer: inout ByteWriter) throws(FPNASError)
    func restore(from reader: inout ByteReader) throws(FPNASError)
}

extension RunMethod {
    var closingSteps: Int { 0 }
    func closingStep() throws(FPNASError) {}
}

/// One step's data and place in the schedule.
struct RunTurn {
    let step: Int
    /// Augmented images for the weights, and others, as they are, for the distribution.
    let train: ImageBatch
    let validation: ImageBatch
    /// Whether the distribution has its turn, and `validation` new images: at every step, but for
    /// mixtures whose weights have more images than it.
    let learns: Bool
    /// How the weights move.
    let weights: StepOptions
}

/// What a method is made from: the options with all that the data decided.
struct RunSetup {
    let options: RunOptions
    let space: SearchSpace
    /// Exact MACs over the space.
    let costs: CostChain
    /// TAR in MACs.
    let costTarget: Double
    let stepsPerEpoch: Int
    /// Images of the largest batch.
    let capacity: Int

    init(
        _ options: RunOptions, _ space: SearchSpace, stepsPerEpoch: Int, capacity: Int
    ) throws(FPNASError) {
        self.options = options
        self.space = space
        self.stepsPerEpoch = stepsPerEpoch
        self.capacity = capacity
        costs = try CostTable(space).chain(of: .macs)
        var target = options.costTarget
        if target == 0 && options.costWeight > 0 {
            let uniform = try ArchitectureDistribution(space: space, form: .factorised)
            target = try costs.expectation(under: uniform) / 2
        }
        if options.costWeight > 0 {
            let least = costs.range.lowerBound
            guard Double(least) <= target else {
                throw FPNASError(
                    .infeasible, "cost_target is \(target) MACs, the least network has \(least)")
            }
        }
        costTarget = target
    }

    /// The most MACs a result may have: 1.02 · TAR, of a hard budget TAR; `Int.max` without one.
    var budget: Int {
        guard options.costWeight > 0 else { return .max }
        // In range: targets are at most 1e18.
        return Int(options.budgetMode == .hard ? costTarget : costTarget * 1.02)
    }

    /// `meter` measures networks with shared weights as they are.
    func method(_ meter: ChildMeter) throws(FPNASError) -> any RunMethod {
        switch options.algorithm {
        case .search(let algorithm): return try AskTellMethod(self, algorithm, meter)
        case .bigNAS: return try BigNASMethod(self, meter)
        case .mixture(let algorithm): return try MixtureMethod(self, algorithm)
        }
    }

    /// Weights for every network of the space, trained as the options say.
    func supernet(_ regularisation: Regularisation? = nil) throws(FPNASError) -> Supernet {
        let supernet = try Supernet(
            space: space, capacity: capacity, seed: options.seed, threads: options.threadCount,
            regularisation: regularisation ?? options.training.regularisation)
        try supernet.smoothLabels(options.training.labelSmoothing)
        return supernet
    }

    /// The most probable network within the budget.
    func mostProbable(
        under distribution: ArchitectureDistribution
    ) throws(FPNASError) -> RankedArchitecture {
        guard budget < .max else { return try distribution.mode() }
        return try costs.mostProbable(under: distribution, within: budget).best
    }
}

/// Means over an epoch's samples.
struct EpochSums {
    var trainCount = 0.0
    var train = 0.0
    var validationCount = 0.0
    var validation = 0.0
    var accuracy = 0.0

    mutating func add(training logLikelihood: Double, _ multiplicity: Int) {
        train += logLikelihood * Double(multiplicity)
        trainCount += Double(multiplicity)
    }

    mutating func add(validation logLikelihood: Double, accuracy: Double, _ multiplicity: Int) {
        validation += logLikelihood * Double(multiplicity)
        self.accuracy += accuracy * Double(multiplicity)
        validationCount += Double(multiplicity)
    }

    func write(to progress: inout RunProgress) {
        guard trainCount > 0, validationCount > 0 else { return }
        progress.trainLogLikelihood = train / trainCount
        progress.validationLogLikelihood = validation / validationCount
        progress.validationAccuracy = accuracy / validationCount
    }
}
