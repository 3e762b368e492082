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
            that of a random network of about the same MACs. A run's folder receives retrain.csv.
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
        do throws(FPNASError) { try options.check() } catch {
            throw ValidationError(error.message)
        }
    }

    func run() throws {
        let isFolder = Files.exists(path + "/" + RunReport.architectureFile)
        let (space, found) = try ArchitectureJSON.load(
            isFolder ? path + "/" + RunReport.architectureFile : path)
        var options = options
        options.imageSize = space.input?.height ?? 0
        let macs = try space.network(found).cost().macs
        var networks = [("found", found)]
        if !noRandom {
            networks.append(("random", try RandomNetwork.near(macs: macs, in: space, seed: seed)))
        }
        Interruption.watch()
        var rows: [[String]] = []
        for (name, architecture) in networks {
            let run = try RetrainRun(
                folder: data, space: space, architecture: architecture, options: options)
            let cost = run.network.cost()
            say(
                "\(left(name, 8))\(grouped(cost.macs)) MACs, \(grouped(cost.parameters)) parameters, "
                    + "\(epochs) epochs")
            try train(run)
            let test = try run.test()
            say(
                "\(left(name, 8))test accuracy \(decimal(test.accuracy * 100, 2)) %, log-likelihood "
                    + "\(decimal(test.logLikelihood, 4)), \(duration(run.seconds))")
            rows.append([
                name, "\(cost.macs)", "\(cost.parameters)", "\(test.accuracy)",
                "\(test.logLikelihood)", "\(epochs)", "\(seed)", "\(run.seconds)",
            ])
        }
        if isFolder {
            try CSV.save(
                path + "/retrain.csv",
                header: [
                    "network", "macs", "parameters", "test_accuracy", "test_log_likelihood_nats",
                    "epochs", "seed", "seconds",
                ],
                rows: rows)
        }
    }

    private func train(_ run: RetrainRun) throws {
        let shown = max(run.steps / 5, 1)
        while !run.isDone {
            guard !Interruption.isRequested else {
                say("stopped at step \(run.step) of \(run.steps)")
                throw ExitCode(130)
            }
            try run.advance()
            if run.step % shown == 0 || run.isDone {
                let left = run.seconds / Double(run.step) * Double(run.steps - run.step)
                say(
                    "        step \(run.step)/\(run.steps)  train logL "
                        + "\(decimal(run.trainLogLikelihood, 4))  \(duration(left)) left")
            }
        }
    }
}
