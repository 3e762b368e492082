import CKernels
import SearchSpace
import Support

/// A network ready to be bound.
final class PreparedNetwork {
    /// Nil for a mixed one.
    let network: Network?
    let blocks: [NetworkBlock]
    let live: LiveOperators
    let gradients: GradientPlan

    init(
        _ network: Network?, _ blocks: [NetworkBlock], _ live: LiveOperators,
        _ gradients: GradientPlan
    ) {
        self.network = network
        self.blocks = blocks
        self.live = live
        self.gradients = gradients
    }
}

extension Supernet {
    /// Refuses a network of another shape, and makes room for its gradients. The one that is bound
    /// is there already: whoever trains one network asks for it at every step.
    func prepare(_ network: Network) throws(FPNASError) -> PreparedNetwork {
        if let last = bound.network, last.network == network { return last }
        guard network.input == input, network.classes == classes, !network.blocks.isEmpty else {
            throw .invalid("the network is not of the supernet's space")
        }
        return try prepare(LiveOperators(network), network.blocks, of: network)
    }

    func prepare(
        _ live: LiveOperators, _ blocks: [NetworkBlock], of network: Network? = nil
    ) throws(FPNASError) -> PreparedNetwork {
        let gradients = GradientPlan(live.operators, scales: regularisation.stochasticDepth > 0) {
            live.isOutput[$0]
        }
        try reserveGradients(gradients.sizes)
        return PreparedNetwork(network, blocks, live, gradients)
    }

    /// Refuses a network that is not of this space, and finds the places of its operators.
    func bind(_ prepared: PreparedNetwork) throws(FPNASError) {
        guard bound.network !== prepared else { return }
        bound.network = nil
        let (live, gradients) = (prepared.live, prepared.gradients)
        let drops = regularisation.stochasticDepth > 0
        bound.operators.removeAll(keepingCapacity: true)
        bound.inputs.removeAll(keepingCapacity: true)
        bound.reductions.removeAll(keepingCapacity: true)
        var place = plan.activations
        for (i, op) in live.operators.enumerated() {
            let block = prepared.blocks[op.block]
            func refused(_ why: String) -> FPNASError {
                let layer = block.layer < 0 ? "fixed" : layerNames[block.layer]
                return .invalid("block \(block.position) of layer '\(layer)' \(why)")
            }
            guard block.layer < layerNames.count else {
                throw .invalid("the network is not of the supernet's space")
            }
            var b = BoundOperator(s: OperatorShape(op))
            guard extent.holds(b.s) else { throw refused("is not of the supernet's space") }
            b.layer = block.layer
            b.position = block.position
            b.block = op.block
            b.row = op.row
            b.activation = op.activation.kernelCode
            b.feedsClassifier = i == live.operators.count - 2
            if drops && GradientPlan.skipsBranch(i, live.operators) {
                // Grows with depth; by layers, so that it does not depend on the other layers.
                let depth = Double(block.layer + 1) / Double(layerNames.count)
                b.dropRate = regularisation.stochasticDepth * depth
            }
            b.gradient = gradients.slots[i] >= 0 ? plan.slots[gradients.slots[i]] : 0
            try bindInputs(&b, op, gradients.deliveries[i], refused)
            if let key = WeightKey(op, layer: block.layer, position: block.position) {
                guard let found = weights.find(key, WeightShape(op, isLast: false)) else {
                    throw refused("is not of the supernet's space")
                }
                bindWeights(&b, found.slots, found.shape)
            }
            layOut(&b, at: &place)
            guard place <= plan.count else { throw refused("is larger than planned") }
            b.view = view(of: b)
            let first = bound.reductions.count
            bound.reductions += b.weightReductions()
            b.reductions = first..<bound.reductions.count
            bound.operators.append(b)
        }
        bound.network = prepared
    }

    private func bindInputs(
        _ b: inout BoundOperator, _ op: NetworkOperator, _ deliveries: [GradientPlan.Delivery],
        _ refused: (String) -> FPNASError
    ) throws(FPNASError) {
        let first = bound.inputs.count
        for (j, source) in op.inputs.enumerated() {
            var given = BoundInput()
            given.source = source
            given.delivery = deliveries[j]
            given.inputActivation = op.inputActivation.kernelCode
            if !op.spacings.isEmpty { given.spacing = op.spacings[j] }
            if source < 0 {
                given.view = imageView
            } else {
                let from = bound.operators[source]
                given.view = from.view
                given.gradient = from.gradient
                given.sourceHasNorm = from.s.hasNorm
                given.sourceActivation = from.activation
                given.sourceScale = from.s.hasNorm ? from.norm.row(.scale) : plan.ones
                given.sourceShift = from.s.hasNorm ? from.norm.row(.shift) : plan.zeros
                given.sourceMean = from.s.hasNorm ? from.norm.row(.mean) : plan.zeros
                if given.needsSums {
                    given.sums = plan.wantedSums + b.sumCount
                    b.sumCount += 2 * from.s.outLine
                }
            }
            if given.inputActivation != FPNAS_LINEAR {
                guard given.view.activation == FPNAS_LINEAR, given.view.gate < 0 else {
                    throw refused("has an activation on an activation, which is not supported")
                }
                given.view.activation = given.inputActivation
            }
            guard given.view.gate < 0 || b.s.code == .pointwise else {
                throw refused("reads an attention's result otherwise than by a 1x1 convolution")
            }
            bound.inputs.append(given)
        }
        b.inputs = first..<bound.inputs.count
    }

    private var imageView: View {
        View(
            data: plan.images, channels: input.channels, pixels: input.height * input.width,
            scale: plan.ones, shift: plan.zeros)
    }

    private func bindWeights(_ b: inout BoundOperator, _ slots: OperatorSlots, _ shape: WeightShape)
    {
        func matrix(_ slot: Int) -> MatrixPlace {
            MatrixPlace(offset: weights.slots[slot].offset, line: weights.slots[slot].line)
        }
        if slots.weight >= 0 {
            b.weight = matrix(slots.weight)
            b.weightRows = shape.rows
        }
        if slots.bias >= 0 && b.s.hasBias { b.bias = matrix(slots.bias).offset }
        if slots.squeeze >= 0 {
            b.squeeze = matrix(slots.squeeze)
            b.squeezeBias = matrix(slots.squeezeBias).offset
            b.excite = matrix(slots.excite)
            b.exciteBias = matrix(slots.excite + 1).offset
            // Slots of the splits follow one another, weights among weights and biases among
            // biases.
            b.exciteStep = shape.squeeze * b.excite.line
        }
        if slots.norm >= 0 && b.s.hasNorm {
            let norm = weights.norms[slots.norm]
            b.norm = NormPlace(
                gamma: matrix(norm.gamma).offset, beta: matrix(norm.beta).offset, line: norm.line,
                statistics: norm.statistics, channels: b.s.outChannels)
        }
    }

    /// Lays the operator's memory behind that of the one before.
    private func layOut(_ b: inout BoundOperator, at place: inout Int) {
        let capacity = plan.capacity
        let shape = b.s
        func take(_ size: Int) -> Int {
            let start = place
            place += capacity * size
            return start
        }
        switch shape.code {
        case .squeezeExcite:
            b.pooled = take(shape.outLine)
            b.squeezed = take(shape.squeezeLine)
            if shape.hasRow { b.unmasked = take(shape.squeezeLine) }
            b.gates = take(shape.outLine)
        case .splitAttention:
            b.data = take(shape.outSize)
            b.pooled = take(shape.outLine)
            b.squeezed = take(shape.squeezeLine)
            if shape.hasRow { b.unmasked = take(shape.squeezeLine) }
            b.gates = take(shape.inputCount * shape.outLine)
        case .globalPool:
            b.data = take(shape.outLine)
            b.gates = take(shape.outLine)
        default: b.data = take(shape.outSize)
        }
        if shape.hasRow {
            b.rows = place
            place += shape.rowsNeed
        }
        if shape.hasNorm {
            b.norm.state = place
            place += 8 * shape.outLine
        }
    }

    private func view(of b: BoundOperator) -> View {
        if b.s.code == .squeezeExcite {
            var view = bound.inputs[b.inputs.lowerBound].view
            view.gate = b.gates
            return view
        }
        return View(
            data: b.data, channels: b.s.outChannels, pixels: b.s.outPixels,
            scale: b.s.hasNorm ? b.norm.row(.scale) : plan.ones,
            shift: b.s.hasNorm ? b.norm.row(.shift) : plan.zeros,
            activation: b.activation, isAffine: b.s.hasNorm)
    }

    /// Makes room for the gradients of a network that needs more than was planned. Of a chain the
    /// plan is exact; only a cell network of unusual choices may need more.
    private func reserveGradients(_ sizes: [Int]) throws(FPNASError) {
        let planned = self.plan.slotSizes
        let fits = sizes.indices.allSatisfy {
            $0 < planned.count && sizes[$0] <= planned[$0]
        }
        guard !fits else { return }
        var larger = extent
        larger.raise(slots: sizes)
        let plan = try ActivationPlan(larger, capacity: capacity, threads: threads)
        arena = try Supernet.makeArena(plan)
        extent = larger
        self.plan = plan
        bound.network = nil
    }
}
