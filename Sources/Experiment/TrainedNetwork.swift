import Formats
import ImageData
import SearchSpace
import Supernet
import Support

/// A trained network that stands alone: weights, statistics, and how images become its input. It
/// needs neither the space nor the images any more, and its file nothing of this library.
public final class TrainedNetwork {
    public let inference: InferenceNetwork
    public let space: SearchSpace
    public let architecture: [Int32]
    public let classNames: [String]
    let preprocessor: Preprocessor
    private let workers: ImageWorkers

    /// The network of a space as it is among a supernet's weights, with its running statistics.
    init(
        _ architecture: [Int32], of space: SearchSpace, in supernet: Supernet,
        _ pipeline: ImagePipeline, threads: Int
    ) throws(FPNASError) {
        inference = try InferenceNetwork(
            try space.network(architecture), of: supernet, layers: space.layers.map(\.name),
            threads: threads)
        self.space = space
        self.architecture = architecture
        classNames = pipeline.train.classNames
        preprocessor = try Preprocessor(
            height: pipeline.shape.height, width: pipeline.shape.width,
            means: pipeline.preprocessor.means, deviations: pipeline.preprocessor.deviations)
        workers = ImageWorkers(threads: threads)
        try inference.join(workers.crew)
    }

    public var input: ImageShape { inference.network.input }
    public var classes: Int { inference.network.classes }

    // MARK: - Inference

    /// Turns images of 8 bits a channel into the network's input, as in the training without
    /// augmentation. NHWC in and out; `target` has room for `count` inputs.
    public func prepare(
        _ pixels: UnsafePointer<UInt8>, count: Int, height: Int, width: Int,
        into target: UnsafeMutablePointer<Float>
    ) throws(FPNASError) {
        try unsafe preprocessor.fill(
            target, from: pixels, count: count, height: height, width: width, workers)
    }

    /// Logits of images of 8 bits a channel, a row of classes for each; some at a time, so that
    /// their number costs no memory.
    public func predict(
        _ pixels: UnsafePointer<UInt8>, count: Int, height: Int, width: Int,
        into target: UnsafeMutablePointer<Float>
    ) throws(FPNASError) {
        try unsafe batched(count) { (first, number, batch) throws(FPNASError) in
            try unsafe prepare(
                pixels + first * height * width * input.channels, count: number, height: height,
                width: width, into: batch)
            try unsafe inference.logits(of: batch, count: number, into: target + first * classes)
        }
    }

    /// Logits of all images of a set.
    func predict(_ images: ImageSet) throws(FPNASError) -> Buffer<Float> {
        guard images.channels == input.channels else {
            throw .invalid(
                "the images have \(images.channels) channels, the network takes "
                    + "\(input.channels)")
        }
        let logits = try Buffer<Float>(
            try checkedProduct(images.count, classes, of: "the logits"), of: "the logits")
        try unsafe batched(images.count) { (first, number, batch) throws(FPNASError) in
            let indices = (first..<(first + number)).map { Int32($0) }  // below 2^26
            try unsafe preprocessor.fill(
                batch, from: images, indices[...], augmentation: nil, workers)
            try unsafe inference.logits(
                of: batch, count: number, into: logits.pointer + first * classes)
        }
        return logits
    }

    private func batched(
        _ count: Int,
        _ body: (Int, Int, UnsafeMutablePointer<Float>) throws(FPNASError) -> Void
    ) throws(FPNASError) {
        let size = preprocessor.imageSize
        let most = min(count, max(1, min(64, (1 << 22) / size)))
        let batch = try Buffer<Float>(
            try checkedProduct(most, size, of: "a batch"), of: "a batch")
        try workers.crew.work { _ throws(FPNASError) in
            for first in stride(from: 0, to: count, by: max(most, 1)) {
                try unsafe body(first, min(most, count - first), batch.pointer)
            }
        }
    }

    // MARK: - Files

    public func json(pretty: Bool = true) throws(FPNASError) -> [UInt8] {
        try NetworkJSON.encode(
            inference, name: space.name, classNames: classNames,
            preprocessing: NetworkPreprocessing(
                mean: preprocessor.means, deviation: preprocessor.deviations), pretty: pretty)
    }

    /// Weights as safetensors, with the graph and the architecture as metadata.
    public func encode() throws(FPNASError) -> [UInt8] {
        var tensors: [Safetensors.Tensor] = []
        for (index, tensor) in inference.tensors.enumerated() {
            let values = try Buffer<Float>(tensor.count, of: "a tensor")
            unsafe inference.read(index, into: values.pointer)
            tensors.append(.init(name: tensor.name, shape: tensor.shape, values: values))
        }
        return try Safetensors.encode(
            tensors,
            metadata: [
                "format": NetworkJSON.format,
                "network": String(decoding: try json(pretty: false), as: UTF8.self),
                "architecture": String(
                    decoding: try ArchitectureJSON.encode(architecture, of: space, pretty: false),
                    as: UTF8.self),
            ])
    }

    /// Replaces the file as a whole.
    public func save(_ path: String) throws(FPNASError) {
        try Files.replace(path, with: try encode())
    }

    /// What `save` wrote.
    public convenience init(loading path: String, threads: Int) throws(FPNASError) {
        try self.init(try Files.read(path), name: path, threads: threads)
    }

    public init(_ bytes: [UInt8], name: String, threads: Int) throws(FPNASError) {
        let threads = threads == 0 ? min(Process.processorCount, 256) : threads
        try require(threads, in: 1...256, "threads")
        let (tensors, metadata) = try Safetensors.decode(bytes, name: name)
        guard let graph = metadata["network"], let encoding = metadata["architecture"] else {
            throw FPNASError(
                .format, "'\(name)' has no 'network' and 'architecture' among its metadata")
        }
        let head = try NetworkJSON.decode(Array(graph.utf8), name: name)
        (space, architecture) = try ArchitectureJSON.decode(Array(encoding.utf8), name: name)
        inference = try InferenceNetwork(
            try space.network(architecture), layers: space.layers.map(\.name), threads: threads)
        let shape = inference.network.input
        do throws(FPNASError) {
            preprocessor = try Preprocessor(
                height: shape.height, width: shape.width, means: head.preprocessing.mean,
                deviations: head.preprocessing.deviation)
        } catch { throw FPNASError(.format, "'\(name)': \(error.message)") }
        guard head.classNames.count == inference.network.classes,
            preprocessor.channels == shape.channels, head.preprocessing.resize == "bilinear"
        else {
            throw FPNASError(
                .format,
                "'\(name)' tells of \(head.classNames.count) classes, \(preprocessor.channels) "
                    + "channels and the resizing '\(head.preprocessing.resize)', its network has "
                    + "\(inference.network.classes), \(shape.channels) and 'bilinear'")
        }
        classNames = head.classNames
        workers = ImageWorkers(threads: threads)
        try inference.join(workers.crew)
        for (index, tensor) in inference.tensors.enumerated() {
            guard let given = tensors[tensor.name], given.shape == tensor.shape else {
                throw FPNASError(
                    .format, "'\(name)' has no tensor '\(tensor.name)' of shape \(tensor.shape)")
            }
            unsafe inference.write(index, from: given.values.pointer)
        }
    }
}
