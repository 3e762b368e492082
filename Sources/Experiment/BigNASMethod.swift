import ArchitectureDistribution
import Search
import SearchSpace
import Supernet
import Support

/// BigNAS: one supernet whose children are good as they are. [Yu et al., ECCV 2020]
///
///     the biggest network on labels → smallest and random networks on the biggest's predictions
///         → the weights move
///     … and behind the last epoch: children from coarse to fine, one measured a step
///
/// The random networks are drawn uniformly, budget or not: it is the selection that keeps budgets.
final class BigNASMethod: RunMethod {
    private let setup: RunSetup
    private let meter: ChildMeter
    let supernet: Supernet
    /// Uniform; it never moves.
    let distribution: ArchitectureDistribution
    private let ends: (biggest: [Int32], smallest: [Int32])
    private let draws: Buffer<Int32>
    private var trained = (draws: 0, evaluations: 0)
    /// The children for the run's budget.
    private(set) var own: CoarseToFine
    /// Those for budgets given later; they know the others.
    private(set) var later: CoarseToFine?

    /// Steps of the weights from one look at the validation images to the next.
    private static let validationEvery = 4

    init(_ setup: RunSetup, _ meter: ChildMeter) throws(FPNASError) {
        self.setup = setup
        self.meter = meter
        var regularisation = setup.options.training.regularisation
        regularisation.zeroesLastGamma = true
        supernet = try setup.supernet(regularisation)
        distribution = try ArchitectureDistribution(space: setup.space, form: .factorised)
        ends = (setup.costs.dearest(), setup.costs.cheapest())
        draws = try Buffer(
            try checkedProduct(
                setup.options.randomChildren, setup.space.variableCount, of: "the random children"),
            of: "the random children")
        own = try CoarseToFine(
            setup.costs, budgets: [setup.budget], options: setup.options.selection,
            seed: setup.options.seed)
        try supernet.decayOnly(try setup.space.network(ends.biggest))
    }

    // MARK: - Training

    func step(
        _ turn: RunTurn, _ progress: inout RunProgress, _ sums: inout EpochSums
    ) throws(FPNASError) {
        do throws(FPNASError) {
            try train(turn, &progress, &sums)
        } catch {
            supernet.abandonStep()
            throw error
        }
        if turn.step % setup.stepsPerEpoch % BigNASMethod.validationEvery == 0 {
            try validate(turn, &sums)
        }
    }

    private func train(
        _ turn: RunTurn, _ progress: inout RunProgress, _ sums: inout EpochSums
    ) throws(FPNASError) {
        let children = children(ofStep: turn.step)
        let biggest = try setup.space.network(ends.biggest)
        var samples: [Sample] = []
        for (architecture, multiplicity) in children {
            samples.append(
                Sample(try setup.space.network(architecture), multiplicity: multiplicity))
        }
        supernet.beginStep()
        let before = supernet.blockCounts
        let results = try named(turn.step, [ends.biggest] + children.map(\.architecture)) {
            () throws(FPNASError) in
            try supernet.accumulateSandwich(
                biggest, samples, images: turn.train.images, labels: turn.train.labels,
                weights: turn.train.lossWeights(setup.options.data))
        }
        try supernet.finishStep(turn.weights, takesSum: true)
        progress.blockEvaluations += supernet.blockCounts.evaluated - before.evaluated
        progress.blocksDrawn += supernet.blockCounts.drawn - before.drawn
        for (result, multiplicity) in zip(results, [1] + children.map(\.multiplicity)) {
            sums.add(training: result.logLikelihood, multiplicity)
        }
        trained.draws += 2 + setup.options.randomChildren
        trained.evaluations += results.count
    }

    /// The smallest and the random networks of a step, each once.
    private func children(ofStep step: Int) -> [(architecture: [Int32], multiplicity: Int)] {
        let width = setup.space.variableCount
        unsafe distribution.sample(
            seed: setup.options.seed, step: UInt64(step), count: setup.options.randomChildren,
            into: draws.pointer)
        var children = [(architecture: ends.smallest, multiplicity: 1)]
        for k in 0..<setup.options.randomChildren {
            var architecture = (0..<width).map { draws[k * width + $0] }
            setup.space.canonicalise(&architecture)
            if let place = children.firstIndex(where: { $0.architecture == architecture }) {
                children[place].multiplicity += 1
            } else {
                children.append((architecture, 1))
            }
        }
        return children
    }

    /// The biggest and the smallest network on a validation batch, which only progress shows.
    private func validate(_ turn: RunTurn, _ sums: inout EpochSums) throws(FPNASError) {
        let networks = [
            try setup.space.network(ends.biggest), try setup.space.network(ends.smallest),
        ]
        let results = try supernet.withAverage { () throws(FPNASError) in
            try supernet.evaluate(
                networks, images: turn.validation.images, labels: turn.validation.labels,
                weights: turn.validation.lossWeights(setup.options.data))
        }
        for result in results {
            sums.add(
                validation: result.logLikelihood,
                accuracy: Double(result.correct) / Double(turn.validation.count), 1)
        }
    }

    /// Names step and architecture where a loss is no number.
    private func named<T>(
        _ step: Int, _ architectures: [[Int32]], _ body: () throws(FPNASError) -> T
    ) throws(FPNASError) -> T {
        do throws(FPNASError) { return try body() } catch {
            guard error.code == .state, let k = supernet.failedNetwork,
                architectures.indices.contains(k)
            else { throw error }
            throw FPNASError(
                .state, "step \(step), architecture \(architectures[k]): \(error.message)")
        }
    }

    // MARK: - Selection

    var closingSteps: Int { own.candidateCount + (later?.candidateCount ?? 0) }

    func closingStep() throws(FPNASError) {
        if own.isDone {
            guard var selection = later else { return }
            try advance(&selection)
            later = selection
        } else {
            try advance(&own)
        }
    }

    /// Measures the next candidate; an error leaves the selection as it was.
    private func advance(_ selection: inout CoarseToFine) throws(FPNASError) {
        guard let architecture = try selection.candidate() else { return selection.advance(nil) }
        let network = try setup.space.network(architecture)
        let (logLikelihood, accuracy) = try meter.measure(network, supernet, on: .validation)
        selection.advance(
            Child(
                architecture, cost: network.cost().macs, logLikelihood: logLikelihood,
                accuracy: accuracy))
    }

    /// Begins a selection for other budgets from the same weights.
    func select(_ budgets: [Int]) throws(FPNASError) {
        later = try selection(budgets)
    }

    private func selection(_ budgets: [Int]) throws(FPNASError) -> CoarseToFine {
        try CoarseToFine(
            setup.costs, budgets: budgets, options: setup.options.selection,
            seed: setup.options.seed, known: own.children)
    }

    // MARK: - Progress and result

    func write(to progress: inout RunProgress) {
        progress.sampleCount = 2 + setup.options.randomChildren
        progress.samplesDrawn = trained.draws
        progress.evaluations =
            trained.evaluations + own.measuredCount + (later?.measuredCount ?? 0)
        progress.initialEntropy = distribution.entropy
        progress.entropy = distribution.entropy
        progress.stopReason = own.isDone && later?.isDone ?? true ? .maximumSteps : .none
    }

    /// The best child of the run's own selection; before there is one, the first it will try.
    func result() throws(FPNASError) -> RankedArchitecture {
        let architecture = own.best(within: setup.budget)?.architecture ?? own.first
        return RankedArchitecture(
            architecture: architecture,
            logProbability: try distribution.canonicalLogProbability(architecture))
    }

    // MARK: - Checkpoints

    func encode(into writer: inout ByteWriter) throws(FPNASError) {
        try supernet.save(to: &writer)
        for value in [trained.draws, trained.evaluations] { writer.put(value) }
        own.encode(into: &writer)
        writer.put(later?.budgets.count ?? 0)
        guard let later else { return }
        for budget in later.budgets { writer.put(budget) }
        later.encode(into: &writer)
    }

    func restore(from reader: inout ByteReader) throws(FPNASError) {
        try supernet.restore(from: &reader)
        trained.draws = try reader.takeInt(0...Int.max)
        trained.evaluations = try reader.takeInt(0...Int.max)
        try own.restore(from: &reader)
        var budgets: [Int] = []
        for _ in 0..<(try reader.takeInt(0...CoarseToFine.maximumBudgets)) {
            budgets.append(try reader.takeInt())
        }
        later = nil
        guard !budgets.isEmpty else { return }
        var later = try selection(budgets)
        try later.restore(from: &reader)
        self.later = later
    }
}
