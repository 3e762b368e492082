import ArchitectureDistribution
import CFPNAS
import Formats
import Search
import SearchSpace
import Support

extension Search: Handled {
    static let tag: UInt = 4
    static let typeName = "search"
}

/// The common shape of the calls below.
private func call(
    _ handle: OpaquePointer?, _ body: (Search) throws(FPNASError) -> Void
) -> fpnas_status {
    boundary { () throws(FPNASError) in try unsafe withHandle(handle, Search.self, body) }
}

// MARK: - Options and progress

/// Sizes of the structs in version 0.1, which callers of every later version know at least.
private let optionsSize =
    MemoryLayout<fpnas_search_options>.offset(of: \.budget_objective)
    ?? MemoryLayout<fpnas_search_options>.size
private let progressSize =
    MemoryLayout<fpnas_progress>.offset(of: \.budget_log_probability)
    ?? MemoryLayout<fpnas_progress>.size

extension SearchOptions {
    /// From a caller's struct, field by field in the order of the header.
    init(_ pointer: UnsafePointer<fpnas_search_options>) throws(FPNASError) {
        self.init()
        var c = raw
        try unsafe copyStruct(pointer, into: &c, minimum: optionsSize, "fpnas_search_options")
        guard let algorithm = Algorithm(rawValue: c.algorithm) else {
            throw .invalid("algorithm must be one of FPNAS_ALGORITHM_..., got \(c.algorithm)")
        }
        guard let baseline = Baseline(rawValue: c.baseline) else {
            throw .invalid("baseline must be one of FPNAS_BASELINE_..., got \(c.baseline)")
        }
        self.algorithm = algorithm
        self.baseline = baseline
        seed = c.seed
        samplesPerNat = c.samples_per_nat
        sampleCount = Int(c.sample_count)
        minimumSamples = Int(c.minimum_samples)
        maximumSamples = Int(c.maximum_samples)
        likelihoodScale = c.likelihood_scale
        effectiveSampleShare = c.effective_sample_share
        learningRate = c.learning_rate
        adamBeta1 = c.adam_beta1
        adamBeta2 = c.adam_beta2
        adamEpsilon = c.adam_epsilon
        costWeight = c.cost_weight
        costTarget = c.cost_target
        jointStep = Int(c.joint_step)
        warmUpSteps = Int(c.warm_up_steps)
        maximumSteps = Int(c.maximum_steps)
        stopEntropy = c.stop_entropy
        stopsOnCollapse = try flag(c.stops_on_collapse, "stops_on_collapse")
        guard let objective = BudgetObjective(rawValue: c.budget_objective) else {
            throw .invalid(
                "budget_objective must be one of FPNAS_OBJECTIVE_..., got \(c.budget_objective)")
        }
        budgetObjective = objective
        guard c.reserved == 0, c.reserved2 == 0 else {
            throw .invalid("reserved fields must be 0, got \(c.reserved) and \(c.reserved2)")
        }
        guard let reward = Reward(rawValue: c.reward) else {
            throw .invalid("reward must be one of FPNAS_REWARD_..., got \(c.reward)")
        }
        self.reward = reward
        populationSize = Int(c.population_size)
        tournamentSize = Int(c.tournament_size)
        rewardExponent = c.reward_exponent
        baselineDecay = c.baseline_decay
        entropyWeight = c.entropy_weight
        clipRange = c.clip_range
        clipEpochs = Int(c.clip_epochs)
        try check()
    }

    var raw: fpnas_search_options {
        fpnas_search_options(
            struct_size: UInt32(MemoryLayout<fpnas_search_options>.size),
            algorithm: algorithm.rawValue, seed: seed,
            samples_per_nat: samplesPerNat, sample_count: Int64(sampleCount),
            minimum_samples: Int64(minimumSamples), maximum_samples: Int64(maximumSamples),
            likelihood_scale: likelihoodScale, effective_sample_share: effectiveSampleShare,
            learning_rate: learningRate, adam_beta1: adamBeta1, adam_beta2: adamBeta2,
            adam_epsilon: adamEpsilon, cost_weight: costWeight, cost_target: costTarget,
            joint_step: Int64(jointStep), warm_up_steps: Int64(warmUpSteps),
            maximum_steps: Int64(maximumSteps), stop_entropy: stopEntropy,
            baseline: baseline.rawValue, stops_on_collapse: stopsOnCollapse ? 1 : 0,
            budget_objective: budgetObjective.rawValue, reserved: 0,
            population_size: Int64(populationSize), tournament_size: Int64(tournamentSize),
            reward: reward.rawValue, reserved2: 0, reward_exponent: rewardExponent,
            baseline_decay: baselineDecay, entropy_weight: entropyWeight, clip_range: clipRange,
            clip_epochs: Int64(clipEpochs))
    }
}

extension SearchProgress {
    var raw: fpnas_progress {
        fpnas_progress(
            struct_size: UInt32(MemoryLayout<fpnas_progress>.size), form: form.rawValue,
            stop_reason: stopReason.rawValue, reserved: 0, steps: Int64(steps),
            asks: Int64(asks), open_asks: Int64(openAsks), samples_drawn: Int64(samplesDrawn),
            evaluations: Int64(evaluations), sample_count: Int64(sampleCount),
            next_sample_count: Int64(nextSampleCount), initial_entropy: initialEntropy,
            entropy: entropy, effective_samples: effectiveSamples,
            likelihood_scale: likelihoodScale, mean_log_likelihood: meanLogLikelihood,
            gradient_norm: gradientNorm, best_log_likelihood: bestLogLikelihood,
            skip_probability: skipProbability, budget_log_probability: budgetLogProbability)
    }
}

@_cdecl("fpnas_search_create") @implementation
public func fpnas_search_create(
    _ space: OpaquePointer?, _ options: UnsafePointer<fpnas_search_options>?,
    _ search: UnsafeMutablePointer<OpaquePointer?>?
) -> fpnas_status {
    unsafe clear(search)
    return boundary { () throws(FPNASError) in
        try unsafe putHandle(search, "search") { () throws(FPNASError) in
            try unsafe withSpace(space) { (space) throws(FPNASError) in
                guard let options = unsafe options else {
                    return try Search(space: space, options: SearchOptions())
                }
                return try Search(space: space, options: try unsafe SearchOptions(options))
            }
        }
    }
}

@_cdecl("fpnas_search_free") @implementation
public func fpnas_search_free(_ search: OpaquePointer?) {
    unsafe freeHandle(search, Search.self)
}

@_cdecl("fpnas_search_options_get") @implementation
public func fpnas_search_options_get(
    _ search: OpaquePointer?, _ options: UnsafeMutablePointer<fpnas_search_options>?
) -> fpnas_status {
    unsafe call(search) { (search) throws(FPNASError) in
        try unsafe fillStruct(
            options, from: search.options.raw, minimum: optionsSize, "fpnas_search_options")
    }
}

@_cdecl("fpnas_search_progress") @implementation
public func fpnas_search_progress(
    _ search: OpaquePointer?, _ progress: UnsafeMutablePointer<fpnas_progress>?
) -> fpnas_status {
    unsafe call(search) { (search) throws(FPNASError) in
        try unsafe fillStruct(
            progress, from: search.progress.raw, minimum: progressSize, "fpnas_progress")
    }
}

// MARK: - Ask

@_cdecl("fpnas_search_ask") @implementation
public func fpnas_search_ask(
    _ search: OpaquePointer?, _ ask: UnsafeMutablePointer<fpnas_ask>?
) -> fpnas_status {
    unsafe clear(ask)
    return unsafe call(search) { (search) throws(FPNASError) in
        let out = try unsafe output(ask, "ask")
        let asked = try search.ask()
        unsafe out.pointee = fpnas_ask(
            number: asked.number, sample_count: UInt64(asked.sampleCount),
            network_count: UInt64(asked.networkCount))
    }
}

@_cdecl("fpnas_search_ask_architectures") @implementation
public func fpnas_search_ask_architectures(
    _ search: OpaquePointer?, _ number: UInt64, _ out: UnsafeMutablePointer<Int32>?,
    _ capacity: Int, _ needed: UnsafeMutablePointer<Int>?
) -> fpnas_status {
    unsafe clear(needed)
    return unsafe call(search) { (search) throws(FPNASError) in
        try unsafe put(search.openAsk(number).flatArchitectures, out, capacity, needed)
    }
}

@_cdecl("fpnas_search_ask_multiplicities") @implementation
public func fpnas_search_ask_multiplicities(
    _ search: OpaquePointer?, _ number: UInt64, _ out: UnsafeMutablePointer<Int64>?,
    _ capacity: Int, _ needed: UnsafeMutablePointer<Int>?
) -> fpnas_status {
    unsafe clear(needed)
    return unsafe call(search) { (search) throws(FPNASError) in
        let counts = try unsafe search.openAsk(number).flatMultiplicities
        try unsafe counts.withMemoryRebound(to: Int64.self) { (counts) throws(FPNASError) in
            try unsafe put(counts, out, capacity, needed)
        }
    }
}

@_cdecl("fpnas_search_open_asks") @implementation
public func fpnas_search_open_asks(
    _ search: OpaquePointer?, _ out: UnsafeMutablePointer<UInt64>?, _ capacity: Int,
    _ needed: UnsafeMutablePointer<Int>?
) -> fpnas_status {
    unsafe clear(needed)
    return unsafe call(search) { (search) throws(FPNASError) in
        try unsafe put(search.openAskNumbers, out, capacity, needed)
    }
}

// MARK: - Tell

@_cdecl("fpnas_search_tell") @implementation
public func fpnas_search_tell(
    _ search: OpaquePointer?, _ number: UInt64, _ logLikelihoods: UnsafePointer<Double>?,
    _ count: Int
) -> fpnas_status {
    unsafe fpnas_search_tell_some(search, number, nil, logLikelihoods, nil, count)
}

@_cdecl("fpnas_search_tell_some") @implementation
public func fpnas_search_tell_some(
    _ search: OpaquePointer?, _ number: UInt64, _ networks: UnsafePointer<Int64>?,
    _ logLikelihoods: UnsafePointer<Double>?, _ costs: UnsafePointer<Double>?, _ count: Int
) -> fpnas_status {
    unsafe call(search) { (search) throws(FPNASError) in
        let values = try unsafe input(logLikelihoods, count, "log_likelihoods")
        let indices = try unsafe networks == nil ? nil : input(networks, count, "networks")
        let told = try unsafe costs == nil ? nil : input(costs, count, "costs")
        try unsafe search.tell(
            number, networks: indices, logLikelihoods: values, costs: told)
    }
}

@_cdecl("fpnas_search_close") @implementation
public func fpnas_search_close(_ search: OpaquePointer?, _ number: UInt64) -> fpnas_status {
    unsafe call(search) { (search) throws(FPNASError) in try search.close(number) }
}

// MARK: - Results

@_cdecl("fpnas_search_distribution") @implementation
public func fpnas_search_distribution(
    _ search: OpaquePointer?, _ distribution: UnsafeMutablePointer<OpaquePointer?>?
) -> fpnas_status {
    unsafe clear(distribution)
    return unsafe call(search) { (search) throws(FPNASError) in
        try unsafe putHandle(distribution, "distribution") { () throws(FPNASError) in
            try search.distribution.snapshot()
        }
    }
}

@_cdecl("fpnas_search_set_logits") @implementation
public func fpnas_search_set_logits(
    _ search: OpaquePointer?, _ logits: UnsafePointer<Double>?, _ count: Int
) -> fpnas_status {
    unsafe call(search) { (search) throws(FPNASError) in
        try unsafe search.setLogits(try input(logits, count, "logits"))
    }
}

@_cdecl("fpnas_search_best") @implementation
public func fpnas_search_best(
    _ search: OpaquePointer?, _ architecture: UnsafeMutablePointer<Int32>?, _ capacity: Int,
    _ logLikelihood: UnsafeMutablePointer<Double>?
) -> fpnas_status {
    unsafe clear(logLikelihood)
    return unsafe call(search) { (search) throws(FPNASError) in
        let value = try unsafe output(logLikelihood, "log_likelihood")
        guard !search.bestArchitecture.isEmpty else {
            throw FPNASError(.state, "nothing above a log-likelihood of -inf was told yet")
        }
        try unsafe put(search.bestArchitecture, architecture, capacity, nil)
        unsafe value.pointee = search.progress.bestLogLikelihood
    }
}

@_cdecl("fpnas_search_space") @implementation
public func fpnas_search_space(
    _ search: OpaquePointer?, _ space: UnsafeMutablePointer<OpaquePointer?>?
) -> fpnas_status {
    unsafe clear(space)
    return unsafe call(search) { (search) throws(FPNASError) in
        try unsafe putHandle(space, "space") { SpaceHandle(search.space) }
    }
}

// MARK: - Checkpoints

@_cdecl("fpnas_search_save") @implementation
public func fpnas_search_save(
    _ search: OpaquePointer?, _ path: UnsafePointer<CChar>?
) -> fpnas_status {
    unsafe call(search) { (search) throws(FPNASError) in
        let path = try unsafe string(path, "path")
        try Files.replace(path, with: try Checkpoint.encode(search))
    }
}

@_cdecl("fpnas_search_load") @implementation
public func fpnas_search_load(
    _ path: UnsafePointer<CChar>?, _ search: UnsafeMutablePointer<OpaquePointer?>?
) -> fpnas_status {
    unsafe clear(search)
    return boundary { () throws(FPNASError) in
        try unsafe putHandle(search, "search") { () throws(FPNASError) in
            let path = try unsafe string(path, "path")
            return try Checkpoint.decodeSearch(try Files.read(path), name: path)
        }
    }
}

@_cdecl("fpnas_search_to_bytes") @implementation
public func fpnas_search_to_bytes(
    _ search: OpaquePointer?, _ out: UnsafeMutablePointer<UInt8>?, _ capacity: Int,
    _ needed: UnsafeMutablePointer<Int>?
) -> fpnas_status {
    unsafe clear(needed)
    return unsafe call(search) { (search) throws(FPNASError) in
        try unsafe put(try Checkpoint.encode(search), out, capacity, needed)
    }
}

@_cdecl("fpnas_search_from_bytes") @implementation
public func fpnas_search_from_bytes(
    _ bytes: UnsafePointer<UInt8>?, _ count: Int,
    _ search: UnsafeMutablePointer<OpaquePointer?>?
) -> fpnas_status {
    unsafe clear(search)
    return boundary { () throws(FPNASError) in
        try unsafe putHandle(search, "search") { () throws(FPNASError) in
            let bytes = try unsafe array(bytes, count, "bytes")
            return try Checkpoint.decodeSearch(bytes, name: "bytes")
        }
    }
}
