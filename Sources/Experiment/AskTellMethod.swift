import ArchitectureDistribution
import Search
import SearchSpace
import Supernet
import Support

/// The loop of asks and tells, for every algorithm of `Search`:
///
///     ask → for every drawn network: likelihood on a training batch and its weighted gradient
///         → the weights move → for every network: likelihood on a validation batch
///         → tell → the distribution moves
final class AskTellMethod: RunMethod {
    private let setup: RunSetup
    private let algorithm: Algorithm
    private let meter: ChildMeter
    let supernet: Supernet
    private(set) var search: Search
    /// Where the result comes from if the distribution does not learn.
    private(set) var finalists = Finalists()

    var distribution: ArchitectureDistribution { search.distribution }

    init(
        _ setup: RunSetup, _ algorithm: Algorithm, _ meter: ChildMeter
    ) throws(FPNASError) {
        self.setup = setup
        self.algorithm = algorithm
        self.meter = meter
        supernet = try setup.supernet()
        supernet.sharesPrefixes = !setup.options.evaluatesEachDraw
        search = try Search(
            space: setup.space,
            options: try setup.options.searchOptions(
                algorithm, stepsPerEpoch: setup.stepsPerEpoch, costTarget: setup.costTarget))
        if setup.options.costWeight > 0, setup.options.budgetMode == .hard {
            try search.add(try SearchBudget(.hard, setup.costs, most: setup.budget))
        }
    }

    // MARK: - One step

    func step(
        _ turn: RunTurn, _ progress: inout RunProgress, _ sums: inout EpochSums
    ) throws(FPNASError) {
        let ask = try search.ask()
        do throws(FPNASError) {
            try trainAndTell(ask, turn, &progress, &sums)
        } catch {
            supernet.abandonStep()
            try search.close(ask.number)
            throw error
        }
    }

    private func trainAndTell(
        _ ask: Ask, _ turn: RunTurn, _ progress: inout RunProgress, _ sums: inout EpochSums
    ) throws(FPNASError) {
        var networks: [Network] = []
        for architecture in ask.architectures {
            networks.append(try setup.space.network(architecture))
        }
        supernet.beginStep()
        let eachDraw = setup.options.evaluatesEachDraw
        // The place among the distinct networks of each that is run.
        let runs =
            eachDraw
            ? ask.multiplicities.enumerated().flatMap {
                repeatElement($0.offset, count: $0.element)
            }
            : Array(networks.indices)
        let samples = runs.map {
            Sample(networks[$0], multiplicity: eachDraw ? 1 : ask.multiplicities[$0])
        }
        let before = supernet.blockCounts
        let trained = try named(ask, runs, turn.step) { () throws(FPNASError) in
            try supernet.accumulate(
                samples, images: turn.train.images, labels: turn.train.labels,
                likelihoodScale: setup.options.resolvedWeightLikelihoodScale,
                loss: Loss(weights: turn.train.lossWeights(setup.options.data)))
        }
        for (result, sample) in zip(trained, samples) {
            sums.add(training: result.logLikelihood, sample.multiplicity)
        }
        progress.blockEvaluations += supernet.blockCounts.evaluated - before.evaluated
        progress.blocksDrawn += supernet.blockCounts.drawn - before.drawn
        try supernet.finishStep(turn.weights)
        var logLikelihoods = [Double](repeating: 0, count: networks.count)
        let validated = try named(ask, runs, turn.step) { () throws(FPNASError) in
            try supernet.withAverage { () throws(FPNASError) in
                try supernet.evaluate(
                    samples.map(\.network), images: turn.validation.images,
                    labels: turn.validation.labels,
                    weights: turn.validation.lossWeights(setup.options.data))
            }
        }
        for (k, (result, sample)) in zip(runs, zip(validated, samples)) {
            logLikelihoods[k] = result.logLikelihood
            sums.add(
                validation: result.logLikelihood,
                accuracy: Double(result.correct) / Double(turn.validation.count),
                sample.multiplicity)
        }
        try search.tell(ask.number, logLikelihoods: logLikelihoods)
        guard !algorithm.movesDistribution else { return }
        for (i, value) in logLikelihoods.enumerated()
        where networks[i].cost().macs <= setup.budget {
            finalists.offer(ask.architectures[i], value)
        }
    }

    var closingSteps: Int { algorithm.movesDistribution ? 0 : Finalists.most }

    /// Measures the next finalist; an error leaves them as they were.
    func closingStep() throws(FPNASError) {
        guard let architecture = finalists.next else { return }
        let network = try setup.space.network(architecture)
        finalists.record(try meter.measure(network, supernet, on: .validation).logLikelihood)
    }

    /// Names step and architecture where a loss is no number.
    private func named<T>(
        _ ask: Ask, _ runs: [Int], _ step: Int, _ body: () throws(FPNASError) -> T
    ) throws(FPNASError) -> T {
        do throws(FPNASError) { return try body() } catch {
            guard error.code == .state, let k = supernet.failedNetwork,
                runs.indices.contains(k)
            else { throw error }
            throw FPNASError(
                .state, "step \(step), architecture \(ask.architectures[runs[k]]): \(error.message)"
            )
        }
    }

    // MARK: - Progress and result

    func write(to progress: inout RunProgress) {
        let search = search.progress
        progress.sampleCount = search.sampleCount
        progress.samplesDrawn = search.samplesDrawn
        progress.evaluations = search.evaluations
        progress.initialEntropy = search.initialEntropy
        progress.entropy = search.entropy
        progress.effectiveSamples = search.effectiveSamples
        progress.skipProbability = search.skipProbability
        progress.isJoint = search.form == .joint
        progress.stopReason = search.stopReason
    }

    /// The most probable network within the budget; of random search and evolution, the finalist of
    /// the highest likelihood of all validation images; until one is measured, of its own batch.
    func result() throws(FPNASError) -> RankedArchitecture {
        if let best = finalists.best {
            return RankedArchitecture(
                architecture: best,
                logProbability: try distribution.canonicalLogProbability(best))
        }
        return try setup.mostProbable(under: distribution)
    }

    // MARK: - Checkpoints

    func encode(into writer: inout ByteWriter) throws(FPNASError) {
        search.encode(into: &writer)
        try supernet.save(to: &writer)
        finalists.encode(into: &writer)
    }

    func restore(from reader: inout ByteReader) throws(FPNASError) {
        search = try Search(space: setup.space, from: &reader)
        try supernet.restore(from: &reader)
        finalists = try Finalists(from: &reader, setup.space)
    }
}
