import CFPNAS
import Experiment
import SearchSpace
import Support

extension RetrainRun: Handled {
    static let tag: UInt = 6
    static let typeName = "retraining"
}

private func call(
    _ handle: OpaquePointer?, _ body: (RetrainRun) throws(FPNASError) -> Void
) -> fpnas_status {
    boundary { () throws(FPNASError) in try unsafe withHandle(handle, RetrainRun.self, body) }
}

/// Of the first version.
private let optionsSize = MemoryLayout<fpnas_retrain_options>.offset(of: \.training_images) ?? 0
private let progressSize = MemoryLayout<fpnas_retrain_progress>.size

extension RetrainOptions {
    init(_ pointer: UnsafePointer<fpnas_retrain_options>) throws(FPNASError) {
        self.init()
        var c = raw
        try unsafe copyStruct(pointer, into: &c, minimum: optionsSize, "fpnas_retrain_options")
        seed = c.seed
        epochs = Int(c.epochs)
        batchSize = Int(c.batch_size)
        threads = Int(c.threads)
        imageSize = Int(c.image_size)
        maximumShift = Int(c.maximum_shift)
        weightRate = c.weight_rate
        momentum = c.momentum
        weightDecay = c.weight_decay
        data = try DataOptions(c)
        training = try TrainingOptions(c)
        try check()
    }

    var raw: fpnas_retrain_options {
        var c = fpnas_retrain_options()
        c.struct_size = UInt32(MemoryLayout<fpnas_retrain_options>.size)
        c.seed = seed
        c.epochs = Int64(epochs)
        c.batch_size = Int64(batchSize)
        c.threads = Int64(threads)
        c.image_size = Int64(imageSize)
        c.maximum_shift = Int64(maximumShift)
        c.weight_rate = weightRate
        c.momentum = momentum
        c.weight_decay = weightDecay
        data.put(into: &c)
        training.put(into: &c)
        return c
    }
}

@_cdecl("fpnas_retrain_options_init") @implementation
public func fpnas_retrain_options_init(
    _ options: UnsafeMutablePointer<fpnas_retrain_options>?, _ structSize: Int
) -> fpnas_status {
    boundary { () throws(FPNASError) in
        try unsafe initialise(
            options, structSize, RetrainOptions().raw, minimum: optionsSize,
            "fpnas_retrain_options")
    }
}

@_cdecl("fpnas_retrain_create") @implementation
public func fpnas_retrain_create(
    _ dataFolder: UnsafePointer<CChar>?, _ space: OpaquePointer?,
    _ architecture: UnsafePointer<Int32>?, _ options: UnsafePointer<fpnas_retrain_options>?,
    _ retrain: UnsafeMutablePointer<OpaquePointer?>?
) -> fpnas_status {
    unsafe clear(retrain)
    return boundary { () throws(FPNASError) in
        try unsafe putHandle(retrain, "retrain") { () throws(FPNASError) in
            let folder = try unsafe string(dataFolder, "data_folder")
            let known = try unsafe options.map { (p) throws(FPNASError) in
                try unsafe RetrainOptions(p)
            }
            return try unsafe withSpace(space) { (space) throws(FPNASError) in
                try RetrainRun(
                    folder: folder, space: space,
                    architecture: try unsafe CABI.architecture(architecture, of: space),
                    options: known ?? RetrainOptions())
            }
        }
    }
}

@_cdecl("fpnas_retrain_free") @implementation
public func fpnas_retrain_free(_ retrain: OpaquePointer?) {
    unsafe freeHandle(retrain, RetrainRun.self)
}

@_cdecl("fpnas_retrain_distil") @implementation
public func fpnas_retrain_distil(
    _ retrain: OpaquePointer?, _ logits: UnsafePointer<Float>?, _ count: Int, _ weight: Double,
    _ temperature: Double
) -> fpnas_status {
    unsafe call(retrain) { (retrain) throws(FPNASError) in
        let given = try unsafe input(logits, count, "logits")
        let copy = try Buffer<Float>(count, of: "the logits")
        for i in 0..<count { unsafe copy[i] = given[i] }
        try retrain.distil(logits: copy, weight: weight, temperature: temperature)
    }
}

@_cdecl("fpnas_retrain_logits") @implementation
public func fpnas_retrain_logits(
    _ retrain: OpaquePointer?, _ out: UnsafeMutablePointer<Float>?, _ capacity: Int,
    _ needed: UnsafeMutablePointer<Int>?
) -> fpnas_status {
    unsafe clear(needed)
    return unsafe call(retrain) { (retrain) throws(FPNASError) in
        // At most 2^48: both are bounded by the memory they are in.
        let count = retrain.pipeline.train.count * retrain.pipeline.classes
        try unsafe requireRoom(count, out, capacity, needed)
        let logits = try retrain.logits()
        try unsafe put(UnsafeBufferPointer(logits.elements), out, capacity, nil)
    }
}

@_cdecl("fpnas_retrain_step") @implementation
public func fpnas_retrain_step(_ retrain: OpaquePointer?, _ count: Int64) -> fpnas_status {
    unsafe call(retrain) { (retrain) throws(FPNASError) in
        try retrain.advance(Int(clamping: count))
    }
}

@_cdecl("fpnas_retrain_progress_get") @implementation
public func fpnas_retrain_progress_get(
    _ retrain: OpaquePointer?, _ progress: UnsafeMutablePointer<fpnas_retrain_progress>?
) -> fpnas_status {
    unsafe call(retrain) { (retrain) throws(FPNASError) in
        let value = fpnas_retrain_progress(
            struct_size: UInt32(progressSize), is_done: retrain.isDone ? 1 : 0,
            step: Int64(retrain.step), steps: Int64(retrain.steps),
            train_log_likelihood: retrain.trainLogLikelihood, seconds: retrain.seconds)
        try unsafe fillStruct(
            progress, from: value, minimum: progressSize, "fpnas_retrain_progress")
    }
}

@_cdecl("fpnas_retrain_test") @implementation
public func fpnas_retrain_test(
    _ retrain: OpaquePointer?, _ accuracy: UnsafeMutablePointer<Double>?,
    _ logLikelihood: UnsafeMutablePointer<Double>?
) -> fpnas_status {
    unsafe clear(accuracy, logLikelihood)
    return unsafe call(retrain) { (retrain) throws(FPNASError) in
        let accuracy = try unsafe output(accuracy, "accuracy")
        let logLikelihood = try unsafe output(logLikelihood, "log_likelihood")
        let result = try retrain.test()
        unsafe accuracy.pointee = result.accuracy
        unsafe logLikelihood.pointee = result.logLikelihood
    }
}

@_cdecl("fpnas_retrain_save") @implementation
public func fpnas_retrain_save(
    _ retrain: OpaquePointer?, _ path: UnsafePointer<CChar>?
) -> fpnas_status {
    unsafe call(retrain) { (retrain) throws(FPNASError) in
        try retrain.save(try unsafe string(path, "path"))
    }
}

@_cdecl("fpnas_retrain_load") @implementation
public func fpnas_retrain_load(
    _ path: UnsafePointer<CChar>?, _ dataFolder: UnsafePointer<CChar>?, _ threads: Int64,
    _ retrain: UnsafeMutablePointer<OpaquePointer?>?
) -> fpnas_status {
    unsafe clear(retrain)
    return boundary { () throws(FPNASError) in
        try unsafe putHandle(retrain, "retrain") { () throws(FPNASError) in
            let path = try unsafe string(path, "path")
            let folder = try unsafe string(dataFolder, "data_folder")
            return try RetrainRun(
                resuming: path, folder: folder, threads: threads == 0 ? nil : Int(threads))
        }
    }
}

@_cdecl("fpnas_space_random_near") @implementation
public func fpnas_space_random_near(
    _ space: OpaquePointer?, _ macs: Int64, _ seed: UInt64,
    _ architecture: UnsafeMutablePointer<Int32>?, _ capacity: Int
) -> fpnas_status {
    boundary { () throws(FPNASError) in
        try unsafe withSpace(space) { (space) throws(FPNASError) in
            guard (1...(1 << 60)).contains(macs) else {
                throw .invalid("macs must be in [1, 2^60], got \(macs)")
            }
            try unsafe put(
                try RandomNetwork.near(macs: Int(macs), in: space, seed: seed), architecture,
                capacity, nil)
        }
    }
}

@_cdecl("fpnas_debug_memory") @implementation
public func fpnas_debug_memory(
    _ resetPeak: Int32, _ current: UnsafeMutablePointer<Int64>?,
    _ peak: UnsafeMutablePointer<Int64>?
) -> fpnas_status {
    unsafe clear(current, peak)
    return boundary { () throws(FPNASError) in
        let current = try unsafe output(current, "current")
        let peak = try unsafe output(peak, "peak")
        let reset = try flag(resetPeak, "reset_peak")
        unsafe current.pointee = Int64(BufferMemory.current)
        unsafe peak.pointee = Int64(BufferMemory.peak)
        if reset { BufferMemory.resetPeak() }
    }
}
