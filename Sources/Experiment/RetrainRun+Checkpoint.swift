import Formats
import ImageData
import SearchSpace
import Support

/// The exact state of a retraining, sealed with a checksum; what is said of a run's checkpoint
/// holds here too.
extension RetrainRun {
    public func encode() throws(FPNASError) -> [UInt8] {
        var writer = ByteWriter()
        options.encode(into: &writer)
        writer.put(pipeline.fingerprint)
        writer.put(try SpaceJSON.encode(space, pretty: false))
        writer.put(architecture)
        try save(to: &writer)
        return Checkpoint.seal(writer.bytes, as: .retraining)
    }

    /// Replaces the file as a whole.
    public func save(_ path: String) throws(FPNASError) {
        try Files.replace(path, with: try encode())
    }

    /// Goes on where `save` left off. The images must be those the training began with; `threads`
    /// other than nil replaces the stored number.
    public convenience init(
        resuming path: String, folder: String, threads: Int? = nil
    ) throws(FPNASError) {
        let (kind, payload) = try Checkpoint.open(try Files.read(path), name: path)
        guard kind == .retraining else {
            throw FPNASError(.format, "'\(path)' holds a \(kind.title), not a retraining")
        }
        var reader = ByteReader(payload, name: path)
        var options = try RetrainOptions(from: &reader)
        if let threads {
            options.threads = threads
            try options.check()
        }
        let fingerprint = try reader.take(UInt64.self)
        let space = try SpaceJSON.decode(Array(try reader.takeBytes()), name: path)
        let architecture = try reader.takeInt32s()
        try space.check(architecture)
        // Files that were checked when the training began are not checked again.
        var loading = options.data.loading(threads: options.threadCount)
        loading.checksFiles = false
        try self.init(
            data: try Dataset.load(folder: folder, loading), space: space,
            architecture: architecture, options: options)
        guard fingerprint == pipeline.fingerprint else {
            throw FPNASError(.state, "'\(path)' was begun on other images")
        }
        try restore(from: &reader)
        try reader.finish()
    }
}

extension RetrainOptions {
    func encode(into writer: inout ByteWriter) {
        writer.put(seed)
        for value in [epochs, batchSize, threads, imageSize, maximumShift] { writer.put(value) }
        writer.put([weightRate, momentum, weightDecay])
        data.encode(into: &writer)
        training.encode(into: &writer)
    }

    init(from reader: inout ByteReader) throws(FPNASError) {
        self.init()
        seed = try reader.take(UInt64.self)
        epochs = try reader.takeInt()
        batchSize = try reader.takeInt()
        threads = try reader.takeInt()
        imageSize = try reader.takeInt()
        maximumShift = try reader.takeInt()
        let values = try reader.takeDoubles()
        guard values.count == 3 else { throw reader.damaged("the options") }
        weightRate = values[0]
        momentum = values[1]
        weightDecay = values[2]
        data = try DataOptions(from: &reader)
        training = try TrainingOptions(from: &reader)
        try check()
    }
}
