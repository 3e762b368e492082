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
/// * Operators share weights when layer, position, role, variant and layout are the same
///   (`WeightKey`). Input, output and squeeze channels are then leading slices; weights of
///   convolutions are [ky][kx][in][out], of depthwise ones [ky][kx][channel], of grouped ones
///   [ky][kx][in of a group][out].
/// * Kernel sizes and the options of splits share nothing: each has its own weights and its own
///   batch normalisation behind them, since a 3×3 and a 5×5 sum have different statistics.
/// * A kernel-0 block whose shapes differ has its own 1×1 convolution.
///
/// All parameters lie in one buffer, decaying ones first; lanes beyond a slot's columns are 0.
final class SupernetWeights {
    let slots: [WeightSlot]
    let norms: [NormSlot]
    /// By key; looked up, never iterated.
    private let places: [WeightKey: (shape: WeightShape, slots: OperatorSlots)]
    /// Number of floats, of which the first `decayingCount` decay.
    let count: Int
    let decayingCount: Int
    /// All parameters in order, and whether they decay.
    private(set) var decay: [(range: Range<Int>, decays: Bool)]
    private(set) var parameters: Buffer<Float>
    let momentum: Buffer<Float>
    /// Running means of squared gradients, and of the weights, where they are asked for.
    private(set) var second: Buffer<Float>?
    private(set) var average: Buffer<Float>?
    let gradient: Buffer<Float>
    /// Whether the gradient is 0 throughout, as a step leaves it, so that none has to clear it.
    var gradientIsClear = false
    /// Running mean and variance of every normalisation.
    let statistics: Buffer<Float>

    init(
        extent: SpaceExtent, seed: UInt64, _ regularisation: Regularisation = Regularisation()
    ) throws(FPNASError) {
        var table = SlotTable()
        var places: [WeightKey: (shape: WeightShape, slots: OperatorSlots)] = [:]
        for (key, shape) in extent.weights {
            let layer = key.layer < 0 ? "fixed" : extent.layerNames[key.layer]
            var name = "\(layer).\(key.position)"
            if !key.name.isEmpty { name += ".\(key.name)" }
            places[key] = (
                shape,
                OperatorSlots(
                    key, shape, named: name, zero: regularisation.zeroesLastGamma, in: &table)
            )
        }
        try table.place()
        slots = table.slots
        norms = table.norms
        count = table.count
        decayingCount = table.decayingCount
        decay = [(0..<decayingCount, true), (decayingCount..<count, false)]
        self.places = places
        parameters = try Buffer(count, of: "the weights")
        momentum = try Buffer(count, of: "the momentum")
        gradient = try Buffer(count, of: "the gradient")
        statistics = try Buffer(table.statisticsCount, of: "the running statistics")
        initialise(seed: seed)
    }

    /// Takes the memory that steps with these options need; the average begins at the weights.
    func prepare(_ options: StepOptions) throws(FPNASError) {
        if options.optimiser != .sgd && second == nil {
            second = try Buffer(count, of: "the squares of the gradients")
        }
        if options.averaging > 0 && average == nil { try startAverage() }
    }

    /// From now on only tensors decay of which the network uses a part.
    func decayOnly(_ network: Network) {
        var used = Set<Int>()  // asked, never iterated
        for op in LiveOperators(network).operators {
            let block = network.blocks[op.block]
            guard let key = WeightKey(op, layer: block.layer, position: block.position),
                let (shape, own) = find(key, WeightShape(op, isLast: false))
            else { continue }
            used.insert(own.weight)
            used.insert(own.squeeze)
            guard own.excite >= 0 else { continue }
            for split in 0..<max(1, shape.splits) { used.insert(own.excite + 2 * split) }
        }
        decay = []
        for (i, slot) in slots.enumerated().sorted(by: { $0.element.offset < $1.element.offset }) {
            let decays = slot.decays && used.contains(i)
            let end = slot.offset + slot.rows * slot.line  // checked when it was placed
            if let last = decay.last, last.decays == decays {
                decay[decay.count - 1].range = last.range.lowerBound..<end
            } else {
                decay.append((slot.offset..<end, decays))
            }
        }
    }

    private func startAverage() throws(FPNASError) {
        let buffer = try Buffer<Float>(count, of: "the average of the weights")
        unsafe buffer.pointer.update(from: parameters.pointer, count: count)
        average = buffer
    }

    /// Swaps the weights with their average.
    func exchangeAverage() {
        guard let average else { return }
        (parameters, self.average) = (average, parameters)
    }

    func save(to writer: inout ByteWriter) {
        for buffer in [parameters, momentum, statistics] {
            unsafe writer.put(UnsafeBufferPointer(buffer.elements))
        }
        for buffer in [second, average] {
            writer.put(buffer != nil)
            if let buffer { unsafe writer.put(UnsafeBufferPointer(buffer.elements)) }
        }
    }

    func restore(from reader: inout ByteReader) throws(FPNASError) {
        for buffer in [parameters, momentum, statistics] {
            unsafe try reader.fill(buffer.elements)
        }
        second = nil
        average = nil
        if try reader.takeBool() {
            let buffer = try Buffer<Float>(count, of: "the squares of the gradients")
            unsafe try reader.fill(buffer.elements)
            second = buffer
        }
        if try reader.takeBool() {
            let buffer = try Buffer<Float>(count, of: "the average of the weights")
            unsafe try reader.fill(buffer.elements)
            average = buffer
        }
    }

    /// The weights of a key; nil where the space has none as large.
    func find(_ key: WeightKey, _ shape: WeightShape) -> (shape: WeightShape, slots: OperatorSlots)?
    {
        guard let place = places[key], place.shape.holds(shape) else { return nil }
        return place
    }

    /// Every weight is a pure function of the seed, the slot's name and its index in the slot.
    private func initialise(seed: UInt64) {
        let random = Philox(seed: seed, stream: .weights)
        for slot in slots {
            var hash: UInt64 = 0xCBF2_9CE4_8422_2325  // FNV-1a
            for byte in slot.name.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
            for row in 0..<slot.rows {
                for column in 0..<slot.columns {
                    let at = slot.offset + row * slot.line + column
                    if let deviation = slot.deviation {
                        parameters[at] = Float(
                            deviation
                                * random.normal(step: hash, index: row * slot.columns + column))
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

/// Numbers of the slots of one operator; −1 where it has none.
struct OperatorSlots {
    var weight = -1
    var bias = -1
    var norm = -1
    var squeeze = -1
    var squeezeBias = -1
    /// Of the first split; that of the next is two later, with the bias between.
    var excite = -1

    init(
        _ key: WeightKey, _ shape: WeightShape, named name: String, zero: Bool,
        in table: inout SlotTable
    ) {
        switch key.form {
        case .dense, .depthwise, .grouped, .linear:
            // A classifier is small, so that the first likelihoods are near uniform.
            weight = table.add(
                name, shape.taps * shape.rows, shape.columns, fanIn: shape.taps * shape.rows,
                deviation: shape.isLast ? 0.01 : nil)
            if shape.hasBias {
                let stem =
                    key.form == .linear && key.role == .main ? String(name.dropLast(7)) : name
                bias = table.add("\(stem).bias", 1, shape.columns, value: 0)
            }
            if shape.hasNorm {
                norm = table.norm(name, shape.columns, zero && shape.isResidual ? 0 : 1)
            }
        case .squeezeExcite, .splitAttention:
            squeeze = table.add(
                "\(name).squeeze", shape.columns, shape.squeeze, fanIn: shape.columns)
            squeezeBias = table.add("\(name).squeeze.bias", 1, shape.squeeze, value: 0)
            for split in 0..<max(1, shape.splits) {
                let number = shape.splits > 0 ? "\(split)" : ""
                let slot = table.add(
                    "\(name).excite\(number)", shape.squeeze, shape.columns, fanIn: shape.squeeze)
                if split == 0 { excite = slot }
                _ = table.add("\(name).excite\(number).bias", 1, shape.columns, value: 0)
            }
        case .scale: norm = table.norm(name, shape.columns)
        }
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
        let spread = deviation ?? fanIn.map { (2 / Double(max(1, $0))).squareRoot() }
        slots.append(
            WeightSlot(
                name: name, offset: 0, rows: rows, columns: columns, line: laneAligned(columns),
                decays: spread != nil, deviation: spread, initialValue: value))
        return slots.count - 1
    }

    mutating func norm(_ name: String, _ columns: Int, _ gamma: Float = 1) -> Int {
        let gamma = add("\(name).gamma", 1, columns, value: gamma)
        let beta = add("\(name).beta", 1, columns, value: 0)
        let line = laneAligned(columns)
        norms.append(NormSlot(gamma: gamma, beta: beta, line: line, statistics: statisticsCount))
        statisticsCount += 2 * line
        return norms.count - 1
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
