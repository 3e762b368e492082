import Support

/// Where the time of passes goes, by kind of operator.
public struct Profile: Sendable {
    public struct Row: Sendable {
        /// Such as "depthwise 5x5".
        public let name: String
        /// Passes of a batch through an operator of the kind.
        public internal(set) var calls = 0
        public internal(set) var forwardSeconds = 0.0
        public internal(set) var backwardSeconds = 0.0
        /// Multiply-accumulates of convolutions and fully connected layers; backward those of the
        /// gradients of weights and input.
        public internal(set) var forwardMACs = 0.0
        public internal(set) var backwardMACs = 0.0
    }

    public init() {}

    /// In the order in which the kinds were first met.
    public private(set) var rows: [Row] = []

    mutating func add(_ s: OperatorShape, forward: Bool, images: Int, since start: Double) {
        let seconds = Process.seconds - start
        let name = s.profileName
        let place = rows.firstIndex { $0.name == name } ?? rows.count
        if place == rows.count { rows.append(Row(name: name)) }
        let macs =
            s.isConvolution
            ? Double(images) * Double(s.outPixels) * Double(s.taps) * Double(s.groupIn)
                * Double(s.outChannels) : 0
        if forward {
            rows[place].calls += 1
            rows[place].forwardSeconds += seconds
            rows[place].forwardMACs += macs
        } else {
            rows[place].backwardSeconds += seconds
            rows[place].backwardMACs += 2 * macs
        }
    }
}

extension OperatorShape {
    fileprivate var profileName: String {
        let size = "\(kernel)x\(kernel)"
        switch code {
        case .pointwise: return inPixels == 1 ? "linear" : groups > 1 ? "grouped 1x1" : "1x1"
        case .patches: return (groups > 1 ? "grouped " : "") + size
        case .depthwise: return "depthwise " + size + (dilation > 1 ? " dilated" : "")
        case .pool: return "pool " + size
        case .globalPool: return "global pool"
        case .squeezeExcite: return "squeeze-excite"
        case .splitAttention: return "split-attention"
        case .sum: return "sum"
        case .leading: return "leading channels"
        case .concatenation: return "concatenation"
        case .zero: return "zero"
        case .mixture: return inputCount > 1 ? "mixture" : "mask"
        }
    }
}
