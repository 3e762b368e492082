import ArchitectureDistribution
import SearchSpace
import Support

/// The cost of every layer of a network space for every input width and every option.
///
/// A layer's cost depends on its own choices and on the width that comes in, so sums over all
/// architectures are dynamic programmes over the chain of widths, `CostChain`. Building takes
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

    /// Rows of all layers together.
    public static let maximumRows = 1 << 24

    public init(_ space: SearchSpace) throws(FPNASError) {
        guard let input = space.input else {
            throw .invalid("the space '\(space.name)' is abstract: its costs are the caller's")
        }
        self.space = space
        var layers: [LayerTable] = []
        var widths = [input.channels]
        var height = input.height
        var width = input.width
        var rows = 0
        var architecture = [Int32](repeating: 0, count: space.variableCount)
        for (index, layer) in space.layers.enumerated() {
            let options = try space.options(ofLayer: index)
            rows += widths.count * options.count  // at most 2^17 times 2^20 each
            guard rows <= CostTable.maximumRows else {
                throw FPNASError(
                    .infeasible,
                    "layer '\(layer.name)': \(widths.count) input widths and \(options.count) options"
                        + " bring the table of costs beyond \(CostTable.maximumRows) rows")
            }
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
            var places: [Int: Int] = [:]
            for (i, channels) in distinct.enumerated() { places[channels] = i }
            layers.append(
                LayerTable(
                    options: options, inputWidths: widths, costs: costs,
                    next: outputs.map { places[$0] ?? 0 }))
            widths = distinct
            height = (height + stride - 1) / stride
            width = (width + stride - 1) / stride
        }
        self.layers = layers
        finalWidthCount = widths.count
        _ = try chain(of: .macs)  // refuses costs whose sums would overflow
    }

    /// The table of one metric, on which all arithmetic is done.
    public func chain(of metric: CostMetric) throws(FPNASError) -> CostChain {
        try CostChain(
            space: space,
            layers: layers.map { layer in
                CostChain.LayerChain(
                    options: layer.options, stateCount: layer.inputWidths.count,
                    costs: layer.costs.map { $0.value(of: metric) }, next: layer.next)
            },
            finalStateCount: finalWidthCount)
    }
}
