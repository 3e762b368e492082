import ArchitectureCost
import ArgumentParser
import Experiment
import Formats
import Report
import SearchSpace
import Support

struct RetrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retrain",
        abstract: "Train a found network from scratch and test it.",
        discussion: """
            Trains on all training images, then measures the accuracy on the test images, beside \
            that of a random network of about the same MACs. The folder of the run, or of --out, \
            receives retrain.csv and network.safetensors: the found network with its weights. \
            Ctrl-C stops cleanly with checkpoints, from which --resume goes on exactly.
            """)

    @Argument(help: "An architecture.json, or the folder of a run.") var path: String
    @Option(help: "Folder of images.") var data: String
    @Option(help: "Passes over the training images.") var epochs = RetrainOptions().epochs
    @Option(help: "Images a batch.") var batchSize = RetrainOptions().batchSize
    @Option(help: "Highest rate of the weights.") var weightRate = RetrainOptions().weightRate
    @Option(help: "Seed of everything.") var seed = RetrainOptions().seed
    @OptionGroup(title: "Images") var images: DataFlags
    @OptionGroup(title: "Training of weights") var training: TrainingFlags
    @Option(help: "Threads; 0 for as many as cores.") var threads = RetrainOptions().threads
    @Flag(help: "Leave the random network out.") var noRandom = false
    @Option(help: "Folder for the results; by default that of the run.") var out: String?
    @Flag(help: "Go on from the checkpoints, with their options.") var resume = false
    @Flag(help: "Start anew where checkpoints exist.") var overwrite = false
    @Option(help: "Epochs between checkpoints.") var checkpointEvery = 1
    @Option(help: "Learn from this network too: a .safetensors file, or the folder of one.")
    var teacher: String?
    @Option(help: "Share of the loss against the teacher, in [0, 1].") var teacherWeight = 0.5
    @Option(help: "Temperature of that loss.") var temperature = 1.0

    private var options: RetrainOptions {
        var options = RetrainOptions()
        options.epochs = epochs
        options.batchSize = batchSize
        options.weightRate = weightRate
        options.seed = seed
        options.threads = threads
        options.maximumShift = images.shift
        options.data = images.options
        options.momentum = training.momentum
        options.training = training.options(rateWarmUp: 0.1)
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
        let isRun = Files.exists(path + "/" + RunReport.architectureFile)
        let (space, found) = try ArchitectureJSON.load(
            isRun ? path + "/" + RunReport.architectureFile : path)
        var options = options
        options.imageSize = space.input?.height ?? 0
        let folder = out ?? (isRun ? path : nil)
        guard folder != nil || !resume else {
            throw ValidationError("--resume needs the folder of a run, or --out")
        }
        if let folder { try Files.makeFolder(folder) }
        let networks = try networks(found, space)
        let checkpoints = folder.map { folder in
            networks.map { "\(folder)/retrain-\($0.name).fpnas" }
        }
        if let old = checkpoints?.first(where: Files.exists), !resume, !overwrite {
            throw FPNASError(
                .state, "'\(old)' exists: --resume goes on from it, --overwrite starts anew")
        }
        let teacher = try teacher.map(loadTeacher)
        Interruption.watch()
        var rows: [[String]] = []
        for (index, network) in networks.enumerated() {
            let checkpoint = checkpoints?[index]
            let run = try prepare(network, space, options, teacher, checkpoint)
            let cost = run.network.cost()
            say(
                "\(left(network.name, 8))\(grouped(cost.macs)) MACs, "
                    + "\(grouped(cost.parameters)) parameters, \(run.options.epochs) epochs")
            try train(run, checkpoint)
            let test = try run.test()
            say(
                "\(left(network.name, 8))test accuracy \(decimal(test.accuracy * 100, 2)) %, "
                    + "log-likelihood \(decimal(test.logLikelihood, 4)), \(duration(run.seconds))")
            rows.append([
                network.name, "\(cost.macs)", "\(cost.parameters)", "\(test.accuracy)",
                "\(test.logLikelihood)", "\(run.options.epochs)", "\(run.options.seed)",
                "\(run.seconds)",
            ])
            if let folder, index == 0 {
                try run.trained().save(folder + "/" + RunReport.networkFile)
            }
        }
        guard let folder, let checkpoints else { return }
        try CSV.save(
            folder + "/retrain.csv",
            header: [
                "network", "macs", "parameters", "test_accuracy", "test_log_likelihood_nats",
                "epochs", "seed", "seconds",
            ],
            rows: rows)
        // All is told and kept: nothing is left to go on from.
        for checkpoint in checkpoints { try Files.remove(checkpoint) }
        say("written   \(folder)/retrain.csv, \(RunReport.networkFile)")
    }

    private typealias Candidate = (name: String, architecture: [Int32])

    private func networks(_ found: [Int32], _ space: SearchSpace) throws -> [Candidate] {
        guard !noRandom else { return [("found", found)] }
        let macs = try space.network(found).cost().macs
        return [
            ("found", found),
            ("random", try RandomNetwork.near(macs: macs, in: space, seed: seed)),
        ]
    }

    private func loadTeacher(_ path: String) throws -> TrainedNetwork {
        let inside = path + "/" + RunReport.networkFile
        return try TrainedNetwork(
            loading: Files.exists(inside) ? inside : path, threads: threads)
    }

    /// The training of a network: a new one, or where its checkpoint left off.
    private func prepare(
        _ network: Candidate, _ space: SearchSpace, _ options: RetrainOptions,
        _ teacher: TrainedNetwork?, _ checkpoint: String?
    ) throws -> RetrainRun {
        if resume, let checkpoint, Files.exists(checkpoint) {
            let run = try RetrainRun(
                resuming: checkpoint, folder: data, threads: threads > 0 ? threads : nil)
            guard run.architecture == network.architecture else {
                throw FPNASError(
                    .state,
                    "'\(checkpoint)' trains another network: --overwrite starts anew")
            }
            say("\(left(network.name, 8))resumed at step \(run.step) of \(run.steps)")
            return run
        }
        let run = try RetrainRun(
            folder: data, space: space, architecture: network.architecture, options: options)
        if let teacher {
            try run.distil(teacher, weight: teacherWeight, temperature: temperature)
        }
        return run
    }

    private func train(_ run: RetrainRun, _ checkpoint: String?) throws {
        let shown = max(run.steps / 5, 1)
        // In range: an epoch has at least one step.
        let saved = max(run.steps / run.options.epochs, 1) * min(checkpointEvery, run.steps)
        while !run.isDone {
            guard !Interruption.isRequested else {
                try stop(run, checkpoint)
                throw ExitCode(130)
            }
            let next = min(
                shown - run.step % shown, saved - run.step % saved, batches(run, within: 0.05))
            do throws(FPNASError) { try run.advance(next) } catch {
                // An image that cannot be read has changed nothing.
                if [.io, .format].contains(error.code) { try stop(run, checkpoint) }
                throw error
            }
            if run.step % shown == 0 || run.isDone {
                let left = run.seconds / Double(run.step) * Double(run.steps - run.step)
                say(
                    "        step \(run.step)/\(run.steps)  train logL "
                        + "\(decimal(run.trainLogLikelihood, 4))  \(duration(left)) left")
            }
            if let checkpoint, run.step % saved == 0 || run.isDone { try run.save(checkpoint) }
        }
    }

    /// As many batches as took so many seconds, so that Ctrl-C need not wait for longer.
    private func batches(_ run: RetrainRun, within seconds: Double) -> Int {
        guard run.step > 0, run.seconds > 0 else { return 1 }
        return Int(min(max(seconds * Double(run.step) / run.seconds, 1), 1000))
    }

    private func stop(_ run: RetrainRun, _ checkpoint: String?) throws {
        let stopped = "stopped at step \(run.step) of \(run.steps)"
        guard let checkpoint else { return say(stopped) }
        try run.save(checkpoint)
        let out = out.map { " --out \($0)" } ?? ""
        say("\(stopped); go on with: fpnas retrain \(path) --data \(data)\(out) --resume")
    }
}
