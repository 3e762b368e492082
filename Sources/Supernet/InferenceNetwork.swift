import CKernels
import SearchSpace
import Support

/// One network with weights of its own and fixed statistics, to run and to take apart.
///
/// Every image is computed by itself, whatever else is in its batch: results are bit-equal for any
/// way of batching and any number of threads, and where a `Supernet`'s are.
public final class InferenceNetwork {
    public let network: Network
    public let operators: [NamedOperator]
    /// Those of all operators, in their order.
    public let tensors: [NetworkTensor]
    private let supernet: Supernet

    /// Floats of activations that stay in a core's cache: about as many images are computed
    /// together, but enough for all threads.
    static let room = 1 << 19

    /// With zeros for values. `layers` names the layers of the network's space.
    public init(_ network: Network, layers: [String], threads: Int) throws(FPNASError) {
        self.network = network
        let each = try SpaceExtent([network]).activations.perImage
        let fitting = min(InferenceNetwork.room / max(each, 1), 16)
        supernet = try Supernet(
            networks: [network], capacity: max(fitting, threads, 1), seed: 0, threads: threads)
        operators = try supernet.describe(network, layers: layers)
        tensors = operators.flatMap(\.tensors)
    }

    /// With the values that a network has among the weights of a supernet, and with its running
    /// statistics there.
    public convenience init(
        _ network: Network, of source: Supernet, layers: [String], threads: Int
    ) throws(FPNASError) {
        try self.init(network, layers: layers, threads: threads)
        let given = try source.describe(network, layers: layers).flatMap(\.tensors)
        for (own, other) in zip(tensors, given) {
            let values = try Buffer<Float>(own.count, of: "a tensor")
            unsafe source.read(other, into: values.pointer)
            unsafe supernet.write(own, from: values.pointer)
        }
    }

    /// Shares the threads of a crew, as many as its own.
    public func join(_ crew: Crew) throws(FPNASError) { try supernet.join(crew) }

    /// Copies a tensor's values into memory for its count of them.
    public func read(_ tensor: Int, into target: UnsafeMutablePointer<Float>) {
        unsafe supernet.read(tensors[tensor], into: target)
    }

    /// Sets a tensor's values, as many as it has.
    public func write(_ tensor: Int, from source: UnsafePointer<Float>) {
        unsafe supernet.write(tensors[tensor], from: source)
    }

    /// The logits of prepared images: NHWC floats of the network's input shape in, a row of classes
    /// for each image out.
    public func logits(
        of images: UnsafePointer<Float>, count: Int, into target: UnsafeMutablePointer<Float>
    ) throws(FPNASError) {
        guard count > 0 else { return }
        try unsafe supernet.infer(images, count: count, into: target)
    }
}

extension Supernet {
    /// Runs the network that was bound last on any number of images, with running statistics.
    fileprivate func infer(
        _ images: UnsafePointer<Float>, count: Int, into target: UnsafeMutablePointer<Float>
    ) throws(FPNASError) {
        guard let last = bound.operators.last else { throw .invalid("the network has no blocks") }
        try withTeam { (team) throws(FPNASError) in
            for first in stride(from: 0, to: count, by: capacity) {
                // A chunk has one image: what is computed of it depends on no other.
                let pass = makePass(min(capacity, count - first), chunked: false)
                unsafe pass.takeImages(images + first * imageSize, team)
                forward(pass, from: 0, weights.statistics, team)
                for i in 0..<pass.count {
                    unsafe (target + (first + i) * classes).update(
                        from: pass.at(last.data) + i * last.s.outLine, count: classes)
                }
            }
        }
    }
}
