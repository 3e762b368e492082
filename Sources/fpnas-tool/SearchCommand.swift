import ArchitectureDistribution
import ArgumentParser
import Experiment
import Formats
import Search
import SearchSpace
import Support

extension SearchBudget.Mode: ExpressibleByArgument {
    public init?(argument: String) {
        guard let place = Self.allValueStrings.firstIndex(of: argument) else { return nil }
        self.init(rawValue: Int32(place))
    }
    public static var allValueStrings: [String] { ["soft", "hard"] }
    public var defaultValueDescription: String { Self.allValueStrings[Int(rawValue)] }
}

extension RunAlgorithm: ExpressibleByArgument {
    public init?(argument: String) { self.init(name: argument) }
    public static var allValueStrings: [String] { allCases.map(\.name) }
    public var defaultValueDescription: String { name }
}

struct SearchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "search",
        abstract: "Search a network for a folder of images.",
        discussion: """
            The folder holds IDX files under MNIST's names or the binary version of CIFAR-10 or \
            CIFAR-100 (plain or .gz), or one subfolder of PNG images for every class. \
            The output folder receives architecture.json, history.csv, \
            history.png, distribution.png and checkpoint.fpnas. Ctrl-C stops cleanly with a \
            checkpoint, from which --resume goes on exactly.
            """)

    @Option(help: "Folder of images.") var data: String
    @Option(help: "Folder for the results.") var out: String
    @Option(help: "Search space: a preset's name or a JSON file.") var space = "mbconv-small"
    @Option(help: "Algorithm.") var algorithm = RunOptions().algorithm
    @Option(help: "λ: samples per nat of entropy.") var samplesPerNat = RunOptions().samplesPerNat
    @Option(help: "K of all algorithms but fp-nas.") var sampleCount = RunOptions().sampleCount
    @Option(help: "θ: epoch after which the joint form is searched; -1 for 53 % of the run.")
    var jointEpoch = RunOptions().jointEpoch
    @Option(help: "TAR in MACs; 0 for half of the uniform expectation.")
    var costTarget = RunOptions().costTarget
    @Option(help: "β of the cost term; 0 for no budget.") var costWeight = RunOptions().costWeight
    @Option(help: "soft: the cost term; hard: no network above the target is ever drawn.")
    var budget = RunOptions().budgetMode
    @Option(help: "Factor on the mean log-likelihoods.")
    var likelihoodScale = RunOptions().likelihoodScale
    @Option(help: "The same in the weights' step; -1 for that.")
    var weightLikelihoodScale = RunOptions().weightLikelihoodScale
    @Option(help: "Adam's rate on the logits; -1 for the algorithm's own.") var learningRate =
        RunOptions().learningRate
    @Option(help: "Epochs that train the weights only.")
    var warmUpEpochs = RunOptions().warmUpEpochs
    @Option(help: "The same as a part of the run, in place of epochs.")
    var warmUpShare = RunOptions().warmUpShare
    @Option(help: "Highest rate of the weights.") var weightRate = RunOptions().weightRate
    @Option(help: "Seed of everything.") var seed = RunOptions().seed
    @Option(help: "Passes over the weights' part of the training images.")
    var epochs = RunOptions().epochs
    @Option(help: "Part of the training images for the weights; 0 for 1/2, fbnetv2 0.8.")
    var weightsShare = RunOptions().weightsShare
    @Option(help: "Images a batch.") var batchSize = RunOptions().batchSize
    @Option(help: "Rows and columns images are resized to; 0 for their own, at least 16.")
    var imageSize = RunOptions().imageSize
    @OptionGroup(title: "Mixtures: darts, fbnetv2") var mixture: MixtureFlags
    @OptionGroup(title: "Images") var images: DataFlags
    @OptionGroup(title: "Training of weights") var training: TrainingFlags
    @OptionGroup(title: "bignas") var selection: SelectionFlags
    @OptionGroup(title: "evolution and reinforce") var strategy: StrategyFlags
    @Option(help: "Threads; 0 for as many as cores.") var threads = RunOptions().threads
    @Option(help: "Epochs between checkpoints.") var checkpointEvery = 10
    @Flag(help: "Equation 7 as printed, without the mean baseline.") var noBaseline = false
    @Flag(help: "Print where the time of the supernet goes, by kind of operator.")
    var profile = false
    @Flag(help: "Go on from the checkpoint in the output folder.") var resume = false
    @Flag(help: "Replace the results of an earlier run in the output folder.") var overwrite = false

    private var options: RunOptions {
        var options = RunOptions()
        options.algorithm = algorithm
        options.samplesPerNat = samplesPerNat
        options.sampleCount = sampleCount
        options.jointEpoch = jointEpoch
        options.costTarget = costTarget
        options.costWeight = costWeight
        options.budgetMode = budget
        options.likelihoodScale = likelihoodScale
        options.learningRate = learningRate
        options.warmUpEpochs = warmUpEpochs
        options.warmUpShare = warmUpShare
        options.weightLikelihoodScale = weightLikelihoodScale
        options.weightRate = weightRate
        options.seed = seed
        options.epochs = epochs
        options.batchSize = batchSize
        options.imageSize = imageSize
        options.maximumShift = images.shift
        options.data = images.options
        options.momentum = training.momentum
        options.training = training.options(rateWarmUp: 0)
        options.weightsShare = weightsShare
        options.mixture = mixture.settings
        options.threads = threads
        options.baseline = noBaseline ? .none : .mean
        selection.put(into: &options)
        options.strategy = strategy.options
        return options
    }

    func validate() throws {
        guard checkpointEvery >= 1 else {
            throw ValidationError("--checkpoint-every must be at least 1, got \(checkpointEvery)")
        }
        do throws(FPNASError) { try options.check() } catch {
            throw ValidationError(error.message)
        }
    }

    func run() throws {
        let checkpoint = out + "/" + RunReport.checkpointFile
        let run: SearchRun
        if resume {
            run = try SearchRun(
                resuming: checkpoint, folder: data, threads: threads > 0 ? threads : nil)
            say(
                "resumed at epoch \(run.progress.epoch) of \(run.progress.epochs), with the "
                    + "checkpoint's options")
        } else {
            guard overwrite || !Files.exists(checkpoint) else {
                throw FPNASError(
                    .state,
                    "'\(checkpoint)' exists: --resume goes on from it, --overwrite starts anew")
            }
            run = try SearchRun(folder: data, space: try givenSpace(), options: options)
        }
        if profile { run.startProfile() }
        try Files.makeFolder(out)
        Interruption.watch()  // before the first line that invites to press Ctrl-C
        describe(run)
        while !run.isDone && !Interruption.isRequested {
            let epoch = run.progress.epoch
            do throws(FPNASError) { try run.step() } catch {
                // An image that cannot be read has changed nothing.
                guard [.io, .format].contains(error.code) else { throw error }
                try run.save(checkpoint)
                try RunReport.write(run, to: out)
                say(stopped(run))
                throw error
            }
            if let line = selectionLine(run) { say(line) }
            guard run.progress.epoch > epoch else { continue }
            say(line(run.progress))
            if run.isSelecting || run.progress.epoch % checkpointEvery == 0 && !run.isDone {
                try run.save(checkpoint)
                try RunReport.write(run, to: out)
            }
        }
        try run.save(checkpoint)
        try RunReport.write(run, to: out)
        guard run.isDone else {
            say(stopped(run))
            throw ExitCode(130)
        }
        try conclude(run)
    }

    private func stopped(_ run: SearchRun) -> String {
        "stopped at step \(run.progress.step) of \(run.progress.steps); go on with: "
            + "fpnas search --data \(data) --out \(out) --resume"
    }

    private func givenSpace() throws -> SearchSpace? {
        if space == Preset.mbconvSmall.rawValue { return nil }
        guard let preset = Preset(rawValue: space) else {
            guard Files.exists(space) else { throw SpaceCommand.unknown(space) }
            return try SpaceJSON.load(space)
        }
        // Adapted to the images when they are known.
        let (shape, classes) = preset.publishedInput
        return try preset.space(input: shape, classes: classes)
    }

    // MARK: - Lines for people

    private func describe(_ run: SearchRun) {
        let shape = run.pipeline.shape
        say(
            "images    \(run.pipeline.trainIndices.count) to train with, "
                + "\(run.pipeline.testIndices.count) to test on, \(run.pipeline.classes) classes, seen as "
                + "\(shape.height)x\(shape.width)x\(shape.channels)")
        say(
            "space     \(run.space.name): \(run.space.rawCount) encodings, "
                + "\(run.space.canonicalCount) networks, "
                + "\(run.space.factorisedLogitCount) logits factorised, "
                + "\(run.space.jointLogitCount.map(String.init) ?? "too many") joint")
        let target = run.costTarget
        say(
            "search    \(run.options.algorithm.name), seed \(run.options.seed), "
                + "\(run.options.epochs) epochs, entropy \(decimal(run.progress.entropy, 1)) nats, "
                + (run.options.costWeight > 0
                    ? "\(run.options.budgetMode == .hard ? "at most" : "target") "
                        + "\(decimal(target, 0)) MACs"
                    : "no budget"))
        say("")
        say("  epoch    K  entropy  expected MACs  train logL  valid logL  valid acc  time left")
    }

    private func line(_ p: RunProgress) -> String {
        let entropy = decimal(p.entropy, 2)
        return right("\(p.epoch)/\(p.epochs)", 7)
            + right(p.sampleCount > 0 ? "\(p.sampleCount)" : "all", 5)
            + right(entropy, 9) + right(decimal(p.expectedMACs, 0), 15)
            + right(decimal(p.trainLogLikelihood, 4), 12)
            + right(decimal(p.validationLogLikelihood, 4), 12)
            + right(decimal(p.validationAccuracy * 100, 1) + " %", 11)
            + right(duration(p.secondsLeft), 11) + (p.isJoint ? "  joint" : "")
    }

    private func conclude(_ run: SearchRun) throws {
        let result = try run.result()
        let cost = try run.space.network(result.architecture).cost()
        let mode = try run.mode()
        let modeCost = try run.space.network(mode.architecture).cost()
        let p = run.progress
        if let profile = run.profile { say(ProfileTable.text(profile)) }
        say("")
        say(
            "entropy   \(decimal(p.initialEntropy, 2)) -> \(decimal(p.entropy, 2)) nats ("
                + decimal(100 * p.entropy / max(p.initialEntropy, 1e-9), 1) + " % of the start)")
        if p.samplesDrawn > 0 {
            say(
                "sampled   \(grouped(p.samplesDrawn)) architectures, "
                    + "\(grouped(p.evaluations)) evaluations in \(duration(p.seconds))")
        } else {
            say("mixed     all networks in every step, in \(duration(p.seconds))")
        }
        say(
            "blocks    \(grouped(p.blockEvaluations)) evaluated in training of "
                + "\(grouped(p.blocksDrawn)) drawn (K L), "
                + decimal(Double(p.blockEvaluations) / Double(max(p.blocksDrawn, 1)), 3))
        if p.costTarget > 0 {
            say(
                "budget    \(grouped(cost.macs)) MACs, "
                    + decimal(Double(cost.macs) / p.costTarget, 3) + " of the target")
        }
        say(
            "found     \(grouped(cost.macs)) MACs, \(grouped(cost.parameters)) parameters, "
                + found(result, of: run))
        if run.selection == nil {
            say(
                "mode      \(grouped(modeCost.macs)) MACs, probability "
                    + decimal(Elementary.exp(mode.logProbability), 4))
        }
        say("")
        say(NetworkTable.text(result.architecture, run.space))
        say("")
        say(
            "written   \(out)/\(RunReport.architectureFile), \(RunReport.historyFile), "
                + "\(RunReport.historyPictureFile), \(RunReport.distributionFile), "
                + RunReport.checkpointFile)
    }

    private func found(_ result: RankedArchitecture, of run: SearchRun) -> String {
        guard let child = run.selection?.best(within: run.budget) else {
            return "probability \(decimal(Elementary.exp(result.logProbability), 4))"
        }
        return "validation accuracy \(decimal(child.accuracy * 100, 2)) % with the shared weights"
    }
}
