import Formats
import ImageData
import Search
import Support

/// The exact state of a run, sealed with a checksum. The trajectory after a resume is that of the
/// uninterrupted run for the same binary, CPU kernels and thread count.
extension SearchRun {
    public func encode() throws(FPNASError) -> [UInt8] {
        var writer = ByteWriter()
        options.encode(into: &writer)
        writer.put(pipeline.fingerprint)
        writer.put(try SpaceJSON.encode(space, pretty: false))
        try method.encode(into: &writer)
        writer.put([
            sums.trainCount, sums.train, sums.validationCount, sums.validation, sums.accuracy,
        ])
        progress.encode(into: &writer)
        writer.put(history.count)
        for row in history { row.encode(into: &writer) }
        return Checkpoint.seal(writer.bytes, as: .run)
    }

    /// Replaces the file as a whole.
    public func save(_ path: String) throws(FPNASError) {
        try Files.replace(path, with: try encode())
    }

    /// Goes on where `save` left off. The images must be those the run began with; `threads` other
    /// than nil replaces the stored number.
    public convenience init(
        resuming path: String, data: Dataset, threads: Int? = nil
    ) throws(FPNASError) {
        try self.init(resuming: path, threads: threads) { _ in data }
    }

    /// The same with a folder, which is opened as the checkpoint's options say; files that were
    /// checked when the run began are not checked again.
    public convenience init(
        resuming path: String, folder: String, threads: Int? = nil
    ) throws(FPNASError) {
        try self.init(resuming: path, threads: threads) { (options) throws(FPNASError) in
            var loading = options.data.loading(threads: options.threadCount)
            loading.checksFiles = false
            return try Dataset.load(folder: folder, loading)
        }
    }

    private convenience init(
        resuming path: String, threads: Int?,
        load: (RunOptions) throws(FPNASError) -> Dataset
    ) throws(FPNASError) {
        let (kind, payload) = try Checkpoint.open(try Files.read(path), name: path)
        guard kind == .run else {
            throw FPNASError(.format, "'\(path)' holds a \(kind.title), not a built-in run")
        }
        var reader = ByteReader(payload, name: path)
        var options = try RunOptions(from: &reader)
        if let threads {
            options.threads = threads
            try options.check()
        }
        let fingerprint = try reader.take(UInt64.self)
        let stored = try SpaceJSON.decode(Array(try reader.takeBytes()), name: path)
        try self.init(data: try load(options), space: stored, options: options)
        guard fingerprint == pipeline.fingerprint else {
            throw FPNASError(.state, "'\(path)' was begun on other images")
        }
        guard stored == space else {
            throw reader.damaged("its space does not fit the images")
        }
        try method.restore(from: &reader)
        let values = try reader.takeDoubles()
        guard values.count == 5 else { throw reader.damaged("the sums of the epoch") }
        sums = EpochSums(
            trainCount: values[0], train: values[1], validationCount: values[2],
            validation: values[3], accuracy: values[4])
        let last = try RunProgress(from: &reader)
        let steps = trainingSteps + method.closingSteps
        guard (0...steps).contains(last.step) else {
            throw reader.damaged("step \(last.step) of \(steps)")
        }
        for _ in 0..<(try reader.takeInt(0...options.epochs)) {
            history.append(try RunProgress(from: &reader))
        }
        try reader.finish()
        progress.step = last.step
        progress.seconds = last.seconds
        progress.blockEvaluations = last.blockEvaluations
        progress.blocksDrawn = last.blocksDrawn
        try refreshProgress()
    }
}

extension RunProgress {
    func encode(into writer: inout ByteWriter) {
        for value in [
            epoch, epochs, step, steps, sampleCount, samplesDrawn, evaluations, blockEvaluations,
            blocksDrawn,
        ] { writer.put(value) }
        writer.put([
            initialEntropy, entropy, expectedMACs, costTarget, trainLogLikelihood,
            validationLogLikelihood, validationAccuracy, effectiveSamples, skipProbability, seconds,
            secondsLeft,
        ])
        writer.put(isJoint)
        writer.put(stopReason.rawValue)
    }

    init(from reader: inout ByteReader) throws(FPNASError) {
        self.init()
        epoch = try reader.takeInt()
        epochs = try reader.takeInt()
        step = try reader.takeInt()
        steps = try reader.takeInt()
        sampleCount = try reader.takeInt()
        samplesDrawn = try reader.takeInt()
        evaluations = try reader.takeInt()
        blockEvaluations = try reader.takeInt()
        blocksDrawn = try reader.takeInt()
        let values = try reader.takeDoubles()
        guard values.count == 11 else { throw reader.damaged("the progress") }
        initialEntropy = values[0]
        entropy = values[1]
        expectedMACs = values[2]
        costTarget = values[3]
        trainLogLikelihood = values[4]
        validationLogLikelihood = values[5]
        validationAccuracy = values[6]
        effectiveSamples = values[7]
        skipProbability = values[8]
        seconds = values[9]
        secondsLeft = values[10]
        isJoint = try reader.takeBool()
        guard let reason = StopReason(rawValue: try reader.take(Int32.self)) else {
            throw reader.damaged("unknown stop reason")
        }
        stopReason = reason
    }
}

/// What a checkpoint says of the distribution, without images and weights.
public enum StoredState {
    case search(Search)
    case mixture(Mixture)
}

extension SearchRun {
    /// The search or mixture inside a checkpoint, of a run or alone.
    public static func stored(_ bytes: [UInt8], name: String) throws(FPNASError) -> StoredState {
        let (kind, payload) = try Checkpoint.open(bytes, name: name)
        if kind == .mixture {
            return .mixture(try Checkpoint.decodeMixture(bytes, name: name))
        }
        guard kind == .run else {
            return .search(try Checkpoint.decodeSearch(bytes, name: name))
        }
        var reader = ByteReader(payload, name: name)
        let options = try RunOptions(from: &reader)
        _ = try reader.take(UInt64.self)
        switch options.algorithm {
        case .search: return .search(try Checkpoint.takeSearch(from: &reader, name: name))
        case .mixture:
            let space = try SpaceJSON.decode(Array(try reader.takeBytes()), name: name)
            return .mixture(try Mixture(space: space, from: &reader))
        case .bigNAS:
            throw FPNASError(
                .state, "'\(name)' holds a run of bignas, which has no distribution that learns")
        }
    }
}
