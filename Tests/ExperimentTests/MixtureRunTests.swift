import Experiment
import Glibc
import ImageData
import Search
import SearchSpace
import Support
import Testing

/// Runs of darts and fbnetv2: the same seam as the searches, so the same promises.
@Suite struct MixtureRunTests {
    private func options(
        _ algorithm: MixtureAlgorithm, _ change: (inout RunOptions) -> Void = { _ in }
    ) -> RunOptions {
        var options = RunOptions()
        options.algorithm = .mixture(algorithm)
        options.epochs = 6
        options.batchSize = 16
        options.imageSize = 8
        options.warmUpEpochs = 1
        options.threads = 2
        options.seed = 5
        change(&options)
        return options
    }

    private func run(_ options: RunOptions) throws -> SearchRun {
        try SearchRun(
            data: Dataset(train: try bars(240, seed: 1), test: try bars(60, seed: 2)),
            space: try barSpace(), options: options)
    }

    private func finish(_ run: SearchRun) throws { while !run.isDone { try run.step() } }

    private func logits(_ run: SearchRun) -> [Double] {
        (0..<run.distribution.logitCount).map { run.distribution.logits[$0] }
    }

    @Test(arguments: MixtureAlgorithm.allCases) func learnsBars(
        algorithm: MixtureAlgorithm
    ) throws {
        let run = try run(
            options(algorithm) {
                $0.epochs = 16; $0.costWeight = 0
            })
        try finish(run)
        // Three classes; a network of skips alone sees no bars.
        #expect(run.progress.validationAccuracy > 0.9)
        #expect(run.progress.entropy < run.progress.initialEntropy)
        #expect(run.progress.samplesDrawn == 0 && run.progress.sampleCount == 0)
        // Two candidates with a kernel and two projections a layer, stem and classifier: of every
        // training step.
        #expect(run.progress.blockEvaluations == run.progress.steps * candidates(run.space))
        var retraining = RetrainOptions()
        retraining.epochs = 12
        retraining.batchSize = 16
        retraining.imageSize = 8
        retraining.maximumShift = 0
        let network = try RetrainRun(
            data: Dataset(train: try bars(120, seed: 1), test: try bars(60, seed: 2)),
            space: run.space, architecture: try run.result().architecture, options: retraining)
        while !network.isDone { try network.advance() }
        #expect(try network.test().accuracy > 0.9)
    }

    private func candidates(_ space: SearchSpace) -> Int {
        // stem; a: kernel 3 with and without an expansion is one block, and the strided skip; b:
        // kernel 3 with and without attention, and a skip to another width; classifier.
        (try? MixedNetwork(space).candidateCount) ?? 0
    }

    @Test func theBudgetPullsTheResultDown() throws {
        for algorithm in MixtureAlgorithm.allCases {
            let free = try run(
                options(algorithm) {
                    $0.costWeight = 0; $0.learningRate = 0.1
                })
            let bound = try run(
                options(algorithm) {
                    $0.costWeight = 30
                    $0.learningRate = 0.1
                    $0.costTarget = Double(free.costs.range.lowerBound) * 1.2
                })
            try finish(free)
            try finish(bound)
            #expect(bound.progress.expectedMACs < free.progress.expectedMACs)
            let macs = try bound.space.network(bound.result().architecture).cost().macs
            #expect(macs <= bound.budget)
            let most = free.costs.range.upperBound
            let hard = try run(
                options(algorithm) {
                    $0.budgetMode = .hard; $0.costTarget = Double(most)
                })
            #expect(hard.budget == most)
        }
    }

    @Test(arguments: [(0, false, 3), (0, true, 10), (1, false, 11)]) func aResumedRunIsTheSame(
        number: Int, isSecondOrder: Bool, at step: Int
    ) throws {
        let algorithm = MixtureAlgorithm.allCases[number]
        let path = "/tmp/fpnas-mixture-\(getpid())-\(number)-\(step).fpnas"
        defer { unlink(path) }
        let settings = options(algorithm) {
            $0.mixture.isSecondOrder = isSecondOrder; $0.epochs = 3
        }
        let whole = try run(settings)
        try finish(whole)
        let first = try run(settings)
        for _ in 0..<step { try first.step() }
        try first.save(path)
        let second = try SearchRun(
            resuming: path,
            data: Dataset(train: try bars(240, seed: 1), test: try bars(60, seed: 2)), threads: 1)
        #expect(second.progress.step == step && second.search == nil)
        try finish(second)
        #expect(logits(second) == logits(whole))
        #expect(second.progress.validationLogLikelihood == whole.progress.validationLogLikelihood)
        #expect(second.history.count == 3)
        let bytes = try first.encode()
        guard case .mixture(let stored) = try SearchRun.stored(bytes, name: path) else {
            Issue.record("a mixture is stored as something else")
            return
        }
        #expect(stored.steps == step && stored.distribution.entropy == first.progress.entropy)
        // Payloads cut short are refused.
        for count in stride(from: 100, to: bytes.count, by: 4999) {
            try Files.replace(path, with: Array(bytes.prefix(count)))
            #expect(throws: FPNASError.self) {
                try SearchRun(
                    resuming: path, data: Dataset(train: try bars(240, seed: 1), test: nil))
            }
        }
    }

    /// Cells: they learn, and go on from any step as if nothing had been, on other threads.
    @Test(
        arguments: MixtureAlgorithm.allCases,
        [
            CellNetwork.nasBench201(channels: 4, cells: 1),
            .darts(channels: 2, cells: 3),
        ])
    func cellsLearnAndResume(algorithm: MixtureAlgorithm, cells: CellNetwork) throws {
        let path = "/tmp/fpnas-cells-\(getpid())-\(algorithm)-\(cells.name).fpnas"
        defer { unlink(path) }
        let data = Dataset(train: try bars(120, seed: 1), test: try bars(60, seed: 2))
        let settings = options(algorithm) {
            $0.epochs = 4
            $0.costWeight = 1
            $0.mixture.isSecondOrder = algorithm == .darts
        }
        let space = try SearchSpace(
            name: cells.name, cells: cells, input: ImageShape(height: 8, width: 8, channels: 1),
            classes: 3)
        let whole = try SearchRun(data: data, space: space, options: settings)
        var before = logits(whole)
        var moves = 0
        while !whole.isDone {
            try whole.step()
            if logits(whole) != before { moves += 1 }
            before = logits(whole)
            if whole.progress.step == 7 { try whole.save(path) }
        }
        #expect(moves > 0 && whole.progress.blockEvaluations > 0)
        let second = try SearchRun(resuming: path, data: data, threads: 1)
        #expect(second.progress.step == 7)
        try finish(second)
        #expect(logits(second) == logits(whole))
        #expect(second.progress.validationLogLikelihood == whole.progress.validationLogLikelihood)
        let found = try whole.result().architecture
        #expect(try space.network(found).cost().macs <= whole.budget)
        // Without a budget, every variable's largest logit.
        let free = try SearchRun(
            data: data, space: space,
            options: options(algorithm) {
                $0.epochs = 2; $0.costWeight = 0
            })
        try finish(free)
        let row = try free.result().architecture
        for v in row.indices {
            let own = free.distribution.groupOffsets[v]..<free.distribution.groupOffsets[v + 1]
            let values = own.map { free.distribution.logits[$0] }
            #expect(values[Int(row[v])] == values.max())
        }
    }

    /// The size of the images is chosen like everything else, at its exact cost.
    @Test(arguments: MixtureAlgorithm.allCases) func resolutionsAreSearched(
        algorithm: MixtureAlgorithm
    ) throws {
        let path = "/tmp/fpnas-sizes-\(getpid())-\(algorithm).fpnas"
        defer { unlink(path) }
        let data = Dataset(train: try bars(120, seed: 1), test: try bars(60, seed: 2))
        let space = try SearchSpace(
            name: "sizes",
            layers: [
                .block(
                    "size", .resolution, [(.factor, .searched([1, 2, 4].map(Choice.integer)))])
            ] + barSpace().layers, input: ImageShape(height: 8, width: 8, channels: 1), classes: 3)
        func finished(_ weight: Double, saving: Bool = false) throws -> SearchRun {
            let run = try SearchRun(
                data: data, space: space,
                options: options(algorithm) {
                    $0.learningRate = 0.1
                    $0.costWeight = weight
                    $0.costTarget = 400
                })
            while !run.isDone {
                try run.step()
                if saving && run.progress.step == 9 { try run.save(path) }
            }
            return run
        }
        let (free, bound) = (try finished(0), try finished(100, saving: true))
        // The cheapest are the smallest images.
        let size = 0..<3
        let values = size.map { bound.distribution.logits[$0] }
        #expect(values[2] == values.max() && values[0] == values.min())
        #expect(bound.progress.expectedMACs < free.progress.expectedMACs)
        let second = try SearchRun(resuming: path, data: data, threads: 1)
        try finish(second)
        #expect(logits(second) == logits(bound))
    }

    /// Enumerated: of all networks within the budget none loses less; without one, every variable
    /// has its largest logit.
    @Test func theResultIsTheLargestLogits() throws {
        let run = try run(
            options(.darts) {
                $0.costWeight = 0.5; $0.epochs = 3
            })
        try finish(run)
        let space = run.space
        let found = try run.result().architecture
        func loss(_ row: [Int32]) -> Double {
            var sum = 0.0
            for v in row.indices {
                let parent = space.parents[v]
                guard parent < 0 || space.existence[v][Int(row[parent])] else { continue }
                let own = run.distribution.groupOffsets[v]..<run.distribution.groupOffsets[v + 1]
                let peak = own.map { run.distribution.logits[$0] }.max() ?? 0
                sum += peak - run.distribution.logits[own.lowerBound + Int(row[v])]
            }
            return sum
        }
        var rows: [[Int32]] = [[]]
        for count in space.choiceCounts {
            rows = rows.flatMap { row in (0..<count).map { row + [Int32($0)] } }
        }
        let within = try rows.filter {
            try space.network($0).cost().macs <= run.budget
        }
        #expect(within.count < rows.count)
        let least = try #require(within.map(loss).min())
        #expect(abs(loss(found) - least) < 1e-9)
    }

    @Test func theWarmUpAndTheShareDecideWhenLogitsMove() throws {
        // 192 images for weights in 12 batches, 48 for the logits in 3.
        let run = try run(
            options(.fbnetV2) {
                $0.epochs = 3; $0.costWeight = 0
            })
        #expect(run.progress.steps == 36)
        var moved: [Int] = []
        while !run.isDone {
            let before = logits(run)
            try run.step()
            if logits(run) != before { moved.append(run.progress.step) }
        }
        #expect(moved == [16, 20, 24, 28, 32, 36])
    }

    @Test func theSecondOrderIsAnotherGradient() throws {
        var found: [[Double]] = []
        for isSecondOrder in [false, true] {
            let run = try run(
                options(.darts) {
                    $0.mixture.isSecondOrder = isSecondOrder; $0.epochs = 2
                })
            try finish(run)
            found.append(logits(run))
        }
        #expect(found[0] != found[1])
        #expect(zip(found[0], found[1]).allSatisfy { abs($0 - $1) < 0.2 })
    }

    @Test func whatIsNotForMixturesIsRefusedByName() throws {
        func refuses(
            _ name: String, _ algorithm: MixtureAlgorithm = .darts,
            _ change: (inout RunOptions) -> Void
        ) {
            let error = #expect(throws: FPNASError.self) { try options(algorithm, change).check() }
            #expect(error?.message.contains(name) == true)
        }
        refuses("stochastic_depth") { $0.training.stochasticDepth = 0.1 }
        refuses("second_order", .fbnetV2) { $0.mixture.isSecondOrder = true }
        refuses("weight_averaging") {
            $0.mixture.isSecondOrder = true
            $0.training.weightAveraging = 0.9
        }
        refuses("second_order is for darts, not for fp-nas") {
            $0.algorithm = .search(.fpNAS)
            $0.mixture.isSecondOrder = true
        }
        refuses("initial_temperature", .fbnetV2) { $0.mixture.initialTemperature = 0 }
        refuses("learning_rate") { $0.learningRate = -0.5 }
        refuses("weights_share") { $0.weightsShare = 0.95 }
    }
}
