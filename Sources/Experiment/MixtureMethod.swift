import ArchitectureDistribution
import Search
import SearchSpace
import Supernet
import Support

/// DARTS and FBNetV2: every step runs all networks at once, weighted by coefficients, on both
/// batches; the weights learn from one gradient and the logits behind the coefficients from the
/// other. Both gradients are taken before either moves.
final class MixtureMethod: RunMethod {
    private let setup: RunSetup
    private let algorithm: MixtureAlgorithm
    private let network: MixedNetwork
    let supernet: Supernet
    private var mixture: Mixture
    private let initialEntropy: Double
    private let warmUpSteps: Int

    var distribution: ArchitectureDistribution { mixture.distribution }

    init(_ setup: RunSetup, _ algorithm: MixtureAlgorithm) throws(FPNASError) {
        self.setup = setup
        self.algorithm = algorithm
        let options = setup.options
        network = try MixedNetwork(setup.space)
        supernet = try Supernet(
            mixed: network, capacity: setup.capacity, seed: options.seed,
            threads: options.threadCount, regularisation: options.training.regularisation)
        try supernet.smoothLabels(options.training.labelSmoothing)
        mixture = try Mixture(
            space: setup.space,
            options: options.mixtureOptions(algorithm, stepsPerEpoch: setup.stepsPerEpoch))
        initialEntropy = mixture.distribution.entropy
        warmUpSteps = options.warmUpSteps(stepsPerEpoch: setup.stepsPerEpoch)
    }

    // MARK: - One step

    func step(
        _ turn: RunTurn, _ progress: inout RunProgress, _ sums: inout EpochSums
    ) throws(FPNASError) {
        let coefficients = unsafe Array(mixture.coefficients)
        do throws(FPNASError) {
            let found = turn.learns ? try validate(turn, coefficients) : nil
            supernet.beginStep()
            let start = supernet.blockCounts
            let trained = try supernet.accumulate(
                network, coefficients: coefficients, images: turn.train.images,
                labels: turn.train.labels, loss: loss(turn.train))
            progress.blockEvaluations += supernet.blockCounts.evaluated - start.evaluated
            progress.blocksDrawn += supernet.blockCounts.drawn - start.drawn
            try supernet.finishStep(turn.weights)
            if let gradient = found?.gradient {
                try tell(gradient)
            } else {
                mixture.advance()
            }
            if let batch = found?.batch {
                sums.add(
                    validation: batch.logLikelihood,
                    accuracy: Double(batch.correct) / Double(batch.count), 1)
            }
            sums.add(training: trained.batch.logLikelihood, 1)
        } catch {
            supernet.abandonStep()
            guard error.code == .state else { throw error }
            throw FPNASError(.state, "step \(turn.step): \(error.message)")
        }
    }

    /// The validation batch's likelihood, and after the warm-up its gradient by the
    /// coefficients.
    private func validate(
        _ turn: RunTurn, _ coefficients: [Double]
    ) throws(FPNASError) -> (batch: BatchResult, gradient: [Double]?) {
        guard turn.step >= warmUpSteps else {
            return try supernet.withAverage { () throws(FPNASError) in
                let batch = try supernet.evaluate(
                    network, coefficients: coefficients, images: turn.validation.images,
                    labels: turn.validation.labels,
                    weights: turn.validation.lossWeights(setup.options.data))
                return (batch, nil)
            }
        }
        if setup.options.mixture.isSecondOrder {
            let found = try supernet.unrolledGradient(
                network, coefficients, rate: turn.weights.rate,
                train: MixedBatch(turn.train.images, turn.train.labels, loss(turn.train)),
                validation: MixedBatch(
                    turn.validation.images, turn.validation.labels, loss(turn.validation)))
            return (found.batch, found.coefficientGradient)
        }
        return try supernet.withAverage { () throws(FPNASError) in
            supernet.beginStep()
            defer { supernet.abandonStep() }
            let found = try supernet.accumulate(
                network, coefficients: coefficients, images: turn.validation.images,
                labels: turn.validation.labels, loss: loss(turn.validation))
            return (found.batch, found.coefficientGradient)
        }
    }

    private func loss(_ batch: ImageBatch) -> Loss {
        Loss(weights: batch.lossWeights(setup.options.data))
    }

    /// Moves the logits against the gradient of loss + β · max(0, cost / TAR − 1).
    private func tell(_ gradient: [Double]) throws(FPNASError) {
        var own = [Double](repeating: 0, count: gradient.count)
        let weight = setup.options.costWeight
        if weight > 0 {
            // Images of several sizes have no mean one.
            let form: MixtureCost =
                algorithm == .darts || !setup.costs.hasEffectiveShapes ? .expected : .effective
            let cost = try mixture.cost(setup.costs, form)
            if cost.value > setup.costTarget {
                own = cost.gradient.map { $0 * weight / setup.costTarget }
            }
        }
        let step = UInt64(mixture.steps)
        let result = unsafe gradient.withUnsafeBufferPointer { gradient in
            unsafe own.withUnsafeBufferPointer { own -> FPNASError? in
                do throws(FPNASError) {
                    unsafe try mixture.tell(step, gradient, logitGradients: own)
                    return nil
                } catch { return error }
            }
        }
        if let result { throw result }
    }

    // MARK: - Progress and result

    /// Nothing is drawn, so that counts of samples stay 0.
    func write(to progress: inout RunProgress) {
        progress.initialEntropy = initialEntropy
        progress.entropy = distribution.entropy
        progress.skipProbability = distribution.skipProbability
    }

    /// The choice of the largest logit of every variable; within a budget, the network that loses
    /// least against them.
    func result() throws(FPNASError) -> RankedArchitecture {
        let found = try setup.mostProbable(under: try mixture.decided())
        return RankedArchitecture(
            architecture: found.architecture,
            logProbability: try distribution.canonicalLogProbability(found.architecture))
    }

    // MARK: - Checkpoints

    func encode(into writer: inout ByteWriter) throws(FPNASError) {
        mixture.encode(into: &writer)
        try supernet.save(to: &writer)
    }

    func restore(from reader: inout ByteReader) throws(FPNASError) {
        mixture = try Mixture(space: setup.space, from: &reader)
        try supernet.restore(from: &reader)
    }
}
