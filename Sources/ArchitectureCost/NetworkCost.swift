import SearchSpace
import Support

/// What a network, or a part of one, costs; of one image.
public struct NetworkCost: Hashable, Sendable {
    /// Multiply–accumulates. The papers' "FLOPs".
    public var macs: Int
    public var parameters: Int
    /// Bytes of the results of all operators as 32-bit floats: what a training step keeps when it
    /// computes nothing twice.
    public var activations: Int

    public init(macs: Int, parameters: Int, activations: Int = 0) {
        self.macs = macs
        self.parameters = parameters
        self.activations = activations
    }

    public static let zero = NetworkCost(macs: 0, parameters: 0)

    public static func + (a: NetworkCost, b: NetworkCost) -> NetworkCost {
        // Saturates: a network of 2^63 MACs is as impossible as one of more.
        NetworkCost(
            macs: saturatedSum(a.macs, b.macs),
            parameters: saturatedSum(a.parameters, b.parameters),
            activations: saturatedSum(a.activations, b.activations))
    }

    public func value(of metric: CostMetric) -> Int {
        switch metric {
        case .macs: return macs
        case .parameters: return parameters
        case .activations: return activations
        }
    }
}

/// The cost a budget is about.
public enum CostMetric: Int32, CaseIterable, Sendable {
    case macs = 0
    case parameters = 1
    case activations = 2
}

/// What is counted; published numbers differ by it.
public enum CountingConvention: Int32, CaseIterable, Sendable {
    /// MACs = weights × output positions of convolutions and fully connected layers, also inside
    /// of attention. Parameters are all trained ones: weights, biases, and scale and shift of
    /// normalisations. torchvision's tables count like this.
    case torch = 0
    /// MACs as above, and one for every input element of a global average pool (also inside of
    /// attention). Parameters are weights of convolutions and fully connected layers alone. [The
    /// FBNet papers and their released models]
    case mobileVision = 1
    /// The rule of NAS-Bench-201 and NAS-Bench-Macro: on their blocks it gives the same numbers
    /// as `torch`, under the name their users know.
    case nasBench = 2

    public var name: String {
        switch self {
        case .torch: return "torch"
        case .mobileVision: return "mobile-vision"
        case .nasBench: return "nas-bench"
        }
    }

    /// The convention of that name, or an error that lists them all.
    public static func named(_ name: String) throws(FPNASError) -> CountingConvention {
        guard let found = allCases.first(where: { $0.name == name }) else {
            let all = allCases.map(\.name).joined(separator: ", ")
            throw .invalid("there is no counting convention '\(name)'; there are: \(all)")
        }
        return found
    }
}

extension NetworkOperator {
    /// The operator's exact cost.
    public func cost(_ convention: CountingConvention = .torch) -> NetworkCost {
        let countsAll = convention != .mobileVision
        let pixels = saturatedProduct(outShape.height, outShape.width)
        var weights = 0
        var macs = 0
        var biases = hasBias ? outShape.channels : 0
        if hasNormalisation { biases += 2 * outShape.channels }
        switch kind {
        case .convolution(let kernel, _, _, _, let groups):
            weights = saturatedProduct(
                kernel * kernel, inShape.channels / groups, outShape.channels)
            macs = saturatedProduct(weights, pixels)
        case .linear:
            weights = saturatedProduct(inShape.channels, outShape.channels)
            macs = weights
        case .squeezeExcite(let width, _):
            weights = saturatedProduct(2, inShape.channels, width)
            macs = weights
            biases += inShape.channels + width
        case .splitAttention(let width):
            weights = saturatedProduct(1 + inputs.count, inShape.channels, width)
            macs = weights
            biases += inputs.count * inShape.channels + width
        case .pool, .globalPool, .sum, .leading, .concatenation, .zero, .mixture: break
        }
        if convention == .mobileVision {
            switch kind {
            case .globalPool, .squeezeExcite, .splitAttention:
                macs = saturatedSum(
                    macs, saturatedProduct(inShape.height, inShape.width, inShape.channels))
            default: break
            }
        }
        return NetworkCost(
            macs: macs, parameters: countsAll ? saturatedSum(weights, biases) : weights,
            activations: saturatedProduct(4, pixels, outShape.channels))
    }
}

extension NetworkBlock {
    /// The block's exact cost.
    public func cost(_ convention: CountingConvention = .torch) -> NetworkCost {
        operators.reduce(.zero) { $0 + $1.cost(convention) }
    }
}

extension Network {
    /// The whole network's exact cost.
    public func cost(_ convention: CountingConvention = .torch) -> NetworkCost {
        operators.reduce(.zero) { $0 + $1.cost(convention) }
    }

    /// Cost of every layer of the space, its repeated blocks together; what a cell network's
    /// layers do not choose comes last.
    public func costPerLayer(
        layerCount: Int, _ convention: CountingConvention = .torch
    ) -> [NetworkCost] {
        let hasRest = blocks.contains { $0.layer < 0 }
        var costs = [NetworkCost](repeating: .zero, count: layerCount + (hasRest ? 1 : 0))
        for block in blocks {
            let place = block.layer < 0 ? layerCount : block.layer
            costs[place] = costs[place] + block.cost(convention)
        }
        return costs
    }
}

private func saturatedSum(_ a: Int, _ b: Int) -> Int {
    let (sum, overflow) = a.addingReportingOverflow(b)
    return overflow ? .max : sum
}

/// Of factors ≥ 0.
private func saturatedProduct(_ factors: Int...) -> Int {
    var product = 1
    for factor in factors {
        let (next, overflow) = product.multipliedReportingOverflow(by: factor)
        if overflow { return .max }
        product = next
    }
    return product
}
