import ArchitectureCost
@testable import Experiment
import Formats
import Glibc
import ImageData
import Search
import SearchSpace
import Support
import Testing

/// Bars of three orientations with noise: a class is easy to learn, an image is never the same.
func bars(_ count: Int, seed: UInt64) throws -> ImageSet {
    let random = Philox(seed: seed, stream: .baselines)
    let pixels = try Buffer<UInt8>(count * 64, of: "bars")
    var labels: [Int32] = []
    for image in 0..<count {
        let label = image % 3
        let place = random.integer(below: 6, step: 1, index: image) + 1
        for p in 0..<64 {
            let (y, x) = (p / 8, p % 8)
            let on = label == 0 ? y == place : label == 1 ? x == place : (x + y) % 8 == place
            let noise = random.integer(below: 60, step: 2, sample: image, index: p)
            pixels[image * 64 + p] = UInt8(on ? 255 - noise : noise)
        }
        labels.append(Int32(label))
    }
    return ImageSet(
        height: 8, width: 8, channels: 1, pixels: pixels, labels: labels,
        classNames: ["row", "column", "diagonal"])
}

func barSpace() throws -> SearchSpace {
    let kernels = AttributeValues.searched([0, 3].map(Choice.integer))
    let widths = AttributeValues.searched([4, 8].map(Choice.integer))
    return try SearchSpace(
        name: "bars",
        layers: [
            try .block("stem", .convolution, [(.channels, .fixed(.integer(8)))]),
            try .block(
                "a", .mbconv, stride: 2,
                [(.kernel, kernels), (.expansion, widths), (.channels, widths)]),
            try .block(
                "b", .mbconv,
                [
                    (.kernel, kernels), (.squeezeExcite, .searched([0, 1].map(Choice.integer))),
                    (.channels, widths),
                ]),
            try .block("classifier", .classifier, []),
        ],
        input: ImageShape(height: 8, width: 8, channels: 1), classes: 3)
}

private func options(_ change: (inout RunOptions) -> Void = { _ in }) -> RunOptions {
    var options = RunOptions()
    options.epochs = 4
    options.batchSize = 16
    options.imageSize = 8
    options.samplesPerNat = 0.6
    options.warmUpEpochs = 1
    options.threads = 2
    options.seed = 5
    change(&options)
    return options
}

private func data() throws -> Dataset {
    Dataset(train: try bars(120, seed: 1), test: try bars(60, seed: 2))
}

@Suite struct RunTests {
    private func finish(_ run: SearchRun) throws { while !run.isDone { try run.step() } }

    @Test func aHardBudgetHoldsForEveryNetwork() throws {
        let space = try barSpace()
        let costs = try CostTable(space).chain(of: .macs)
        let target = (costs.range.lowerBound + costs.range.upperBound) / 2
        let run = try SearchRun(
            data: try data(), space: space,
            options: options {
                $0.budgetMode = .hard
                $0.costTarget = Double(target)
                $0.samplesPerNat = 3
            })
        #expect(run.budget == target)
        var most = 0
        while !run.isDone {
            // The networks that the step will draw: asks are a function of the state.
            let search = try #require(run.search)
            let twin = try Checkpoint.decodeSearch(try Checkpoint.encode(search), name: "twin")
            for row in try twin.ask().architectures { most = max(most, try costs.cost(of: row)) }
            try run.step()
        }
        #expect(most > 0 && most <= target)
        #expect(try costs.cost(of: try run.result().architecture) <= target)
        #expect(throws: FPNASError.self) {
            try SearchRun(
                data: try data(), space: space,
                options: options {
                    $0.budgetMode = .hard
                    $0.costTarget = Double(costs.range.lowerBound - 1)
                })
        }
    }

    @Test func aSeedFixesTheRunOnAnyNumberOfThreads() throws {
        let a = try SearchRun(data: try data(), space: try barSpace(), options: options())
        let b = try SearchRun(
            data: try data(), space: try barSpace(), options: options { $0.threads = 1 })
        let c = try SearchRun(
            data: try data(), space: try barSpace(), options: options { $0.seed = 6 })
        for run in [a, b, c] { try finish(run) }
        #expect(a.search?.progress == b.search?.progress)
        #expect(a.search?.progress != c.search?.progress)
        #expect(a.history.count == 4 && a.progress.isJoint)
    }

    @Test func theWeightsHaveALikelihoodScaleOfTheirOwn() throws {
        // Random draws do not depend on what is told, so that only the weights can differ.
        func trained(_ scale: Double, weights: Double) throws -> [Double] {
            let run = try SearchRun(
                data: try data(), space: try barSpace(),
                options: options {
                    $0.algorithm = .search(.random)
                    $0.likelihoodScale = scale
                    $0.weightLikelihoodScale = weights
                })
            try finish(run)
            return run.history.map(\.trainLogLikelihood)
        }
        let same = try trained(30, weights: -1)
        #expect(try trained(2, weights: 30) == same)
        #expect(try trained(30, weights: 0) == trained(2, weights: 0))
        #expect(try trained(30, weights: 0) != same)
        #expect(try trained(0, weights: -1) == trained(30, weights: 0))
    }

    @Test(arguments: [0, 0.3, 0.5, 1]) func warmUpMayBeAShareOfTheRun(share: Double) throws {
        let run = try SearchRun(
            data: try data(), space: try barSpace(),
            options: options {
                $0.warmUpShare = share
                $0.warmUpEpochs = 3
                $0.jointEpoch = 4
            })
        let still = Int(Double(run.progress.steps) * share)
        while !run.isDone {
            try run.step()
            let moved = run.progress.entropy != run.progress.initialEntropy
            #expect(moved == (run.progress.step > still))
        }
    }

    @Test(arguments: [1, 5, 8]) func aResumedRunIsTheUninterruptedOne(at step: Int) throws {
        let path = "/tmp/fpnas-run-\(getpid())-\(step).fpnas"
        defer { unlink(path) }
        let whole = try SearchRun(data: try data(), space: try barSpace(), options: options())
        var parts = try SearchRun(data: try data(), space: try barSpace(), options: options())
        for _ in 0..<step { try parts.step() }
        try parts.save(path)
        parts = try SearchRun(resuming: path, data: try data())
        #expect(parts.progress.step == step)
        try finish(whole)
        try finish(parts)
        #expect(parts.search?.progress == whole.search?.progress)
        #expect(try parts.result().architecture == whole.result().architecture)
        func timeless(_ rows: [RunProgress]) -> [RunProgress] {
            rows.map { row in
                var row = row
                row.seconds = 0
                row.secondsLeft = 0
                return row
            }
        }
        #expect(timeless(parts.history) == timeless(whole.history))
    }

    @Test func damagedAndForeignCheckpointsAreRefused() throws {
        let path = "/tmp/fpnas-run-\(getpid())-damaged.fpnas"
        defer { unlink(path) }
        let run = try SearchRun(data: try data(), space: try barSpace(), options: options())
        try run.step()
        let bytes = try run.encode()
        for count in stride(from: 0, to: bytes.count, by: 997) {
            try Files.replace(path, with: Array(bytes.prefix(count)))
            let error = #expect(throws: FPNASError.self) {
                try SearchRun(resuming: path, data: try data())
            }
            #expect(error?.message.contains(path) == true)
        }
        // Past the checksum: payloads cut or altered must be refused or harmless too.
        let payload = Array(try Checkpoint.open(bytes, name: "test").payload)
        for count in stride(from: 0, to: payload.count, by: 1499) {
            try Files.replace(path, with: Checkpoint.seal(Array(payload.prefix(count)), as: .run))
            #expect(throws: FPNASError.self) { try SearchRun(resuming: path, data: try data()) }
        }
        try Files.replace(path, with: bytes)
        let other = Dataset(train: try bars(120, seed: 9), test: nil)
        let error = #expect(throws: FPNASError.self) { try SearchRun(resuming: path, data: other) }
        #expect(error?.message.contains("other images") == true)
        guard case .search(let stored) = try SearchRun.stored(bytes, name: path) else {
            Issue.record("a search is stored as something else")
            return
        }
        #expect(stored.progress == run.search?.progress)
    }

    @Test func theResultKeepsTheBudget() throws {
        let run = try SearchRun(
            data: try data(), space: try barSpace(),
            options: options {
                $0.costWeight = 1; $0.epochs = 6
            })
        try finish(run)
        let macs = try run.space.network(run.result().architecture).cost().macs
        #expect(Double(macs) <= 1.02 * run.progress.costTarget)
        let error = #expect(throws: FPNASError.self) {
            try SearchRun(
                data: try data(), space: try barSpace(), options: options { $0.costTarget = 1 })
        }
        #expect(error?.code == .infeasible)
    }

    @Test func optionsOfOneAlgorithmReachIt() throws {
        let path = "/tmp/fpnas-strategy-\(UInt64.random(in: 0...UInt64.max))"
        defer { unlink(path) }
        let run = try SearchRun(
            data: try data(), space: try barSpace(),
            options: options {
                $0.algorithm = .search(.reinforce)
                $0.strategy.populationSize = 7
                $0.strategy.tournamentSize = 3
                $0.strategy.rewardExponent = -0.5
                $0.strategy.baselineDecay = 0.25
                $0.strategy.entropyWeight = 0.125
                $0.strategy.clipRange = 0.375
                $0.strategy.clipEpochs = 2
            })
        try run.save(path)
        for one in [run, try SearchRun(resuming: path, data: try data())] {
            let search = try #require(one.search?.options)
            #expect(search.populationSize == 7 && search.tournamentSize == 3)
            #expect(search.rewardExponent == -0.5 && search.baselineDecay == 0.25)
            #expect(search.entropyWeight == 0.125 && search.clipRange == 0.375)
            #expect(search.clipEpochs == 2 && one.options == run.options)
        }
    }

    @Test(arguments: [RunAlgorithm.search(.random), .search(.evolution)])
    func theResultIsTheBestFinalist(algorithm: RunAlgorithm) throws {
        let run = try SearchRun(
            data: try data(), space: try barSpace(),
            options: options {
                $0.algorithm = algorithm
                $0.sampleCount = 8
                $0.training.weightAveraging = 0.9
                $0.selectionImages = 7  // bignas's alone
            })
        let method = try #require(run.method as? AskTellMethod)
        while run.progress.step < run.trainingSteps { try run.step() }
        let ranked = method.finalists.ranked
        #expect(try run.result().architecture == ranked.first?.architecture)
        #expect(run.progress.steps == run.trainingSteps + Finalists.most)
        #expect(Set(ranked.map(\.architecture)).count == ranked.count && ranked.count > 1)
        #expect(zip(ranked, ranked.dropFirst()).allSatisfy { $0.logLikelihood >= $1.logLikelihood })
        try finish(run)
        #expect(method.finalists.ranked.map(\.architecture) == ranked.map(\.architecture))
        let half = try DataSplit.stratified(
            run.pipeline.trainIndices, of: run.pipeline.train, share: 0.5, seed: 5, salt: 1
        ).second
        let batch = try ImageBatch(capacity: 16, run.pipeline)
        var best: (architecture: [Int32], logLikelihood: Double) = ([], -.infinity)
        for (i, finalist) in ranked.enumerated() {
            let network = try run.space.network(finalist.architecture)
            #expect(network.cost().macs <= run.budget)
            // It leaves the statistics that it measured with.
            let again = try run.meter.measure(network, method.supernet, on: .validation)
            #expect(again.logLikelihood == method.finalists.measured[i])
            var sum = 0.0
            for start in stride(from: 0, to: half.count, by: 16) {
                try batch.fill(
                    run.pipeline, from: run.pipeline.train,
                    half[start..<min(start + 16, half.count)], augmentation: nil)
                sum +=
                    try method.supernet.withAverage { () throws(FPNASError) in
                        try method.supernet.evaluate(
                            network, images: batch.images, labels: batch.labels,
                            statistics: .running)
                    }.logLikelihood * Double(batch.count)
            }
            #expect(abs(sum / Double(half.count) - again.logLikelihood) < 1e-6)
            if again.logLikelihood > best.logLikelihood {
                best = (finalist.architecture, again.logLikelihood)
            }
        }
        #expect(try run.result().architecture == best.architecture)
    }

    /// Before the last batches, and while they are measured.
    @Test(arguments: [RunAlgorithm.search(.random), .search(.evolution)])
    func finalistsSurviveAResume(algorithm: RunAlgorithm) throws {
        let path = "/tmp/fpnas-finalists-\(getpid())-\(algorithm.name).fpnas"
        defer { unlink(path) }
        func found(_ stops: [Int]) throws -> (finalists: Finalists?, result: [Int32]) {
            var run = try SearchRun(
                data: try data(), space: try barSpace(),
                options: options {
                    $0.algorithm = algorithm; $0.sampleCount = 8
                })
            while !run.isDone {
                if stops.contains(run.progress.step - run.trainingSteps) {
                    try run.save(path)
                    run = try SearchRun(resuming: path, data: try data())
                }
                try run.step()
            }
            return (
                (run.method as? AskTellMethod)?.finalists, try run.result().architecture
            )
        }
        let (whole, parts) = (try found([]), try found([-2, 5, Finalists.most - 1]))
        #expect(whole.finalists?.measured.isEmpty == false)
        #expect(parts.finalists == whole.finalists && parts.result == whole.result)
    }

    @Test func finalistsAreTheBestOfDistinctNetworks() {
        var finalists = Finalists()
        for i in 0..<40 { finalists.offer([Int32(i % 20)], Double(i * 7 % 40)) }
        // Of 20 networks, each offered twice, the better offer: i and i + 20 are 140 = 20 apart.
        let offers = (0..<20).map { ($0, max($0 * 7 % 40, ($0 * 7 + 20) % 40)) }
        let expected = offers.sorted { $0.1 > $1.1 }.prefix(Finalists.most)
        let networks: [[Int32]] = expected.map { [Int32($0.0)] }
        func ranked() -> [[Int32]] { finalists.ranked.map { $0.architecture } }
        #expect(ranked() == networks)
        #expect(finalists.ranked.map { $0.logLikelihood } == expected.map { Double($0.1) })
        finalists.offer([99], -1)
        finalists.offer(networks[3], -1)
        #expect(ranked() == networks)
    }

    @Test func everyAlgorithmRuns() throws {
        for algorithm in RunAlgorithm.allCases {
            let run = try SearchRun(
                data: try data(), space: try barSpace(),
                options: options {
                    $0.algorithm = algorithm; $0.epochs = 2; $0.sampleCount = 3
                })
            try finish(run)
            let macs = try run.space.network(run.result().architecture).cost().macs
            #expect(macs <= run.budget)
            #expect(throws: FPNASError.self) { try run.step() }
        }
    }

    @Test func reportsHoldWhatTheRunFound() throws {
        let folder = "/tmp/fpnas-report-\(getpid())/run"
        defer { system("rm -rf /tmp/fpnas-report-\(getpid())") }
        let run = try SearchRun(
            data: try data(), space: try barSpace(), options: options { $0.epochs = 2 })
        try finish(run)
        try RunReport.write(run, to: folder)
        let stored = try ArchitectureJSON.load(folder + "/architecture.json")
        #expect(try stored.architecture == run.result().architecture)
        let lines = String(decoding: try Files.read(folder + "/history.csv"), as: UTF8.self).split(
            separator: "\n")
        #expect(lines.count == 3 && lines[0].hasPrefix("epoch,step,sample_count"))
        #expect(try PNG.read(folder + "/distribution.png").channels == 3)
        #expect(try PNG.read(folder + "/history.png").channels == 3)
    }

    @Test func retrainingLearnsAndIsReproducible() throws {
        let space = try barSpace()
        let network = space.largestArchitecture()
        var settings = RetrainOptions()
        settings.epochs = 12
        settings.batchSize = 16
        settings.imageSize = 8
        settings.maximumShift = 0
        var results: [(accuracy: Double, logLikelihood: Double)] = []
        for threads in [1, 2] {
            settings.threads = threads
            let run = try RetrainRun(
                data: try data(), space: space, architecture: network, options: settings)
            while !run.isDone { try run.advance() }
            results.append(try run.test())
            #expect(throws: FPNASError.self) { try run.advance() }
        }
        #expect(results[0].accuracy > 0.9)
        #expect(results[0].logLikelihood == results[1].logLikelihood)
    }

    @Test func randomRivalsHaveTheSameCost() throws {
        let space = try Preset.mbconvSmall.space(
            input: ImageShape(height: 16, width: 16, channels: 1), classes: 10)
        for seed in UInt64(0)..<5 {
            let macs = try space.network(RandomNetwork.near(macs: 400_000, in: space, seed: seed))
                .cost().macs
            #expect((360_000...408_000).contains(macs))
        }
        // The cheapest network has rivals too: itself at least.
        let chain = try CostTable(space).chain(of: .macs)
        let least = chain.range.lowerBound
        let rival = try space.network(RandomNetwork.near(macs: least, in: space, seed: 1))
        #expect(rival.cost().macs <= least * 102 / 100)
        #expect(throws: FPNASError.self) { try RandomNetwork.near(macs: 1000, in: space, seed: 1) }
    }

    @Test func badOptionsAndSmallSetsAreRefusedByName() throws {
        func refuses(_ name: String, _ change: (inout RunOptions) -> Void) {
            let error = #expect(throws: FPNASError.self) { try options(change).check() }
            #expect(error?.message.contains(name) == true)
        }
        refuses("epochs") { $0.epochs = 0 }
        refuses("batch_size") { $0.batchSize = 1 }
        refuses("threads") { $0.threads = 257 }
        refuses("image_size") { $0.imageSize = -1 }
        refuses("maximum_shift") { $0.maximumShift = -1 }
        refuses("joint_epoch") { $0.jointEpoch = -2 }
        refuses("warm_up_epochs") { $0.warmUpEpochs = -1 }
        refuses("warm_up_share") { $0.warmUpShare = 1.1 }
        refuses("warm_up_share") { $0.warmUpShare = -0.5 }
        refuses("weight_likelihood_scale") { $0.weightLikelihoodScale = -2 }
        refuses("weight_likelihood_scale") { $0.weightLikelihoodScale = .nan }
        refuses("weight_rate") { $0.weightRate = .nan }
        refuses("momentum") { $0.momentum = 1 }
        refuses("weight_decay") { $0.weightDecay = -1 }
        refuses("samples_per_nat") { $0.samplesPerNat = 0 }
        let tiny = Dataset(train: try bars(4, seed: 1), test: nil)
        let error = #expect(throws: FPNASError.self) {
            try SearchRun(data: tiny, space: try barSpace(), options: options())
        }
        #expect(error?.message.contains("class 'row' has 2 images, at least 3") == true)
    }

    @Test func aLossThatIsNoNumberStopsTheStepAndChangesNothing() throws {
        let run = try SearchRun(
            data: try data(), space: try barSpace(),
            options: options {
                $0.weightRate = 100; $0.momentum = 0.99; $0.epochs = 40
            })
        var before = run.search?.progress
        let error = #expect(throws: FPNASError.self) {
            while !run.isDone {
                before = run.search?.progress
                try run.step()
            }
        }
        #expect(error?.code == .state)
        #expect(run.search?.progress.steps == before?.steps)
        #expect(run.search?.progress.entropy == before?.entropy)
        #expect(run.search?.openAskNumbers.isEmpty == true)
    }
}
