import SearchSpace
import Supernet
import Support

/// How images of 8 bits a channel become a network's input.
public struct NetworkPreprocessing: Codable, Equatable, Sendable {
    /// "bilinear", without aligned corners and antialiased, which `Preprocessor` tells exactly.
    public var resize = "bilinear"
    /// Of every channel: (x / 255 − mean) / deviation.
    public let mean: [Float]
    public let deviation: [Float]

    public init(mean: [Float], deviation: [Float]) {
        self.mean = mean
        self.deviation = deviation
    }
}

/// The graph of one trained network for other frameworks: every primitive operator with its inputs,
/// settings and tensors (docs/file-formats.md).
public enum NetworkJSON {
    public static let format = "fpnas-network"
    public static let version = 1

    public static func encode(
        _ inference: InferenceNetwork, name: String, classNames: [String],
        preprocessing: NetworkPreprocessing, pretty: Bool
    ) throws(FPNASError) -> [UInt8] {
        try JSONText.encode(
            NetworkDocument(inference, name, classNames, preprocessing), pretty: pretty)
    }

    /// What cannot be had from the space and the encoding alone.
    public static func decode(
        _ text: [UInt8], name: String
    ) throws(FPNASError) -> (classNames: [String], preprocessing: NetworkPreprocessing) {
        let document = try JSONText.decode(NetworkHead.self, text, name: name)
        guard document.format == format, document.version == version else {
            throw FPNASError(
                .format,
                "'\(name)' must have format '\(format)' version \(version), got "
                    + "'\(document.format)' version \(document.version)")
        }
        return (document.class_names, document.preprocessing)
    }
}

private struct NetworkHead: Decodable {
    let format: String
    let version: Int
    let class_names: [String]
    let preprocessing: NetworkPreprocessing
}

private struct NetworkDocument: Encodable {
    let format = NetworkJSON.format
    let version = NetworkJSON.version
    let name: String
    /// Rows, columns, channels.
    let input: [Int]
    let classes: Int
    let class_names: [String]
    let preprocessing: NetworkPreprocessing
    let epsilon = Supernet.normalisationEpsilon
    let operators: [OperatorDocument]

    init(
        _ inference: InferenceNetwork, _ name: String, _ classNames: [String],
        _ preprocessing: NetworkPreprocessing
    ) {
        self.name = name
        input = inference.network.input.sizes
        classes = inference.network.classes
        class_names = classNames
        self.preprocessing = preprocessing
        operators = inference.operators.map { OperatorDocument($0, among: inference.operators) }
    }
}

private struct OperatorDocument: Encodable {
    let name: String
    let kind: String
    let inputs: [String]
    let input_shape: [Int]
    let output_shape: [Int]
    var kernel: Int?
    var stride: Int?
    var padding: Int?
    var dilation: Int?
    var groups: Int?
    var pool: String?
    var squeeze: Int?
    var gate: String?
    let input_activation: String?
    let activation: String?
    let norm: Bool
    let tensors: [String]

    init(_ named: NamedOperator, among all: [NamedOperator]) {
        let op = named.operation
        name = named.name
        inputs = op.inputs.map { $0 < 0 ? "image" : all[$0].name }
        input_shape = op.inShape.sizes
        output_shape = op.outShape.sizes
        input_activation = op.inputActivation == .none ? nil : op.inputActivation.rawValue
        activation = op.activation == .none ? nil : op.activation.rawValue
        norm = op.hasNormalisation
        tensors = named.tensors.map(\.name)
        switch op.kind {
        case .convolution(let kernel, let stride, let padding, let dilation, let groups):
            kind = "conv"
            self.kernel = kernel
            self.stride = stride
            self.padding = padding
            self.dilation = dilation
            self.groups = groups
        case .linear: kind = "linear"
        case .pool(let pool, let kernel, let stride, let padding):
            kind = "pool"
            self.pool = pool.rawValue
            self.kernel = kernel
            self.stride = stride
            self.padding = padding
        case .globalPool: kind = "global_pool"
        case .squeezeExcite(let width, let gate):
            kind = "squeeze_excite"
            squeeze = width
            self.gate = gate.rawValue
        case .splitAttention(let width):
            kind = "split_attention"
            squeeze = width
        case .sum: kind = "sum"
        case .leading(let stride):
            kind = "leading"
            self.stride = stride
        case .concatenation: kind = "concat"
        case .zero: kind = "zero"
        case .mixture: kind = "mixture"
        }
    }
}

extension ImageShape {
    fileprivate var sizes: [Int] { [height, width, channels] }
}
