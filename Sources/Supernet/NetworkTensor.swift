import SearchSpace
import Support

/// A tensor of one network as the outside sees it: dense, row-major, and without the lanes and the
/// wider weights of other networks that it may lie among.
///
/// Convolutions are [out, in of a group, row, column] (OIHW; depthwise ones [channel, 1, row,
/// column]), fully connected layers [out, in], all others [channel].
public struct NetworkTensor: Hashable, Sendable {
    /// The operator's name and what the tensor is to it, such as `stem.0.conv.norm.gamma`.
    public let name: String
    public let shape: [Int]
    let place: TensorPlace

    /// Number of values: bounded by the buffer they lie in.
    public var count: Int { shape.reduce(1, *) }
}

/// Where a tensor's values lie: output channels side by side, the rest at these distances.
struct TensorPlace: Hashable, Sendable {
    /// Whether among the running statistics rather than the parameters.
    var isStatistic = false
    var offset: Int
    var outputs: Int
    var inputs = 1
    var inputStep = 0
    var taps = 1
    var tapStep = 0
}

/// An operator of a network with the tensors it takes.
public struct NamedOperator: Sendable {
    /// Layer, position in it, and what the operator is for: `stem.0.conv`.
    public let name: String
    /// Its inputs count in the list this is from.
    public let operation: NetworkOperator
    public let tensors: [NetworkTensor]
}

extension Supernet {
    /// What is added to the variance in batch normalisation.
    public static var normalisationEpsilon: Double { 1e-5 }

    /// The operators that a network's logits depend on, in the order they are computed, with their
    /// places in this supernet. `layers` names the layers.
    func describe(_ network: Network, layers: [String]) throws(FPNASError) -> [NamedOperator] {
        let prepared = try prepare(network)
        try bind(prepared)
        let names = OperatorNames.names(prepared.live.operators, of: network, layers: layers)
        return zip(prepared.live.operators, bound.operators).enumerated().map { index, pair in
            NamedOperator(
                name: names[index], operation: pair.0,
                tensors: tensors(of: pair.1, kind: pair.0.kind, named: names[index]))
        }
    }

    private func tensors(
        of b: BoundOperator, kind: NetworkOperator.Kind, named name: String
    ) -> [NetworkTensor] {
        var list: [NetworkTensor] = []
        func add(_ role: String, _ shape: [Int], _ place: TensorPlace) {
            list.append(NetworkTensor(name: "\(name).\(role)", shape: shape, place: place))
        }
        func vector(_ role: String, _ count: Int, at offset: Int, isStatistic: Bool = false) {
            add(
                role, [count],
                TensorPlace(isStatistic: isStatistic, offset: offset, outputs: count))
        }
        func matrix(_ role: String, _ outputs: Int, _ inputs: Int, _ at: MatrixPlace) {
            add(
                role, [outputs, inputs],
                TensorPlace(
                    offset: at.offset, outputs: outputs, inputs: inputs, inputStep: at.line))
        }
        let s = b.s
        switch kind {
        case .convolution(let kernel, _, _, _, let groups):
            let isDepthwise = s.code == .depthwise
            let inputs = isDepthwise ? 1 : s.inChannels / max(groups, 1)
            add(
                "weight", [s.outChannels, inputs, kernel, kernel],
                TensorPlace(
                    offset: b.weight.offset, outputs: s.outChannels, inputs: inputs,
                    inputStep: b.weight.line, taps: kernel * kernel,
                    tapStep: (isDepthwise ? 1 : b.weightRows) * b.weight.line))
        case .linear: matrix("weight", s.outChannels, s.inChannels, b.weight)
        case .squeezeExcite(let width, _), .splitAttention(let width):
            matrix("squeeze.weight", width, s.outChannels, b.squeeze)
            vector("squeeze.bias", width, at: b.squeezeBias)
            for split in b.inputs.indices {
                let number = s.code == .splitAttention ? ".\(split - b.inputs.lowerBound)" : ""
                let step = split - b.inputs.lowerBound
                matrix(
                    "excite\(number).weight", s.outChannels, width,
                    MatrixPlace(
                        offset: b.excite.offset + step * b.exciteStep, line: b.excite.line))
                vector(
                    "excite\(number).bias", s.outChannels,
                    at: b.exciteBias + step * b.excite.line)
            }
        default: break
        }
        if b.bias >= 0 { vector("bias", s.outChannels, at: b.bias) }
        if s.hasNorm {
            vector("norm.gamma", s.outChannels, at: b.norm.gamma)
            vector("norm.beta", s.outChannels, at: b.norm.beta)
            let mean = b.norm.statistics
            vector("norm.mean", s.outChannels, at: mean, isStatistic: true)
            vector("norm.variance", s.outChannels, at: mean + b.norm.line, isStatistic: true)
        }
        return list
    }

    /// Copies a tensor's values into memory for `tensor.count` of them.
    func read(_ tensor: NetworkTensor, into target: UnsafeMutablePointer<Float>) {
        let target = unsafe target
        let source = unsafe memory(of: tensor)
        tensor.place.forEach { index, place in unsafe target[index] = source[place] }
    }

    /// Sets a tensor's values.
    func write(_ tensor: NetworkTensor, from source: UnsafePointer<Float>) {
        let source = unsafe source
        let target = unsafe memory(of: tensor)
        tensor.place.forEach { index, place in unsafe target[place] = source[index] }
    }

    private func memory(of tensor: NetworkTensor) -> UnsafeMutablePointer<Float> {
        unsafe (tensor.place.isStatistic ? weights.statistics : weights.parameters).pointer
    }
}

extension TensorPlace {
    /// Every value's index in the dense tensor and where it lies.
    fileprivate func forEach(_ body: (_ index: Int, _ place: Int) -> Void) {
        var index = 0
        for output in 0..<outputs {
            for input in 0..<inputs {
                for tap in 0..<taps {
                    body(index, offset + output + input * inputStep + tap * tapStep)
                    index += 1
                }
            }
        }
    }
}

/// Names operators by layer, position and purpose; those of one name are numbered.
enum OperatorNames {
    static func names(
        _ operators: [NetworkOperator], of network: Network, layers: [String]
    ) -> [String] {
        let plain = operators.map { op in
            let block = network.blocks[op.block]
            let layer =
                layers.indices.contains(block.layer) ? layers[block.layer] : "fixed"
            return "\(layer).\(block.position).\(purpose(op))"
        }
        // Looked up, never iterated.
        var totals: [String: Int] = [:]
        for name in plain { totals[name, default: 0] += 1 }
        var seen: [String: Int] = [:]
        return plain.map { name in
            guard totals[name] != 1 else { return name }
            let number = seen[name, default: 0]
            seen[name] = number + 1
            return "\(name)\(number)"
        }
    }

    private static func purpose(_ op: NetworkOperator) -> String {
        switch op.kind {
        case .convolution(_, _, _, _, let groups):
            switch op.role {
            case .expand: return "expand"
            case .project: return "project"
            case .shortcut: return "skip"
            default:
                let isDepthwise =
                    groups > 1 && groups == op.inShape.channels && groups == op.outShape.channels
                return isDepthwise ? "depthwise" : "conv"
            }
        case .linear: return op.role == .project ? "project" : "linear"
        case .pool, .globalPool: return "pool"
        case .squeezeExcite, .splitAttention: return "attention"
        case .sum: return "sum"
        case .leading: return "leading"
        case .concatenation: return "concat"
        case .zero: return "zero"
        case .mixture: return "mixture"
        }
    }
}
