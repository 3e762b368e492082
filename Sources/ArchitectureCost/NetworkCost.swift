import SearchSpace
import Support

/// What a network, or a part of one, costs.
public struct NetworkCost: Hashable, Sendable {
    /// Multiply–accumulates of convolutions and fully connected layers, squeeze-and-excitation
    /// included; one image. The papers' "FLOPs".
    public var macs: Int
    /// Trained parameters, with batch normalisation's scale and shift and with biases.
    public var parameters: Int

    public init(macs: Int, parameters: Int) {
        self.macs = macs
        self.parameters = parameters
    }

    public static let zero = NetworkCost(macs: 0, parameters: 0)

    public static func + (a: NetworkCost, b: NetworkCost) -> NetworkCost {
        // Saturates: a network of 2^63 MACs is as impossible as one of more.
        NetworkCost(
            macs: saturatedSum(a.macs, b.macs), parameters: saturatedSum(a.parameters, b.parameters)
        )
    }

    public func value(of metric: CostMetric) -> Int {
        switch metric {
        case .macs: return macs
        case .parameters: return parameters
        }
    }
}

/// The cost a budget is about.
public enum CostMetric: Int32, Sendable {
    case macs = 0
    case parameters = 1
}

extension NetworkBlock {
    /// The block's exact cost.
    public var cost: NetworkCost {
        let pixels = outHeight * outWidth
        switch kind {
        case .identity: return .zero
        case .convolution, .projection:
            return .dense(kernel: kernel, inChannels, outChannels, pixels: pixels)
        case .classifier:
            return NetworkCost(
                macs: inChannels * outChannels, parameters: (inChannels + 1) * outChannels)
        case .mbconv:
            var total = NetworkCost(
                macs: kernel * kernel * hiddenChannels * pixels,
                parameters: (kernel * kernel + 2) * hiddenChannels)
            if hasExpansion {
                total =
                    total
                    + .dense(kernel: 1, inChannels, hiddenChannels, pixels: inHeight * inWidth)
            }
            if squeezeChannels > 0 {
                let product = hiddenChannels * squeezeChannels
                total =
                    total
                    + NetworkCost(
                        macs: 2 * product,
                        parameters: 2 * product + hiddenChannels + squeezeChannels)
            }
            return total + .dense(kernel: 1, hiddenChannels, outChannels, pixels: pixels)
        }
    }
}

extension NetworkCost {
    /// A k×k convolution without bias, and its batch normalisation.
    fileprivate static func dense(
        kernel: Int, _ input: Int, _ output: Int, pixels: Int
    ) -> NetworkCost {
        // At most 15² · (2^16 · 64) · 2^16 < 2^50 parameters, times 2^24 pixels in the worst case.
        let weights = kernel * kernel * input * output
        let (macs, overflow) = weights.multipliedReportingOverflow(by: pixels)
        return NetworkCost(macs: overflow ? .max : macs, parameters: weights + 2 * output)
    }
}

extension Network {
    /// The whole network's exact cost.
    public var cost: NetworkCost { blocks.reduce(.zero) { $0 + $1.cost } }

    /// Cost of every layer of the space, its repeated blocks together.
    public func costPerLayer(layerCount: Int) -> [NetworkCost] {
        var costs = [NetworkCost](repeating: .zero, count: layerCount)
        for block in blocks { costs[block.layer] = costs[block.layer] + block.cost }
        return costs
    }
}

private func saturatedSum(_ a: Int, _ b: Int) -> Int {
    let (sum, overflow) = a.addingReportingOverflow(b)
    return overflow ? .max : sum
}
