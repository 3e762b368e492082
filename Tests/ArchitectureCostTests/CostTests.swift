import ArchitectureCost
import ArchitectureDistribution
import Glibc
import SearchSpace
import Support
import TestSupport
import Testing

@Suite struct CostTests {
    /// Odd sizes, a stride of three, repeated blocks, searched convolutions.
    private func oddSpace() throws -> SearchSpace {
        func integers(_ values: Int...) -> AttributeValues {
            .searched(values.map(Choice.integer))
        }
        return try SearchSpace(
            name: "odd",
            layers: [
                .block(
                    "stem", .convolution, stride: 3,
                    [(.kernel, integers(1, 3, 5, 7)), (.channels, integers(5, 9))]),
                .block(
                    "three", .mbconv, stride: 2, repeats: 3,
                    [
                        (.kernel, integers(0, 3, 7)), (.squeezeExcite, integers(0, 1)),
                        (.expansion, .searched([.real(0.1), .integer(1), .real(2.5)])),
                        (.channels, integers(5, 6, 11)),
                    ]),
                .block(
                    "two", .mbconv, repeats: 2,
                    [
                        (.kernel, integers(0, 1, 5)),
                        (.expansion, .searched([.integer(1), .real(1.3)])),
                        (.channels, integers(6, 11)),
                    ]),
                .block(
                    "mix", .convolution, stride: 2, repeats: 2,
                    [(.kernel, integers(3, 5)), (.channels, integers(4, 13))]),
                .block(
                    "last", .mbconv, stride: 4,
                    [
                        (.kernel, .fixed(.integer(3))), (.squeezeExcite, .fixed(.integer(1))),
                        (.expansion, .fixed(.integer(6))), (.channels, .fixed(.integer(13))),
                    ]),
                .block("classifier", .classifier, []),
            ], input: ImageShape(height: 23, width: 14, channels: 3), classes: 7)
    }

    /// Counted by PyTorch on modules built from the same descriptions:
    /// Tests/reference/cost_reference.py.
    @Test(arguments: ["mbconv-small", "odd"]) func costsAndSizesEqualThoseOfAModule(
        name: String
    ) throws {
        let space =
            name == "odd"
            ? try oddSpace()
            : try Preset.mbconvSmall.space(
                input: ImageShape(height: 16, width: 16, channels: 1), classes: 10)
        let table = try CostTable(space)
        let folder = #filePath.split(separator: "/").dropLast().joined(separator: "/")
        let text = String(decoding: try Files.read("/\(folder)/costs.txt"), as: UTF8.self)
        let lines = text.split(separator: "\n").filter { $0.hasPrefix(name + " ") }
        #expect(lines.count == 20)
        for line in lines {
            let numbers = line.split(separator: " ").compactMap { Int($0) }
            let architecture = numbers.prefix(space.variableCount).map { Int32($0) }
            let network = try space.network(architecture)
            #expect(network.cost().macs == numbers[space.variableCount])
            #expect(network.cost().parameters == numbers[space.variableCount + 1])
            let layers = network.costPerLayer(layerCount: space.layerCount)
            #expect(layers.reduce(.zero, +) == network.cost())
            for metric in [CostMetric.macs, .parameters] {
                let cost = try table.chain(of: metric).cost(of: architecture)
                #expect(cost == network.cost().value(of: metric))
            }
            var sizes: [Int] = []
            for layer in 0..<space.layerCount {
                let last = try #require(network.blocks.last { $0.layer == layer })
                sizes += [last.outHeight, last.outWidth, last.outChannels]
            }
            #expect(sizes == Array(numbers.dropFirst(space.variableCount + 2)))
            for (block, next) in zip(network.blocks, network.blocks.dropFirst()) {
                #expect(block.outChannels == next.inChannels && block.outHeight == next.inHeight)
                #expect(
                    block.hasResidual
                        == (block.kind == .mbconv && block.stride == 1
                            && block.inChannels == block.outChannels))
            }
        }
    }

    private func distribution(
        _ space: SearchSpace, _ form: DistributionForm, seed: UInt64
    ) throws -> ArchitectureDistribution {
        let distribution = try ArchitectureDistribution(space: space, form: form)
        let random = Philox(seed: seed, stream: .weights)
        let logits = (0..<distribution.logitCount).map { 1.5 * random.normal(step: 2, index: $0) }
        try logits.withUnsafeBufferPointer { try distribution.setLogits($0) }
        return distribution
    }

    @Test(arguments: UInt64(0)..<4, [DistributionForm.factorised, .joint])
    func expectationAndRangeEqualEnumeration(seed: UInt64, form: DistributionForm) throws {
        let space = try smallNetworkSpace(seed)
        let table = try CostTable(space)
        let distribution = try distribution(space, form, seed: seed)
        for metric in [CostMetric.macs, .parameters] {
            var sum = 0.0
            var least = Int.max
            var greatest = 0
            for row in allEncodings(space) {
                let cost = try space.network(row).cost().value(of: metric)
                sum += Glibc.exp(try distribution.logProbability(row)) * Double(cost)
                least = min(least, cost)
                greatest = max(greatest, cost)
            }
            let chain = table.chain(of: metric)
            let expectation = try chain.expectation(under: distribution)
            #expect(abs(expectation / sum - 1) < 1e-12)
            #expect(chain.range == least...greatest)
        }
    }

    @Test(arguments: UInt64(0)..<4, [DistributionForm.factorised, .joint])
    func theBestWithinABudgetEqualsEnumeration(seed: UInt64, form: DistributionForm) throws {
        let space = try smallNetworkSpace(seed)
        let table = try CostTable(space).chain(of: .macs)
        let distribution = try distribution(space, form, seed: seed + 50)
        var networks: [[Int32]: (cost: Int, probability: Double)] = [:]
        for row in allEncodings(space) {
            let canonical = canonicalByDefinition(row, space)
            let p = Glibc.exp(try distribution.logProbability(row))
            let cost = try space.network(row).cost().macs
            networks[canonical, default: (cost, 0)].probability += p
        }
        let range = table.range
        for share in [0.0, 0.01, 0.05, 0.1, 0.2, 0.35, 0.5, 0.8, 1.0] {
            let budget = range.lowerBound + Int(share * Double(range.count - 1))
            let best = networks.values.filter { $0.cost <= budget }.map(\.probability).max() ?? 0
            let found = try table.mostProbable(under: distribution, within: budget)
            #expect(found.isExact)
            #expect(try space.network(found.best.architecture).cost().macs <= budget)
            #expect(abs(found.best.logProbability - Glibc.log(best)) < 1e-10)
            let own = try distribution.canonicalLogProbability(found.best.architecture)
            #expect(abs(found.best.logProbability - own) < 1e-10)
        }
        let error = #expect(throws: FPNASError.self) {
            try table.mostProbable(under: distribution, within: range.lowerBound - 1)
        }
        #expect(error?.code == .infeasible)
        #expect(error?.message.contains(String(range.lowerBound)) == true)
    }

    /// Ties everywhere, either metric, every budget at which the answer can change.
    @Test(arguments: UInt64(0)..<3, [CostMetric.macs, .parameters])
    func tiedNetworksWithinEveryBudget(seed: UInt64, metric: CostMetric) throws {
        let space = try smallNetworkSpace(seed)
        let chain = try CostTable(space).chain(of: metric)
        let uniform = try ArchitectureDistribution(space: space, form: .factorised)
        var best: [Int: Double] = [:]
        for row in allEncodings(space) {
            let cost = try space.network(row).cost().value(of: metric)
            best[cost] = max(best[cost] ?? -.infinity, try uniform.canonicalLogProbability(row))
        }
        var most = -Double.infinity
        for (i, cost) in best.keys.sorted().enumerated() {
            most = max(most, best[cost] ?? most)
            guard i % 5 == 0 || i < 20 else { continue }
            let found = try chain.mostProbable(under: uniform, within: cost)
            #expect(try space.network(found.best.architecture).cost().value(of: metric) <= cost)
            #expect(abs(found.best.logProbability - most) < 1e-10 && found.isExact)
        }
    }

    @Test func theWholePresetIsSolvedExactly() throws {
        let space = try Preset.mbconvSmall.space(
            input: ImageShape(height: 16, width: 16, channels: 1), classes: 10)
        let table = try CostTable(space).chain(of: .macs)
        for seed in UInt64(1)...3 {
            let distribution = try distribution(space, .factorised, seed: seed)
            let mode = try distribution.mode()
            let whole = try table.mostProbable(
                under: distribution, within: table.range.upperBound)
            #expect(whole.best.architecture == mode.architecture)
            let tight = try table.mostProbable(under: distribution, within: 200_000)
            #expect(tight.isExact && tight.best.logProbability <= mode.logProbability)
        }
    }

    private func wideSpace(_ widths: Int) throws -> SearchSpace {
        let channels = AttributeValues.searched((1...widths).map(Choice.integer))
        return try SearchSpace(
            name: "wide",
            layers: [
                .block("first", .convolution, [(.channels, channels)]),
                .block("second", .convolution, [(.channels, channels)]),
                .block("classifier", .classifier, []),
            ], input: ImageShape(height: 4, width: 4, channels: 3), classes: 2)
    }

    /// Every pair of widths is a row: rows are found in time, and too many are refused in time.
    @Test func manyWidths() throws {
        let space = try wideSpace(300)
        let table = try CostTable(space)
        let narrow = try space.network([0, 0]).cost().macs
        let wide = try space.network([299, 299]).cost().macs
        #expect(table.chain(of: .macs).range == narrow...wide)
        let error = #expect(throws: FPNASError.self) { try CostTable(try wideSpace(65536)) }
        #expect(error?.message.contains("'second'") == true)
    }

    @Test func spacesWithoutNetworksAndOtherSpacesAreRefused() throws {
        #expect(throws: FPNASError.self) { try CostTable(try randomSpace(1)) }
        let other = try ArchitectureDistribution(space: try smallNetworkSpace(1), form: .factorised)
        #expect(throws: FPNASError.self) {
            try CostTable(try smallNetworkSpace(2)).chain(of: .macs).expectation(under: other)
        }
    }
}
