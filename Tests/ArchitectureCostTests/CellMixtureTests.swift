import ArchitectureDistribution
import SearchSpace
import Support
import Testing

@testable import ArchitectureCost

@Suite struct CellMixtureTests {
    /// The candidates' costs times their factors, and what is not chosen, are the expected cost of
    /// the distribution whose probabilities are the coefficients.
    @Test(arguments: [
        CellNetwork.nasBench201(channels: 4, cells: 2), .darts(channels: 2, cells: 3),
    ]) func factorsWeighCostsAsTheDistributionDoes(cells: CellNetwork) throws {
        let space = try SearchSpace(
            name: cells.name, cells: cells, input: ImageShape(height: 8, width: 8, channels: 1),
            classes: 4)
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
            for (i, source) in op.inputs.enumerated() {
                // What an edge passes on costs nothing; other blocks are one term each.
                let block = mixed.operators[source].block
                if mixed.blocks[block].layer >= 0 {
                    factor[block] = weighted.factors[mixed.rows[op.row + i].offset]
                }
            }
        }
        let table = try CostTable(space)
        for metric in [CostMetric.macs, .parameters] {
            let mine = zip(mixed.blocks, factor).reduce(0.0) {
                $0 + $1.1 * Double($1.0.cost().value(of: metric))
            }
            let theirs = try table.chain(of: metric).moments(under: distribution).mean
            #expect(theirs > 0 && abs(mine - theirs) < 1e-9 * theirs, "\(mine) \(theirs)")
        }
        // FBNetV2's effective shapes: no width depends on a choice, so it is the same cost.
        let chain = table.chain(of: .macs)
        let effective = try chain.effectiveCost(under: distribution)
        let expected = try chain.moments(under: distribution).mean
        #expect(abs(effective.value - expected) < 1e-9 * expected)
        let gradient = try chain.expectationGradient(under: distribution)
        #expect(zip(effective.gradient, gradient).allSatisfy { abs($0 - $1) < 1e-6 * expected })
    }
}
