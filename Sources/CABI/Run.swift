import ArchitectureDistribution
import CFPNAS
import Experiment
import Search
import SearchSpace
import Support

extension SearchRun: Handled {
    static let tag: UInt = 5
    static let typeName = "run"
}

private func call(
    _ handle: OpaquePointer?, _ body: (SearchRun) throws(FPNASError) -> Void
) -> fpnas_status {
    boundary { () throws(FPNASError) in try unsafe withHandle(handle, SearchRun.self, body) }
}

/// Of the first version.
private let optionsSize = MemoryLayout<fpnas_run_options>.offset(of: \.training_images) ?? 0
/// Of the first version.
private let progressSize =
    MemoryLayout<fpnas_run_progress>.offset(of: \.block_evaluations) ?? 0

extension RunOptions {
    init(_ pointer: UnsafePointer<fpnas_run_options>) throws(FPNASError) {
        self.init()
        var c = raw
        try unsafe copyStruct(pointer, into: &c, minimum: optionsSize, "fpnas_run_options")
        guard let algorithm = RunAlgorithm(rawValue: c.algorithm) else {
            throw .invalid("algorithm must be one of FPNAS_ALGORITHM_..., got \(c.algorithm)")
        }
        guard let baseline = Baseline(rawValue: c.baseline) else {
            throw .invalid("baseline must be one of FPNAS_BASELINE_..., got \(c.baseline)")
        }
        self.algorithm = algorithm
        self.baseline = baseline
        seed = c.seed
        epochs = Int(c.epochs)
        batchSize = Int(c.batch_size)
        threads = Int(c.threads)
        imageSize = Int(c.image_size)
        maximumShift = Int(c.maximum_shift)
        samplesPerNat = c.samples_per_nat
        sampleCount = Int(c.sample_count)
        minimumSamples = Int(c.minimum_samples)
        maximumSamples = Int(c.maximum_samples)
        likelihoodScale = c.likelihood_scale
        learningRate = c.learning_rate
        costWeight = c.cost_weight
        costTarget = c.cost_target
        jointEpoch = Int(c.joint_epoch)
        warmUpEpochs = Int(c.warm_up_epochs)
        weightRate = c.weight_rate
        momentum = c.momentum
        weightDecay = c.weight_decay
        guard let mode = SearchBudget.Mode(rawValue: c.budget_mode) else {
            throw .invalid(
                "budget_mode must be FPNAS_BUDGET_SOFT or FPNAS_BUDGET_HARD, got \(c.budget_mode)")
        }
        budgetMode = mode
        data = try DataOptions(c)
        training = try TrainingOptions(c)
        weightsShare = c.weights_share
        mixture.isSecondOrder = try flag(c.second_order, "second_order")
        mixture.initialTemperature = c.initial_temperature
        mixture.temperatureDecay = c.temperature_decay
        weightLikelihoodScale = c.weight_likelihood_scale
        warmUpShare = c.warm_up_share
        randomChildren = Int(c.random_children)
        selection.coarseChildren = Int(c.coarse_children)
        selection.mutations = Int(c.mutations)
        statisticsBatches = Int(c.statistics_batches)
        selectionImages = Int(c.selection_images)
        strategy.populationSize = Int(c.population_size)
        strategy.tournamentSize = Int(c.tournament_size)
        strategy.rewardExponent = c.reward_exponent
        strategy.baselineDecay = c.baseline_decay
        strategy.entropyWeight = c.entropy_weight
        strategy.clipRange = c.clip_range
        strategy.clipEpochs = Int(c.clip_epochs)
        evaluatesEachDraw = try flag(c.evaluate_each_draw, "evaluate_each_draw")
        try check()
    }

    var raw: fpnas_run_options {
        var c = fpnas_run_options()
        c.struct_size = UInt32(MemoryLayout<fpnas_run_options>.size)
        c.algorithm = algorithm.rawValue
        c.seed = seed
        c.epochs = Int64(epochs)
        c.batch_size = Int64(batchSize)
        c.threads = Int64(threads)
        c.image_size = Int64(imageSize)
        c.maximum_shift = Int64(maximumShift)
        c.samples_per_nat = samplesPerNat
        c.sample_count = Int64(sampleCount)
        c.minimum_samples = Int64(minimumSamples)
        c.maximum_samples = Int64(maximumSamples)
        c.likelihood_scale = likelihoodScale
        c.learning_rate = learningRate
        c.cost_weight = costWeight
        c.cost_target = costTarget
        c.joint_epoch = Int64(jointEpoch)
        c.warm_up_epochs = Int64(warmUpEpochs)
        c.weight_rate = weightRate
        c.momentum = momentum
        c.weight_decay = weightDecay
        c.baseline = baseline.rawValue
        c.second_order = mixture.isSecondOrder ? 1 : 0
        c.budget_mode = budgetMode.rawValue
        c.weight_likelihood_scale = weightLikelihoodScale
        c.warm_up_share = warmUpShare
        c.random_children = Int64(randomChildren)
        c.coarse_children = Int64(selection.coarseChildren)
        c.mutations = Int64(selection.mutations)
        c.statistics_batches = Int64(statisticsBatches)
        c.selection_images = Int64(selectionImages)
        c.weights_share = weightsShare
        c.initial_temperature = mixture.initialTemperature
        c.temperature_decay = mixture.temperatureDecay
        c.population_size = Int64(strategy.populationSize)
        c.tournament_size = Int64(strategy.tournamentSize)
        c.reward_exponent = strategy.rewardExponent
        c.baseline_decay = strategy.baselineDecay
        c.entropy_weight = strategy.entropyWeight
        c.clip_range = strategy.clipRange
        c.clip_epochs = Int64(strategy.clipEpochs)
        c.evaluate_each_draw = evaluatesEachDraw ? 1 : 0
        data.put(into: &c)
        training.put(into: &c)
        return c
    }
}

extension RunProgress {
    func raw(isDone: Bool) -> fpnas_run_progress {
        fpnas_run_progress(
            struct_size: UInt32(MemoryLayout<fpnas_run_progress>.size), is_done: isDone ? 1 : 0,
            is_joint: isJoint ? 1 : 0,
            stop_reason: stopReason.rawValue, epoch: Int64(epoch), epochs: Int64(epochs),
            step: Int64(step), steps: Int64(steps), sample_count: Int64(sampleCount),
            samples_drawn: Int64(samplesDrawn), evaluations: Int64(evaluations),
            initial_entropy: initialEntropy, entropy: entropy, expected_macs: expectedMACs,
            cost_target: costTarget, train_log_likelihood: trainLogLikelihood,
            validation_log_likelihood: validationLogLikelihood,
            validation_accuracy: validationAccuracy, effective_samples: effectiveSamples,
            skip_probability: skipProbability, seconds: seconds, seconds_left: secondsLeft,
            block_evaluations: Int64(blockEvaluations), blocks_drawn: Int64(blocksDrawn))
    }
}

/// Writes the defaults into a caller's struct of the given size, which is at least that of the
/// first version.
func initialise<T: BitwiseCopyable>(
    _ pointer: UnsafeMutablePointer<T>?, _ size: Int, _ defaults: T, minimum: Int, _ name: String
) throws(FPNASError) {
    let target = try unsafe output(pointer, "options")
    guard size >= minimum, size <= 1 << 16 else {
        throw .invalid("struct_size of \(name) must be at least \(minimum), got \(size)")
    }
    unsafe UnsafeMutableRawPointer(target).storeBytes(of: UInt32(size), as: UInt32.self)
    try unsafe fillStruct(pointer, from: defaults, minimum: minimum, name)
    for i in min(MemoryLayout<T>.size, size)..<size {
        unsafe UnsafeMutableRawPointer(target).storeBytes(of: 0, toByteOffset: i, as: UInt8.self)
    }
}

@_cdecl("fpnas_run_options_init") @implementation
public func fpnas_run_options_init(
    _ options: UnsafeMutablePointer<fpnas_run_options>?, _ structSize: Int
) -> fpnas_status {
    boundary { () throws(FPNASError) in
        try unsafe initialise(
            options, structSize, RunOptions().raw, minimum: optionsSize, "fpnas_run_options")
    }
}

@_cdecl("fpnas_run_create") @implementation
public func fpnas_run_create(
    _ dataFolder: UnsafePointer<CChar>?, _ space: OpaquePointer?,
    _ options: UnsafePointer<fpnas_run_options>?, _ run: UnsafeMutablePointer<OpaquePointer?>?
) -> fpnas_status {
    unsafe clear(run)
    return boundary { () throws(FPNASError) in
        try unsafe putHandle(run, "run") { () throws(FPNASError) in
            let folder = try unsafe string(dataFolder, "data_folder")
            let known = try unsafe options.map { (p) throws(FPNASError) in try unsafe RunOptions(p)
            }
            let given = try unsafe space.map { (handle) throws(FPNASError) in
                try unsafe withSpace(handle) { $0 }
            }
            return try SearchRun(
                folder: folder, space: given, options: known ?? RunOptions())
        }
    }
}

@_cdecl("fpnas_run_free") @implementation
public func fpnas_run_free(_ run: OpaquePointer?) { unsafe freeHandle(run, SearchRun.self) }

@_cdecl("fpnas_run_options_get") @implementation
public func fpnas_run_options_get(
    _ run: OpaquePointer?, _ options: UnsafeMutablePointer<fpnas_run_options>?
) -> fpnas_status {
    unsafe call(run) { (run) throws(FPNASError) in
        try unsafe fillStruct(
            options, from: run.options.raw, minimum: optionsSize, "fpnas_run_options")
    }
}

@_cdecl("fpnas_run_step") @implementation
public func fpnas_run_step(_ run: OpaquePointer?) -> fpnas_status {
    unsafe call(run) { (run) throws(FPNASError) in try run.step() }
}

@_cdecl("fpnas_run_progress_get") @implementation
public func fpnas_run_progress_get(
    _ run: OpaquePointer?, _ progress: UnsafeMutablePointer<fpnas_run_progress>?
) -> fpnas_status {
    unsafe call(run) { (run) throws(FPNASError) in
        try unsafe fillStruct(
            progress, from: run.progress.raw(isDone: run.isDone), minimum: progressSize,
            "fpnas_run_progress")
    }
}

@_cdecl("fpnas_run_class_weights") @implementation
public func fpnas_run_class_weights(
    _ run: OpaquePointer?, _ out: UnsafeMutablePointer<Double>?, _ capacity: Int,
    _ needed: UnsafeMutablePointer<Int>?
) -> fpnas_status {
    unsafe clear(needed)
    return unsafe call(run) { (run) throws(FPNASError) in
        try unsafe put(run.pipeline.classWeights, out, capacity, needed)
    }
}

@_cdecl("fpnas_run_space") @implementation
public func fpnas_run_space(
    _ run: OpaquePointer?, _ space: UnsafeMutablePointer<OpaquePointer?>?
) -> fpnas_status {
    unsafe clear(space)
    return unsafe call(run) { (run) throws(FPNASError) in
        try unsafe putHandle(space, "space") { SpaceHandle(run.space) }
    }
}

@_cdecl("fpnas_run_distribution") @implementation
public func fpnas_run_distribution(
    _ run: OpaquePointer?, _ distribution: UnsafeMutablePointer<OpaquePointer?>?
) -> fpnas_status {
    unsafe clear(distribution)
    return unsafe call(run) { (run) throws(FPNASError) in
        try unsafe putHandle(distribution, "distribution") { () throws(FPNASError) in
            try run.distribution.snapshot()
        }
    }
}

@_cdecl("fpnas_run_result") @implementation
public func fpnas_run_result(
    _ run: OpaquePointer?, _ architecture: UnsafeMutablePointer<Int32>?, _ capacity: Int,
    _ logProbability: UnsafeMutablePointer<Double>?
) -> fpnas_status {
    unsafe clear(logProbability)
    return unsafe call(run) { (run) throws(FPNASError) in
        let value = try unsafe output(logProbability, "log_probability")
        let result = try run.result()
        try unsafe put(result.architecture, architecture, capacity, nil)
        unsafe value.pointee = result.logProbability
    }
}

@_cdecl("fpnas_run_report") @implementation
public func fpnas_run_report(
    _ run: OpaquePointer?, _ folder: UnsafePointer<CChar>?
) -> fpnas_status {
    unsafe call(run) { (run) throws(FPNASError) in
        try RunReport.write(run, to: try unsafe string(folder, "folder"))
    }
}

@_cdecl("fpnas_run_save") @implementation
public func fpnas_run_save(_ run: OpaquePointer?, _ path: UnsafePointer<CChar>?) -> fpnas_status {
    unsafe call(run) { (run) throws(FPNASError) in try run.save(try unsafe string(path, "path")) }
}

@_cdecl("fpnas_run_load") @implementation
public func fpnas_run_load(
    _ path: UnsafePointer<CChar>?, _ dataFolder: UnsafePointer<CChar>?, _ threads: Int64,
    _ run: UnsafeMutablePointer<OpaquePointer?>?
) -> fpnas_status {
    unsafe clear(run)
    return boundary { () throws(FPNASError) in
        try unsafe putHandle(run, "run") { () throws(FPNASError) in
            let path = try unsafe string(path, "path")
            let folder = try unsafe string(dataFolder, "data_folder")
            return try SearchRun(
                resuming: path, folder: folder, threads: threads == 0 ? nil : Int(threads))
        }
    }
}
