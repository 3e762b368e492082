import ArchitectureCost
import ArchitectureDistribution
import SearchSpace
import Support
import TestSupport
import Testing

/// Costs as chains: moments, their gradient and quantiles, against the list of all encodings.
@Suite struct ChainTests {
    @Test func costsOfNetworksAndChoicesAreTheirDefinition() throws {
        let network = try smallNetworkSpace(1)
        let macs = try CostTable(network).chain(of: .macs)
        for row in allEncodings(network) {
            #expect(try macs.cost(of: row) == network.network(row).cost().macs)
        }
        let space = try randomSpace(3)
        let values = (0..<space.factorisedLogitCount).map { $0 * $0 }
        let own = try CostChain(space: space, choiceCosts: values)
        for row in allEncodings(space) {
            let active = space.activity(row)
            let sum = row.indices.reduce(0) {
                $0 + (active[$1] ? values[space.factorisedOffsets[$1] + Int(row[$1])] : 0)
            }
            #expect(try own.cost(of: row) == sum)
        }
    }

    @Test(arguments: UInt64(0)..<8, BudgetTests.forms)
    func momentsAndTheirGradient(seed: UInt64, form: DistributionForm) throws {
        let space = try anySpace(seed)
        let chain = try anyChain(space, seed)
        let distribution = try randomDistribution(space, form, seed)
        let listed = try Listed(distribution, [chain])
        var mean = 0.0
        for (p, c) in zip(listed.probabilities, listed.costs[0]) { mean += p * Double(c) }
        var variance = 0.0
        for (p, c) in zip(listed.probabilities, listed.costs[0]) {
            variance += p * (Double(c) - mean) * (Double(c) - mean)
        }
        let moments = try chain.moments(under: distribution)
        #expect(abs(moments.mean - mean) <= 1e-12 * max(mean, 1))
        #expect(abs(moments.variance - variance) <= 1e-12 * max(mean * mean, 1))
        #expect(chain.range == (listed.costs[0].min() ?? 0)...(listed.costs[0].max() ?? 0))
        try compareGradient(
            try chain.expectationGradient(under: distribution), distribution,
            scale: max(mean, 1)
        ) { try chain.expectation(under: distribution) }
    }

    @Test(arguments: UInt64(0)..<12) func theExtremesAreTheFirstOfTheList(seed: UInt64) throws {
        let space = try anySpace(seed)
        // Few values, so that many are equal.
        let chain = seed % 4 == 3 ? try anyChain(space, seed) : try userChain(space, seed, below: 3)
        let rows = allEncodings(space).map { canonicalByDefinition($0, space) }
        let costs = try rows.map { try chain.cost(of: $0) }
        let least = try #require(costs.min())
        let greatest = try #require(costs.max())
        func first(_ cost: Int) -> [Int32]? {
            zip(rows, costs).filter { $0.1 == cost }.map(\.0).min {
                $0.lexicographicallyPrecedes($1)
            }
        }
        #expect(chain.cheapest() == first(least))
        #expect(chain.dearest() == first(greatest))
    }

    @Test(arguments: UInt64(0)..<8) func quantilesEqualSorting(seed: UInt64) throws {
        let space = try anySpace(seed)
        let chain = try anyChain(space, seed)
        let distribution = try randomDistribution(space, .joint, seed)
        let listed = try Listed(distribution, [chain])
        let order = listed.costs[0].indices.sorted { listed.costs[0][$0] < listed.costs[0][$1] }
        let levels = [0, 0.1, 0.25, 0.5, 0.77, 1]
        var expected: [Int] = []
        for level in levels {
            var sum = 0.0
            var cost = 0
            for i in order {
                sum += listed.probabilities[i]
                cost = listed.costs[0][i]
                if sum >= level * (1 - 1e-13) { break }
            }
            expected.append(cost)
        }
        let exact = try chain.quantiles(levels, under: distribution)
        #expect(exact.resolution == 1)
        #expect(exact.lower == expected)
        #expect(exact.upper == expected)
        let unit = max(chain.range.count / 20, 2)
        let coarse = try chain.quantiles(levels, under: distribution, resolution: unit)
        for i in levels.indices {
            #expect(coarse.lower[i] <= expected[i])
            #expect(coarse.upper[i] >= expected[i])
            #expect(coarse.upper[i] - coarse.lower[i] <= 2 * unit * space.layerCount)
        }
        #expect(throws: FPNASError.self) { try chain.quantiles([1.5], under: distribution) }
        #expect(throws: FPNASError.self) { try chain.quantiles([.nan], under: distribution) }
    }

    @Test func badCostsAreRefused() throws {
        let space = try randomSpace(1)
        let count = space.factorisedLogitCount
        for bad in [-1, Int.max, 1 << 60] {
            var values = [Int](repeating: 1, count: count)
            values[count - 1] = bad
            let error = #expect(throws: FPNASError.self) {
                try CostChain(space: space, choiceCosts: values)
            }
            #expect(error?.message.contains("\(bad)") == true)
        }
        #expect(throws: FPNASError.self) { try CostChain(space: space, choiceCosts: [1]) }
        let values = [Int](repeating: (1 << 60) / 2, count: count)
        #expect(throws: FPNASError.self) { try CostChain(space: space, choiceCosts: values) }
    }
}
