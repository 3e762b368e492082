import ArchitectureDistribution
import SearchSpace
import Support

/// The cost of every layer for every input width and every option: a chain of widths.
///
/// A layer's cost depends on its own choices and on the width that comes in, so sums over all
/// architectures are dynamic programmes over the width. Building takes
/// O(Σ layers: input widths × options).
public struct CostTable: Sendable {
    struct LayerTable: Sendable {
        /// All choices of the layer's variables, −1 where one does not exist.
        let options: [[Int32]]
        let inputWidths: [Int]
        /// Row i · options.count + o: input width i, option o.
        let costs: [NetworkCost]
        /// Index of the width that goes out, in the next layer's `inputWidths`; by the same row.
        let next: [Int]
    }

    public let space: SearchSpace
    let layers: [LayerTable]
    /// Number of distinct widths after the last layer.
    let finalWidthCount: Int

    public init(_ space: SearchSpace) throws(FPNASError) {
        guard let input = space.input else {
            throw .invalid("the space '\(space.name)' is abstract: its costs are the caller's")
        }
        self.space = space
        var layers: [LayerTable] = []
        var widths = [input.channels]
        var height = input.height
        var width = input.width
        var architecture = [Int32](repeating: 0, count: space.variableCount)
        for (index, layer) in space.layers.enumerated() {
            let options = try space.options(ofLayer: index)
            let stride = layer.block?.stride ?? 1
            var costs: [NetworkCost] = []
            var outputs: [Int] = []
            for channels in widths {
                for option in options {
                    for (v, c) in zip(space.variables(of: index), option) {
                        architecture[v] = max(c, 0)
                    }
                    let blocks = space.blocks(
                        ofLayer: index, architecture, channels: channels, height: height,
                        width: width)
                    costs.append(blocks.reduce(.zero) { $0 + $1.cost })
                    outputs.append(blocks.last?.outChannels ?? channels)
                }
            }
            let distinct = Set(outputs).sorted()
            layers.append(
                LayerTable(
                    options: options, inputWidths: widths, costs: costs,
                    next: outputs.map { distinct.firstIndex(of: $0) ?? 0 }))
            widths = distinct
            height = (height + stride - 1) / stride
            width = (width + stride - 1) / stride
        }
        self.layers = layers
        finalWidthCount = widths.count
        // So that no sum of costs overflows.
        guard range(of: .macs).upperBound < 1 << 60 else {
            throw .invalid("networks of '\(space.name)' have 2^60 MACs or more")
        }
    }

    // MARK: - Exact sums

    /// E[C(A)] under the distribution, exactly, without sampling. O(table).
    public func expectation(
        of metric: CostMetric, under distribution: ArchitectureDistribution
    ) throws(FPNASError) -> Double {
        try requireSpace(of: distribution)
        var arrival = [1.0]
        var total = 0.0
        for (index, layer) in layers.enumerated() {
            let probabilities = distribution.logProbabilities(ofLayer: index, layer.options)
                .map(Elementary.exp)
            var next = [Double](repeating: 0, count: widthCount(after: index))
            for (i, mass) in arrival.enumerated() where mass > 0 {
                for (o, p) in probabilities.enumerated() {
                    let row = i * layer.options.count + o
                    total += mass * p * Double(layer.costs[row].value(of: metric))
                    next[layer.next[row]] += mass * p
                }
            }
            arrival = next
        }
        return total
    }

    /// The least and the greatest cost of any architecture.
    public func range(of metric: CostMetric) -> ClosedRange<Int> {
        var least = [Int](repeating: 0, count: finalWidthCount)
        var greatest = least
        for layer in layers.reversed() {
            let count = layer.options.count
            var low = [Int](repeating: .max, count: layer.inputWidths.count)
            var high = [Int](repeating: 0, count: layer.inputWidths.count)
            for row in layer.costs.indices {
                let cost = NetworkCost(macs: layer.costs[row].value(of: metric), parameters: 0)
                let after = layer.next[row]
                low[row / count] = min(
                    low[row / count], (cost + NetworkCost(macs: least[after], parameters: 0)).macs)
                high[row / count] = max(
                    high[row / count],
                    (cost + NetworkCost(macs: greatest[after], parameters: 0)).macs)
            }
            least = low
            greatest = high
        }
        return least[0]...max(greatest[0], least[0])
    }

    func widthCount(after layer: Int) -> Int {
        layer + 1 < layers.count ? layers[layer + 1].inputWidths.count : finalWidthCount
    }

    func requireSpace(of distribution: ArchitectureDistribution) throws(FPNASError) {
        guard distribution.space == space else {
            throw .invalid(
                "the cost table is of '\(space.name)', the distribution of another space "
                    + "'\(distribution.space.name)'")
        }
    }
}
