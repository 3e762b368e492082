import ArchitectureDistribution
import SearchSpace
import Support
import Testing

@testable import ArchitectureCost

@Suite struct MixtureCostTests {
    /// The candidates' costs times their factors, and what is not chosen, are the expected cost of
    /// the distribution whose probabilities are the coefficients.
    @Test(arguments: 0..<3) func factorsWeighCostsAsTheDistributionDoes(number: Int) throws {
        let input = ImageShape(height: 8, width: 8, channels: 1)
        let space =
            try number == 2
            ? SearchSpace(
                name: "resolutions",
                layers: [
                    .block(
                        "size", .resolution, [(.factor, .searched([1, 2].map(Choice.integer)))]),
                    .block("stem", .convolution, stride: 2, [(.channels, .fixed(.integer(6)))]),
                    .block(
                        "one", .mbconv,
                        [
                            (.kernel, .searched([0, 3].map(Choice.integer))),
                            (.channels, .fixed(.integer(6))),
                        ]),
                    .block("classifier", .classifier, []),
                ], input: input, classes: 4)
            : SearchSpace(
                name: "cells",
                cells: number == 0
                    ? .nasBench201(channels: 4, cells: 2) : .darts(channels: 2, cells: 3),
                input: input, classes: 4)
        let mixed = try MixedNetwork(space)
        let distribution = try ArchitectureDistribution(space: space, form: .factorised)
        for i in 0..<distribution.logitCount {
            distribution.logits[i] = Double(i * 7919 % 101) / 30 - 1.7
        }
        distribution.normalise()
        let weighted = try MixedCoefficients(
            mixed, (0..<distribution.logitCount).map { distribution.probabilities[$0] })
        var factor = [Double](repeating: 1, count: mixed.blocks.count)
        for op in mixed.operators {
            guard case .mixture = op.kind else { continue }
            for (i, source) in op.inputs.enumerated() where source >= 0 {
                // What an edge passes on costs nothing; other blocks are one term each.
                let block = mixed.operators[source].block
                if mixed.blocks[block].layer >= 0 {
                    factor[block] = weighted.factors[mixed.rows[op.row + i].offset]
                }
            }
        }
        let table = try CostTable(space)
        // Images of another size have the same parameters.
        for metric in number == 2 ? [CostMetric.macs] : [.macs, .parameters] {
            let mine = zip(mixed.blocks, factor).reduce(0.0) {
                $0 + $1.1 * Double($1.0.cost().value(of: metric))
            }
            let theirs = try table.chain(of: metric).moments(under: distribution).mean
            #expect(theirs > 0 && abs(mine - theirs) < 1e-9 * theirs, "\(mine) \(theirs)")
        }
        // Images of several sizes have no mean one.
        #expect(table.chain(of: .macs).hasEffectiveShapes == (number < 2))
        guard number < 2 else { return }
        // FBNetV2's effective shapes: no width depends on a choice, so it is the same cost.
        let chain = table.chain(of: .macs)
        let effective = try chain.effectiveCost(under: distribution)
        let expected = try chain.moments(under: distribution).mean
        #expect(abs(effective.value - expected) < 1e-9 * expected)
        let gradient = try chain.expectationGradient(under: distribution)
        #expect(zip(effective.gradient, gradient).allSatisfy { abs($0 - $1) < 1e-6 * expected })
    }
}
