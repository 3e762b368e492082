import SearchSpace
import Support

/// A chain as bytes, for checkpoints: the whole table, so that a search goes on with the costs it
/// began with, whoever made them.
extension CostChain {
    public func encode(into writer: inout ByteWriter) {
        writer.put(finalStateCount)
        for layer in layers {
            writer.put(layer.stateCount)
            for (cost, next) in zip(layer.costs, layer.next) {
                writer.put(cost)
                writer.put(Int32(truncatingIfNeeded: next))  // below 2^24
            }
        }
    }

    /// Restores what `encode` wrote for the same space.
    public init(space: SearchSpace, from reader: inout ByteReader) throws(FPNASError) {
        let finalStateCount = try reader.takeInt(1...CostChain.maximumRows)
        var layers: [LayerChain] = []
        var rows = 0
        for index in space.layers.indices {
            let options = try space.options(ofLayer: index)
            let states = try reader.takeInt(1...CostChain.maximumRows)
            guard index > 0 || states == 1 else { throw reader.damaged("a cost's first state") }
            rows += states * options.count  // at most 2^24 times 2^20
            // Before memory is taken for what cannot be there.
            guard rows <= CostChain.maximumRows, states * options.count <= reader.remaining / 12
            else { throw reader.damaged("a cost's table ends early") }
            var costs: [Int] = []
            var next: [Int] = []
            for _ in 0..<(states * options.count) {
                costs.append(try reader.takeInt(0...(CostChain.limit - 1)))
                next.append(Int(try reader.take(Int32.self)))
            }
            layers.append(
                LayerChain(options: options, stateCount: states, costs: costs, next: next))
        }
        for (index, layer) in layers.enumerated() {
            let after = index + 1 < layers.count ? layers[index + 1].stateCount : finalStateCount
            guard layer.next.allSatisfy({ (0..<after).contains($0) }) else {
                throw reader.damaged("a cost's table leads nowhere")
            }
        }
        try self.init(space: space, layers: layers, finalStateCount: finalStateCount)
    }
}
