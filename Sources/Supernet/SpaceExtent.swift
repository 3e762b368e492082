import SearchSpace
import Support

/// The largest sizes of everything the networks of a space need, found without listing them all.
struct SpaceExtent {
    let input: ImageShape
    let classes: Int
    let layerNames: [String]
    /// In the order of discovery.
    private(set) var weights: [(key: WeightKey, shape: WeightShape)] = []
    private var places: [WeightKey: Int] = [:]
    /// Of the largest network: floats of one image, and floats besides.
    private(set) var activations = Size()
    /// Most places at which gradients of several networks wait for each other: of a space.
    private(set) var branches = 0
    /// Shapes that are known to fit.
    private var shapes: Set<OperatorShape> = []
    /// Sizes of the gradient slots.
    private(set) var slots = [0, 0]
    private(set) var scratch = 0
    private(set) var scratchPerImage = 0
    private(set) var parts = 0
    private(set) var packed = 0
    private(set) var sums = 0
    /// The widest row of channels.
    private(set) var line: Int

    struct Size: Hashable {
        var perImage = 0
        var fixed = 0

        static func + (a: Size, b: Size) -> Size {
            Size(perImage: a.perImage &+ b.perImage, fixed: a.fixed &+ b.fixed)
        }

        /// Of sizes for a batch of `capacity`, the larger.
        static func larger(_ a: Size, _ b: Size, _ capacity: Int) -> Size {
            a.perImage * capacity + a.fixed >= b.perImage * capacity + b.fixed ? a : b
        }
    }

    private let scales: Bool

    private init(
        _ input: ImageShape, _ classes: Int, _ layerNames: [String],
        _ regularisation: Regularisation
    ) {
        scales = regularisation.stochasticDepth > 0
        self.input = input
        self.classes = classes
        self.layerNames = layerNames
        line = laneAligned(max(input.channels, classes))
    }

    /// Whether an operator's scratch memory is provided for.
    func holds(_ shape: OperatorShape) -> Bool {
        if shapes.contains(shape) { return true }
        guard let need = try? OperatorNeed(shape) else { return false }
        return need.scratch <= scratch && need.scratchPerImage <= scratchPerImage
            && need.parts <= parts && need.packed <= packed && shape.sumCount <= sums
            && max(shape.inLine, shape.outLine, shape.squeezeLine) <= line
    }

    /// Makes the gradient slots at least as large as a network needs.
    mutating func raise(slots sizes: [Int]) {
        for (slot, size) in sizes.enumerated() {
            if slot == slots.count { slots.append(0) }
            slots[slot] = max(slots[slot], size)
        }
    }

    // MARK: - Of networks

    /// Of some networks of one space.
    init(
        _ networks: [Network], _ regularisation: Regularisation = Regularisation()
    ) throws(FPNASError) {
        guard let first = networks.first else { throw .invalid("there are no networks to train") }
        let layers = (networks.flatMap(\.blocks).map(\.layer).max() ?? 0) + 1
        self.init(
            first.input, first.classes, (0..<layers).map { "layer\($0)" }, regularisation)
        for network in networks {
            guard network.input == first.input, network.classes == first.classes else {
                throw .invalid("the networks to train are not of one space")
            }
            activations = Size.larger(try include(network), activations, 1 << 10)
        }
    }

    /// Takes a whole network in and returns what its operators keep.
    private mutating func include(_ network: Network) throws(FPNASError) -> Size {
        try include(LiveOperators(network), network.blocks)
    }

    private mutating func include(
        _ lowered: LiveOperators, _ blocks: [NetworkBlock], residuals: Set<Int> = []
    ) throws(FPNASError) -> Size {
        var size = Size()
        for (i, op) in lowered.operators.enumerated() {
            let block = blocks[op.block]
            size =
                try size
                + include(
                    i, of: lowered.operators, layer: block.layer, position: block.position,
                    isLast: i == lowered.operators.count - 1, isResidual: residuals.contains(i))
        }
        includeGradients(lowered.operators, lowered.isOutput)
        return size
    }

    /// Of a mixed network.
    init(
        _ mixed: MixedNetwork, _ regularisation: Regularisation = Regularisation()
    ) throws(FPNASError) {
        self.init(mixed.input, mixed.classes, mixed.layerNames, regularisation)
        activations = try include(
            LiveOperators(mixed.operators), mixed.blocks, residuals: mixed.residuals)
    }

    private mutating func includeGradients(
        _ operators: [NetworkOperator], _ isOutput: [Bool]
    ) {
        let plan = GradientPlan(operators, scales: scales) { isOutput[$0] }
        raise(slots: plan.sizes)
        // Block results may come to lie in either.
        slots[0] = max(slots[0], slots[1])
        slots[1] = slots[0]
    }

    private mutating func include(
        _ i: Int, of operators: [NetworkOperator], layer: Int, position: Int, isLast: Bool,
        isResidual: Bool = false
    ) throws(FPNASError) -> Size {
        let op = operators[i]
        let shape = OperatorShape(op)
        let need = try OperatorNeed(shape)
        shapes.insert(shape)
        scratch = max(scratch, need.scratch)
        scratchPerImage = max(scratchPerImage, need.scratchPerImage)
        parts = max(parts, need.parts)
        packed = max(packed, need.packed)
        line = max(line, shape.inLine, shape.outLine, shape.squeezeLine)
        sums = max(sums, shape.sumCount)
        if let key = WeightKey(op, layer: layer, position: position) {
            var weight = WeightShape(op, isLast: isLast)
            weight.isResidual =
                isResidual
                || operators.contains {
                    $0.kind == .sum && $0.role == .join && $0.inputs.first == i
                        && $0.block == op.block
                }
            if let place = places[key] {
                weights[place].shape.include(weight)
            } else {
                places[key] = weights.count
                weights.append((key, weight))
            }
        }
        return Size(perImage: need.perImage, fixed: need.fixed)
    }

    // MARK: - Of a space

    /// Of every network of a space whose batches have `capacity` images.
    ///
    /// A chain is walked layer by layer with the shapes that may come in. In a cell network no
    /// shape depends on a choice, so that each layer's options are looked at with the others fixed.
    init(
        _ space: SearchSpace, capacity: Int, _ regularisation: Regularisation = Regularisation()
    ) throws(FPNASError) {
        guard let input = space.input else {
            throw .invalid("the space '\(space.name)' is abstract: it has no networks to train")
        }
        self.init(input, space.classes, space.layers.map(\.name), regularisation)
        branches = 2
        if space.cells != nil { try walkCells(space, capacity) } else { try walk(space, capacity) }
    }

    private mutating func walk(_ space: SearchSpace, _ capacity: Int) throws(FPNASError) {
        // The largest way to every shape; looked up, never iterated.
        var shapes = [input]
        var sizes = [input: Size()]
        for index in space.layers.indices {
            guard let plan = space.plan(of: index) else { continue }
            var next: [ImageShape] = []
            var nextSizes: [ImageShape: Size] = [:]
            // A block is looked at once for each of its settings and shapes.
            var known: [BlockPlace: (out: ImageShape, size: Size)] = [:]
            let options = try space.options(ofLayer: index).map { $0.map { max($0, 0) } }
            for shape in shapes {
                for option in options {
                    var out = shape
                    var size = sizes[shape] ?? Size()
                    for position in 0..<plan.repeats(option) {
                        let place = BlockPlace(
                            settings: plan.settings(position: position, option),
                            position: position, shape: out)
                        if let found = known[place] {
                            out = found.out
                            size = size + found.size
                            continue
                        }
                        let block = try plan.block(place.settings, position, out, space.classes)
                        let found = (
                            out: block.outShape,
                            size: try include(
                                block, isLast: index == space.layers.count - 1,
                                isFirst: index == 0 && position == 0)
                        )
                        known[place] = found
                        out = found.out
                        size = size + found.size
                    }
                    if let before = nextSizes[out] {
                        nextSizes[out] = Size.larger(before, size, capacity)
                    } else {
                        next.append(out)
                        nextSizes[out] = size
                    }
                }
            }
            shapes = next
            sizes = nextSizes
        }
        for shape in shapes {
            activations = Size.larger(activations, sizes[shape] ?? Size(), capacity)
        }
    }

    private struct BlockPlace: Hashable {
        let settings: BlockSettings
        let position: Int
        let shape: ImageShape
    }

    private mutating func include(
        _ block: NetworkBlock, isLast: Bool, isFirst: Bool
    ) throws(FPNASError) -> Size {
        let operators = isLast ? LiveOperators.poolingLast(block.operators) : block.operators
        var size = Size()
        for i in operators.indices {
            size =
                try size
                + include(
                    i, of: operators, layer: block.layer, position: block.position,
                    isLast: isLast && i == operators.count - 1)
        }
        includeGradients(
            operators, operators.indices.map { $0 == operators.count - 1 })
        if !isFirst {
            let shape = block.inShape
            slots[0] = max(slots[0], shape.height * shape.width * laneAligned(shape.channels))
            slots[1] = slots[0]
        }
        return size
    }

    private mutating func walkCells(_ space: SearchSpace, _ capacity: Int) throws(FPNASError) {
        var architecture = [Int32](repeating: 0, count: space.variableCount)
        var total = Size()
        for index in space.layers.indices {
            var largest = Size()
            for option in try space.options(ofLayer: index) {
                for (v, c) in zip(space.variables(of: index), option) {
                    architecture[v] = max(c, 0)
                }
                let network = try space.network(architecture)
                // Dead operators too: another choice elsewhere may need them.
                let operators = LiveOperators.poolingLast(network.operators)
                var size = Size()
                for (i, op) in operators.enumerated() {
                    let block = network.blocks[op.block]
                    guard block.layer == index || (index == 0 && block.layer < 0) else { continue }
                    size =
                        try size
                        + include(
                            i, of: operators, layer: block.layer, position: block.position,
                            isLast: i == operators.count - 1)
                }
                largest = Size.larger(largest, size, capacity)
                let lowered = LiveOperators(network)
                includeGradients(lowered.operators, lowered.isOutput)
            }
            for v in space.variables(of: index) { architecture[v] = 0 }
            total = total + largest
        }
        activations = total
    }
}

/// The operators of a network that its logits depend on.
struct LiveOperators {
    private(set) var operators: [NetworkOperator] = []
    /// Whether the operator's result is that of its block.
    private(set) var isOutput: [Bool] = []
    /// Whether the operators from here on read of those before only the one in front, of another
    /// block.
    private(set) var cuts: [Bool] = []

    init(_ network: Network) { self.init(network.operators) }

    init(_ lowered: [NetworkOperator]) {
        let all = LiveOperators.poolingLast(lowered)
        var isLive = [Bool](repeating: false, count: all.count)
        if !all.isEmpty { isLive[all.count - 1] = true }
        var output = isLive
        for i in all.indices.reversed() where isLive[i] {
            for source in all[i].inputs where source >= 0 {
                isLive[source] = true
                if all[source].block != all[i].block { output[source] = true }
            }
        }
        defer { findCuts() }
        guard isLive.contains(false) else {
            operators = all
            isOutput = output
            return
        }
        var places = [Int](repeating: -1, count: all.count)
        for i in all.indices where isLive[i] {
            places[i] = operators.count
            operators.append(all[i].taking(all[i].inputs.map { $0 < 0 ? -1 : places[$0] }))
            isOutput.append(output[i])
        }
    }
    private mutating func findCuts() {
        cuts = [Bool](repeating: false, count: operators.count)
        // The least source that the operators from i on read.
        var least = operators.count
        for i in operators.indices.reversed() where i > 0 {
            for source in operators[i].inputs where source >= 0 && source < i - 1 {
                least = min(least, source)
            }
            cuts[i] = least >= i - 1 && operators[i].block != operators[i - 1].block
        }
    }

    /// With a pool in front of the last operator, so that there is a place for dropout; on a single
    /// pixel it does nothing else.
    static func poolingLast(_ operators: [NetworkOperator]) -> [NetworkOperator] {
        guard let last = operators.last, let source = last.inputs.first,
            source < 0 || operators[source].kind != .globalPool
        else { return operators }
        let pool = NetworkOperator(
            pooling: last.inShape, from: source, role: .pool, block: last.block)
        return operators.dropLast() + [pool, last.taking([operators.count - 1])]
    }
}
