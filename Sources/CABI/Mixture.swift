import CFPNAS
import Formats
import Search
import SearchSpace
import Support

extension Mixture: Handled {
    static let tag: UInt = 12
    static let typeName = "mixture"
}

private func call(
    _ handle: OpaquePointer?, _ body: (Mixture) throws(FPNASError) -> Void
) -> fpnas_status {
    boundary { () throws(FPNASError) in try unsafe withHandle(handle, Mixture.self, body) }
}

private let optionsSize = MemoryLayout<fpnas_mixture_options>.size

extension MixtureOptions {
    /// From a caller's struct, in which 0 (or −1 for a decay of weights) is the default.
    init(_ pointer: UnsafePointer<fpnas_mixture_options>) throws(FPNASError) {
        var c = MixtureOptions(.darts).raw
        try unsafe copyStruct(pointer, into: &c, minimum: optionsSize, "fpnas_mixture_options")
        guard let algorithm = MixtureAlgorithm(rawValue: c.algorithm) else {
            throw .invalid("algorithm must be one of FPNAS_MIXTURE_..., got \(c.algorithm)")
        }
        self.init(algorithm)
        seed = c.seed
        if c.learning_rate != 0 { learningRate = c.learning_rate }
        if c.adam_beta1 != -1 { adamBeta1 = c.adam_beta1 }
        if c.adam_beta2 != 0 { adamBeta2 = c.adam_beta2 }
        if c.adam_epsilon != 0 { adamEpsilon = c.adam_epsilon }
        if c.weight_decay != -1 { weightDecay = c.weight_decay }
        if c.initial_temperature != 0 { initialTemperature = c.initial_temperature }
        if c.temperature_decay != 0 { temperatureDecay = c.temperature_decay }
        if c.minimum_temperature != 0 { minimumTemperature = c.minimum_temperature }
        if c.steps_per_epoch != 0 { stepsPerEpoch = Int(c.steps_per_epoch) }
        try check()
    }

    var raw: fpnas_mixture_options {
        fpnas_mixture_options(
            struct_size: UInt32(optionsSize), algorithm: algorithm.rawValue, seed: seed,
            learning_rate: learningRate, adam_beta1: adamBeta1, adam_beta2: adamBeta2,
            adam_epsilon: adamEpsilon, weight_decay: weightDecay,
            initial_temperature: initialTemperature, temperature_decay: temperatureDecay,
            minimum_temperature: minimumTemperature, steps_per_epoch: Int64(stepsPerEpoch))
    }
}

@_cdecl("fpnas_mixture_create") @implementation
public func fpnas_mixture_create(
    _ space: OpaquePointer?, _ options: UnsafePointer<fpnas_mixture_options>?,
    _ mixture: UnsafeMutablePointer<OpaquePointer?>?
) -> fpnas_status {
    unsafe clear(mixture)
    return boundary { () throws(FPNASError) in
        try unsafe putHandle(mixture, "mixture") { () throws(FPNASError) in
            try unsafe withSpace(space) { (space) throws(FPNASError) in
                guard let options = unsafe options else {
                    return try Mixture(space: space, options: MixtureOptions(.darts))
                }
                return try Mixture(space: space, options: try unsafe MixtureOptions(options))
            }
        }
    }
}

@_cdecl("fpnas_mixture_free") @implementation
public func fpnas_mixture_free(_ mixture: OpaquePointer?) {
    unsafe freeHandle(mixture, Mixture.self)
}

@_cdecl("fpnas_mixture_options_get") @implementation
public func fpnas_mixture_options_get(
    _ mixture: OpaquePointer?, _ options: UnsafeMutablePointer<fpnas_mixture_options>?
) -> fpnas_status {
    unsafe call(mixture) { (mixture) throws(FPNASError) in
        try unsafe fillStruct(
            options, from: mixture.options.raw, minimum: optionsSize, "fpnas_mixture_options")
    }
}

@_cdecl("fpnas_mixture_coefficients") @implementation
public func fpnas_mixture_coefficients(
    _ mixture: OpaquePointer?, _ step: UnsafeMutablePointer<UInt64>?,
    _ temperature: UnsafeMutablePointer<Double>?, _ out: UnsafeMutablePointer<Double>?,
    _ capacity: Int, _ needed: UnsafeMutablePointer<Int>?
) -> fpnas_status {
    unsafe clear(step, temperature, needed)
    return unsafe call(mixture) { (mixture) throws(FPNASError) in
        let step = try unsafe output(step, "step")
        let temperature = try unsafe output(temperature, "temperature")
        try unsafe put(mixture.coefficients, out, capacity, needed)
        unsafe step.pointee = UInt64(mixture.steps)
        unsafe temperature.pointee = mixture.temperature
    }
}

@_cdecl("fpnas_mixture_tell") @implementation
public func fpnas_mixture_tell(
    _ mixture: OpaquePointer?, _ step: UInt64, _ gradients: UnsafePointer<Double>?,
    _ logitGradients: UnsafePointer<Double>?, _ count: Int
) -> fpnas_status {
    unsafe call(mixture) { (mixture) throws(FPNASError) in
        let values = try unsafe input(gradients, count, "gradients")
        let own =
            try unsafe logitGradients == nil
            ? nil : input(logitGradients, count, "logit_gradients")
        try unsafe mixture.tell(step, values, logitGradients: own)
    }
}

@_cdecl("fpnas_mixture_cost") @implementation
public func fpnas_mixture_cost(
    _ mixture: OpaquePointer?, _ cost: OpaquePointer?, _ shapes: Int32,
    _ expectation: UnsafeMutablePointer<Double>?, _ out: UnsafeMutablePointer<Double>?,
    _ capacity: Int, _ needed: UnsafeMutablePointer<Int>?
) -> fpnas_status {
    unsafe clear(expectation, needed)
    return unsafe call(mixture) { (mixture) throws(FPNASError) in
        let expectation = try unsafe output(expectation, "expectation")
        guard let form = MixtureCost(rawValue: shapes) else {
            throw .invalid("shapes must be one of FPNAS_SHAPES_..., got \(shapes)")
        }
        let chain = try unsafe withCost(cost) { $0 }
        let found = try mixture.cost(chain, form)
        try unsafe put(found.gradient, out, capacity, needed)
        unsafe expectation.pointee = found.value
    }
}

@_cdecl("fpnas_mixture_result") @implementation
public func fpnas_mixture_result(
    _ mixture: OpaquePointer?, _ architecture: UnsafeMutablePointer<Int32>?, _ capacity: Int
) -> fpnas_status {
    unsafe call(mixture) { (mixture) throws(FPNASError) in
        try unsafe put(mixture.result(), architecture, capacity, nil)
    }
}

@_cdecl("fpnas_mixture_distribution") @implementation
public func fpnas_mixture_distribution(
    _ mixture: OpaquePointer?, _ distribution: UnsafeMutablePointer<OpaquePointer?>?
) -> fpnas_status {
    unsafe clear(distribution)
    return unsafe call(mixture) { (mixture) throws(FPNASError) in
        try unsafe putHandle(distribution, "distribution") { () throws(FPNASError) in
            try mixture.distribution.snapshot()
        }
    }
}

@_cdecl("fpnas_mixture_set_logits") @implementation
public func fpnas_mixture_set_logits(
    _ mixture: OpaquePointer?, _ logits: UnsafePointer<Double>?, _ count: Int
) -> fpnas_status {
    unsafe call(mixture) { (mixture) throws(FPNASError) in
        try unsafe mixture.setLogits(try input(logits, count, "logits"))
    }
}

@_cdecl("fpnas_mixture_save") @implementation
public func fpnas_mixture_save(
    _ mixture: OpaquePointer?, _ path: UnsafePointer<CChar>?
) -> fpnas_status {
    unsafe call(mixture) { (mixture) throws(FPNASError) in
        let path = try unsafe string(path, "path")
        try Files.replace(path, with: try Checkpoint.encode(mixture))
    }
}

@_cdecl("fpnas_mixture_load") @implementation
public func fpnas_mixture_load(
    _ path: UnsafePointer<CChar>?, _ mixture: UnsafeMutablePointer<OpaquePointer?>?
) -> fpnas_status {
    unsafe clear(mixture)
    return boundary { () throws(FPNASError) in
        try unsafe putHandle(mixture, "mixture") { () throws(FPNASError) in
            let path = try unsafe string(path, "path")
            return try Checkpoint.decodeMixture(try Files.read(path), name: path)
        }
    }
}

@_cdecl("fpnas_mixture_to_bytes") @implementation
public func fpnas_mixture_to_bytes(
    _ mixture: OpaquePointer?, _ out: UnsafeMutablePointer<UInt8>?, _ capacity: Int,
    _ needed: UnsafeMutablePointer<Int>?
) -> fpnas_status {
    unsafe clear(needed)
    return unsafe call(mixture) { (mixture) throws(FPNASError) in
        try unsafe put(try Checkpoint.encode(mixture), out, capacity, needed)
    }
}

@_cdecl("fpnas_mixture_from_bytes") @implementation
public func fpnas_mixture_from_bytes(
    _ bytes: UnsafePointer<UInt8>?, _ count: Int,
    _ mixture: UnsafeMutablePointer<OpaquePointer?>?
) -> fpnas_status {
    unsafe clear(mixture)
    return boundary { () throws(FPNASError) in
        try unsafe putHandle(mixture, "mixture") { () throws(FPNASError) in
            let bytes = try unsafe array(bytes, count, "bytes")
            return try Checkpoint.decodeMixture(bytes, name: "bytes")
        }
    }
}

@_cdecl("fpnas_darts_discretise") @implementation
public func fpnas_darts_discretise(
    _ weights: UnsafePointer<Double>?, _ count: Int, _ out: UnsafeMutablePointer<Int32>?,
    _ capacity: Int, _ needed: UnsafeMutablePointer<Int>?
) -> fpnas_status {
    unsafe clear(needed)
    return boundary { () throws(FPNASError) in
        let weights = try unsafe array(weights, count, "weights")
        try unsafe put(
            try CellNetwork.dartsArchitecture(edgeWeights: weights), out, capacity, needed)
    }
}
