import ArchitectureDistribution
import Support

extension CostChain {
    /// The cost of FBNetV2's effective shapes, and its gradient for every logit.
    ///
    ///     C = Σ_l Σ_o P_l(o) · cost_l(o, w_l),   w_{l+1} = Σ_o P_l(o) · width_l(o, w_l)
    ///
    /// A layer's input has its mean width, of which there is one, where the expectation weighs all
    /// widths that may come in: the two differ as far as a cost is not linear in the width. Between
    /// widths that can occur costs are interpolated. O(rows). [Wan et al. 2020, §3.3]
    ///
    /// Errors: INVALID where what comes into a layer differs in more than its width.
    public func effectiveCost(
        under distribution: ArchitectureDistribution
    ) throws(FPNASError) -> (value: Double, gradient: [Double]) {
        let probabilities = try probabilities(distribution)
        var width = Double(layers.first?.widths.first ?? 0)
        var value = 0.0
        // Of every layer and option: its cost and width at the mean width, and their slopes.
        var costs: [[(at: Double, slope: Double)]] = []
        var widths: [[(at: Double, slope: Double)]] = []
        for (index, layer) in layers.enumerated() {
            let place = try bracket(width, layer, index)
            let after = index + 1 < layers.count ? layers[index + 1].widths : []
            var cost: [(at: Double, slope: Double)] = []
            var out = cost
            var next = 0.0
            for o in layer.options.indices {
                let low = place.low * layer.options.count + o
                let high = place.high * layer.options.count + o
                cost.append(place.between(Double(layer.costs[low]), Double(layer.costs[high])))
                out.append(
                    after.isEmpty
                        ? (0, 0)
                        : place.between(
                            Double(after[layer.next[low]]), Double(after[layer.next[high]])))
                value += probabilities[index][o] * cost[o].at
                next += probabilities[index][o] * out[o].at
            }
            costs.append(cost)
            widths.append(out)
            width = next
        }
        // Backwards: what a layer's output width costs the layers behind it.
        var slope = 0.0
        var masses: [[Double]] = []
        for index in layers.indices.reversed() {
            var own: [Double] = []
            var before = 0.0
            for (o, p) in probabilities[index].enumerated() {
                let (cost, out) = (costs[index][o], widths[index][o])
                own.append(p * (cost.at + slope * out.at))
                before += p * (cost.slope + slope * out.slope)
            }
            masses.append(own)
            slope = before
        }
        var gradient = [Double](repeating: 0, count: distribution.logitCount)
        let view = try LayerOptions(distribution, options: layers.map(\.options))
        unsafe gradient.withUnsafeMutableBufferPointer { gradient in
            guard let start = gradient.baseAddress else { return }
            unsafe view.addGradient(
                ofMasses: masses.reversed(), distribution, probabilities, factor: 1, to: start)
        }
        return (value, gradient)
    }

    /// Whether what comes into every layer differs in its width alone, so that there is a mean one.
    public var hasEffectiveShapes: Bool {
        layers.allSatisfy { layer in
            layer.stateCount == 1
                || (layer.widths.count == layer.stateCount
                    && Set(layer.widths).count == layer.stateCount)
        }
    }

    /// The two states whose widths a mean width lies between.
    private struct Bracket {
        let low: Int
        let high: Int
        /// How far from low to high, and the distance of the two; 0 where there is one state.
        let share: Double
        let span: Double

        func between(_ low: Double, _ high: Double) -> (at: Double, slope: Double) {
            (low + share * (high - low), span > 0 ? (high - low) / span : 0)
        }
    }

    private func bracket(
        _ width: Double, _ layer: LayerChain, _ index: Int
    ) throws(FPNASError) -> Bracket {
        guard layer.stateCount > 1 else { return Bracket(low: 0, high: 0, share: 0, span: 0) }
        guard layer.widths.count == layer.stateCount else {
            throw .invalid("the cost of '\(space.name)' knows no widths: no effective shape")
        }
        let order = layer.widths.indices.sorted { layer.widths[$0] < layer.widths[$1] }
        for i in order.indices.dropLast()
        where layer.widths[order[i]] == layer.widths[order[i + 1]] {
            throw .invalid(
                "what comes into layer '\(space.layers[index].name)' differs in more than its "
                    + "width: there is no effective shape")
        }
        var i = 0
        while i + 2 < order.count, Double(layer.widths[order[i + 1]]) < width { i += 1 }
        let low = Double(layer.widths[order[i]])
        let span = Double(layer.widths[order[i + 1]]) - low
        return Bracket(
            low: order[i], high: order[i + 1], share: (width - low) / span, span: span)
    }
}
