import ArchitectureDistribution
import Formats
import Report
import SearchSpace
import Support

/// The files a run leaves in its folder.
public enum RunReport {
    public static let architectureFile = "architecture.json"
    public static let historyFile = "history.csv"
    public static let distributionFile = "distribution.png"
    public static let historyPictureFile = "history.png"
    public static let checkpointFile = "checkpoint.fpnas"
    /// What a retraining leaves: the trained network by itself.
    public static let networkFile = "network.safetensors"

    /// Writes the result, the history as a table and as curves, and the distribution as a picture.
    /// Each file is replaced as a whole.
    public static func write(_ run: SearchRun, to folder: String) throws(FPNASError) {
        try Files.makeFolder(folder)
        let result = try run.result()
        try Files.replace(
            folder + "/" + architectureFile,
            with: try ArchitectureJSON.encode(result.architecture, of: run.space))
        try CSV.save(
            folder + "/" + historyFile, header: RunProgress.columns.map(\.name),
            rows: run.history.map { row in RunProgress.columns.map { $0.value(row) } })
        try picture(of: run).draw().save(folder + "/" + distributionFile)
        try curves(of: run.history).draw().save(folder + "/" + historyPictureFile)
    }

    private static func picture(of run: SearchRun) -> DistributionPicture {
        let progress = run.progress
        return DistributionPicture(
            run.distribution, title: run.space.name,
            subtitle: "\(run.options.algorithm.name), seed \(run.options.seed), epoch "
                + "\(progress.epoch) of \(progress.epochs), entropy "
                + "\(decimal(progress.entropy, 1)) of \(decimal(progress.initialEntropy, 1)) nats, "
                + "expected \(decimal(progress.expectedMACs, 0)) MACs")
    }

    private static func curves(of history: [RunProgress]) -> HistoryPicture {
        HistoryPicture([
            .init(
                "entropy (nats)",
                [
                    ChartLine("entropy", history.map(\.entropy)),
                    ChartLine("K", history.map { Double($0.sampleCount) }),
                ]),
            .init(
                "log-likelihood (nats)",
                [
                    ChartLine("validation", history.map(\.validationLogLikelihood)),
                    ChartLine("training", history.map(\.trainLogLikelihood)),
                ]),
            .init(
                "MACs",
                [
                    ChartLine("expected", history.map(\.expectedMACs)),
                    ChartLine("target", history.map { $0.costTarget > 0 ? $0.costTarget : .nan }),
                ]),
        ])
    }
}

extension RunProgress {
    /// The columns of history.csv.
    static let columns: [(name: String, value: @Sendable (RunProgress) -> String)] = [
        ("epoch", { "\($0.epoch)" }),
        ("step", { "\($0.step)" }),
        ("sample_count", { "\($0.sampleCount)" }),
        ("samples_drawn", { "\($0.samplesDrawn)" }),
        ("evaluations", { "\($0.evaluations)" }),
        ("entropy_nats", { "\($0.entropy)" }),
        ("expected_macs", { "\($0.expectedMACs)" }),
        ("cost_target_macs", { "\($0.costTarget)" }),
        ("train_log_likelihood_nats", { "\($0.trainLogLikelihood)" }),
        ("validation_log_likelihood_nats", { "\($0.validationLogLikelihood)" }),
        ("validation_accuracy", { "\($0.validationAccuracy)" }),
        ("effective_samples", { "\($0.effectiveSamples)" }),
        ("skip_probability", { "\($0.skipProbability)" }),
        ("is_joint", { $0.isJoint ? "1" : "0" }),
        ("seconds", { "\($0.seconds)" }),
    ]
}
