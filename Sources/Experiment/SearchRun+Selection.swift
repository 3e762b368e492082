import Search
import Support

extension SearchRun {
    /// Begins to select children for some budgets of MACs from the weights of a finished run of
    /// bignas, as they are; the run is done again when its steps have measured them.
    ///
    /// A selection given before is dropped, the run's own is known to the new one.
    public func select(_ budgets: [Int]) throws(FPNASError) {
        guard let method = method as? BigNASMethod else { throw otherAlgorithm }
        let steps = trainingSteps + method.own.candidateCount
        guard progress.step >= steps else {
            throw FPNASError(
                .state,
                "the run is at step \(progress.step) of \(steps): budgets can be given when it is "
                    + "done")
        }
        try method.select(budgets)
        progress.step = steps
        refreshCounters()
    }

    /// Whether the weights are trained, and children are being measured.
    public var isSelecting: Bool { progress.step >= trainingSteps && !isDone }

    /// The selection given last, else the run's own; nil of other algorithms than bignas.
    public var selection: CoarseToFine? {
        guard let method = method as? BigNASMethod else { return nil }
        return method.later ?? method.own
    }

    /// The best network of at most so many MACs that the selection has measured so far.
    public func selected(within budget: Int) throws(FPNASError) -> Child {
        guard let selection else { throw otherAlgorithm }
        guard let best = selection.best(within: budget) else {
            throw FPNASError(.state, "no network of at most \(budget) MACs has been measured yet")
        }
        return best
    }

    private var otherAlgorithm: FPNASError {
        FPNASError(
            .state, "only bignas selects networks for budgets, this is \(options.algorithm.name)")
    }

    /// Accuracy in [0, 1] and mean log-likelihood of a network on the test images with the shared
    /// weights as they are, its normalisation statistics re-estimated on training images.
    public func test(
        _ architecture: [Int32]
    ) throws(FPNASError) -> (accuracy: Double, logLikelihood: Double) {
        let (logLikelihood, accuracy) = try meter.measure(
            try space.network(architecture), method.supernet, on: .test)
        return (accuracy, logLikelihood)
    }
}
