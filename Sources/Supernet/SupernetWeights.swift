import SearchSpace
import Support

/// One tensor of the shared weights: `rows` × `columns`, rows `line` floats apart.
///
/// A network uses the leading rows and columns.
public struct WeightSlot: Hashable, Sendable {
    /// Place and role, for example `mbconv3.0.depthwise5`.
    public let name: String
    public let offset: Int
    public let rows: Int
    public let columns: Int
    public let line: Int
    /// Whether weight decay applies: not to biases and batch normalisation.
    public let decays: Bool
    /// Standard deviation of the initial values, or nil for the constant `initialValue`.
    let deviation: Double?
    let initialValue: Float
}

/// The maximal weights every network of a space takes its leading slices of.
///
/// * Input, hidden, output and squeeze channels are leading slices; pointwise weights are
///   [in][out], k×k convolutions [ky][kx][in][out], depthwise weights [ky][kx][channel].
/// * Kernel sizes share nothing: each has its own weights and its own batch normalisation behind
///   them, since a 3×3 and a 5×5 sum have different statistics.
/// * A kernel-0 block whose shapes differ has its own 1×1 convolution.
///
/// All parameters lie in one buffer, decaying ones first; lanes beyond a slot's columns are 0.
final class SupernetWeights {
    let slots: [WeightSlot]
    let blocks: [BlockSlots]
    let norms: [NormSlot]
    /// Number of floats, of which the first `decayingCount` decay.
    let count: Int
    let decayingCount: Int
    let parameters: Buffer<Float>
    let momentum: Buffer<Float>
    let gradient: Buffer<Float>
    /// Running mean and variance of every normalisation.
    let statistics: Buffer<Float>

    init(extents: [BlockExtent], layerNames: [String], seed: UInt64) throws(FPNASError) {
        var table = SlotTable()
        var blocks: [BlockSlots] = []
        for extent in extents {
            blocks.append(
                BlockSlots(
                    extent, named: "\(layerNames[extent.layer]).\(extent.position)", in: &table))
        }
        try table.place()
        slots = table.slots
        norms = table.norms
        count = table.count
        decayingCount = table.decayingCount
        self.blocks = blocks
        parameters = try Buffer(count, of: "the weights")
        momentum = try Buffer(count, of: "the momentum")
        gradient = try Buffer(count, of: "the gradient")
        statistics = try Buffer(table.statisticsCount, of: "the running statistics")
        initialise(seed: seed)
    }

    /// Every weight is a pure function of the seed, its slot and its index in the slot.
    private func initialise(seed: UInt64) {
        let random = Philox(seed: seed, stream: .weights)
        for (number, slot) in slots.enumerated() {
            for row in 0..<slot.rows {
                for column in 0..<slot.columns {
                    let at = slot.offset + row * slot.line + column
                    if let deviation = slot.deviation {
                        parameters[at] = Float(
                            deviation
                                * random.normal(
                                    step: UInt64(number), index: row * slot.columns + column))
                    } else {
                        parameters[at] = slot.initialValue
                    }
                }
            }
        }
        for norm in norms {
            for c in 0..<norm.line { statistics[norm.statistics + norm.line + c] = 1 }
        }
    }
}

/// A batch normalisation: scale and shift slots, and where its running mean lies; the running
/// variance follows `line` floats later.
struct NormSlot {
    let gamma: Int
    let beta: Int
    let line: Int
    let statistics: Int
}

/// Numbers of the slots of one block; −1 where it has none.
struct BlockSlots {
    struct Weighted {
        var weight = -1
        var norm = -1
    }

    var expand = Weighted()
    /// The k×k weights and their normalisation, in the order of the extent's kernels.
    var kernels: [Weighted] = []
    var squeeze = -1
    var squeezeBias = -1
    var excite = -1
    var exciteBias = -1
    var project = Weighted()
    var skip = Weighted()
    var classify = -1
    var classifyBias = -1

    init(_ extent: BlockExtent, named name: String, in table: inout SlotTable) {
        switch extent.operation {
        case .convolution:
            for k in extent.kernels {
                kernels.append(
                    table.convolution(
                        "\(name).conv\(k)", rows: k * k * extent.inChannels, extent.outChannels))
            }
        case .classifier:
            // Small, so that the first likelihoods are near uniform.
            classify = table.add(
                "\(name).weight", extent.inChannels, extent.outChannels, deviation: 0.01)
            classifyBias = table.add("\(name).bias", 1, extent.outChannels, value: 0)
        case .mbconv:
            if extent.hasProjection {
                skip = table.convolution(
                    "\(name).skip", rows: extent.inChannels, extent.outChannels)
            }
            if extent.kernels.isEmpty { return }
            addMBConv(extent, name, &table)
        default: break  // refused when the extents are made
        }
    }

    private mutating func addMBConv(_ extent: BlockExtent, _ name: String, _ table: inout SlotTable)
    {
        let hidden = extent.hiddenChannels
        if extent.hasExpansion {
            expand = table.convolution("\(name).expand", rows: extent.inChannels, hidden)
        }
        for k in extent.kernels {
            kernels.append(table.convolution("\(name).depthwise\(k)", rows: k * k, hidden))
        }
        if extent.squeezeChannels > 0 {
            let inner = extent.squeezeChannels
            squeeze = table.add("\(name).squeeze", hidden, inner, fanIn: hidden)
            squeezeBias = table.add("\(name).squeeze.bias", 1, inner, value: 0)
            excite = table.add("\(name).excite", inner, hidden, fanIn: inner)
            exciteBias = table.add("\(name).excite.bias", 1, hidden, value: 0)
        }
        project = table.convolution("\(name).project", rows: hidden, extent.outChannels)
    }
}

/// Collects the slots, then gives them their places.
struct SlotTable {
    private(set) var slots: [WeightSlot] = []
    private(set) var norms: [NormSlot] = []
    private(set) var count = 0
    private(set) var decayingCount = 0
    private(set) var statisticsCount = 0

    mutating func add(
        _ name: String, _ rows: Int, _ columns: Int, fanIn: Int? = nil, deviation: Double? = nil,
        value: Float = 0
    ) -> Int {
        // He's value for layers followed by a rectifier.
        let spread = deviation ?? fanIn.map { (2 / Double($0)).squareRoot() }
        slots.append(
            WeightSlot(
                name: name, offset: 0, rows: rows, columns: columns, line: laneAligned(columns),
                decays: spread != nil, deviation: spread, initialValue: value))
        return slots.count - 1
    }

    /// Weights of `rows` inputs to each output, and a batch normalisation.
    mutating func convolution(_ name: String, rows: Int, _ columns: Int) -> BlockSlots.Weighted {
        let weight = add(name, rows, columns, fanIn: rows)
        let gamma = add("\(name).gamma", 1, columns, value: 1)
        let beta = add("\(name).beta", 1, columns, value: 0)
        let line = laneAligned(columns)
        norms.append(NormSlot(gamma: gamma, beta: beta, line: line, statistics: statisticsCount))
        statisticsCount += 2 * line
        return BlockSlots.Weighted(weight: weight, norm: norms.count - 1)
    }

    mutating func place() throws(FPNASError) {
        for decays in [true, false] {
            for i in slots.indices where slots[i].decays == decays {
                let slot = slots[i]
                slots[i] = WeightSlot(
                    name: slot.name, offset: count, rows: slot.rows, columns: slot.columns,
                    line: slot.line, decays: slot.decays, deviation: slot.deviation,
                    initialValue: slot.initialValue)
                let size = try checkedProduct(slot.rows, slot.line, of: "'\(slot.name)'")
                let (sum, overflow) = count.addingReportingOverflow(size)
                guard !overflow else { throw .invalid("the space has too many weights") }
                count = sum
            }
            if decays { decayingCount = count }
        }
    }
}

/// Channels rounded up to the eight lanes of the kernels.
func laneAligned(_ channels: Int) -> Int { (channels + 7) & ~7 }
