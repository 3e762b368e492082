import ArchitectureDistribution
import Glibc
import SearchSpace
import Support
import TestSupport
import Testing

@Suite struct SamplingTests {
    private func sample(
        _ distribution: ArchitectureDistribution, step: UInt64, count: Int, seed: UInt64 = 5
    ) throws -> [[Int32]] {
        let width = distribution.space.variableCount
        let rows = try Buffer<Int32>(count * width, of: "samples")
        distribution.sample(seed: seed, step: step, count: count, into: rows.pointer)
        return (0..<count).map { k in (0..<width).map { rows[k * width + $0] } }
    }

    @Test(arguments: [DistributionForm.factorised, .joint])
    func drawsFollowTheDistribution(form: DistributionForm) throws {
        let space = try randomSpace(4, layers: 2)
        let distribution = try randomDistribution(space, form, seed: 1)
        let rows = allEncodings(space)
        var counts: [[Int32]: Int] = [:]
        let total = 20_000
        for row in try sample(distribution, step: 1, count: total) { counts[row, default: 0] += 1 }
        var chi = 0.0
        var freedom = -1
        for row in rows {
            let expected = Glibc.exp(try distribution.logProbability(row)) * Double(total)
            guard expected > 5 else { continue }
            let difference = Double(counts[row] ?? 0) - expected
            chi += difference * difference / expected
            freedom += 1
        }
        // Far beyond the 99.9 % quantile for any number of degrees of freedom.
        #expect(chi < Double(freedom) + 4.5 * (2 * Double(freedom)).squareRoot() + 5)
    }

    @Test func aDrawDoesNotDependOnHowManyAreDrawn() throws {
        let distribution = try randomDistribution(try randomSpace(2), .joint, seed: 1)
        let many = try sample(distribution, step: 3, count: 50)
        #expect(try sample(distribution, step: 3, count: 7) == Array(many.prefix(7)))
        #expect(try sample(distribution, step: 4, count: 50) != many)
        #expect(try sample(distribution, step: 3, count: 50, seed: 6) != many)
    }

    @Test func certainChoicesAreAlwaysDrawn() throws {
        let space = try SearchSpace(
            name: "s", layers: [Layer("a", [Variable("v", (0..<5).map(Choice.integer))])])
        let distribution = try ArchitectureDistribution(space: space, form: .factorised)
        for certain in 0..<5 {
            let logits = (0..<5).map { $0 == certain ? 0.0 : -1e6 }
            try logits.withUnsafeBufferPointer { try distribution.setLogits($0) }
            #expect(distribution.entropy == 0)
            #expect(
                try sample(distribution, step: 0, count: 200).allSatisfy { $0 == [Int32(certain)] })
            #expect(try distribution.mode().architecture == [Int32(certain)])
        }
    }

    @Test func badLogitsAreRefusedAndNothingChanges() throws {
        let distribution = try randomDistribution(try randomSpace(2), .factorised, seed: 1)
        let before = (0..<distribution.logitCount).map { distribution.logits[$0] }
        for bad in [Double.nan, .infinity, -.infinity, 1.1e6] {
            var logits = before
            logits[logits.count - 1] = bad
            #expect(throws: FPNASError.self) {
                try logits.withUnsafeBufferPointer { try distribution.setLogits($0) }
            }
        }
        #expect(throws: FPNASError.self) {
            try (before + [0]).withUnsafeBufferPointer { try distribution.setLogits($0) }
        }
        #expect((0..<distribution.logitCount).map { distribution.logits[$0] } == before)
    }

    @Test func hugeJointFormsAreRefused() throws {
        let variables = (0..<7).map { Variable("v\($0)", (0..<100).map(Choice.integer)) }
        let space = try SearchSpace(name: "huge", layers: [Layer("a", variables)])
        #expect(space.jointLogitCount == nil)
        #expect(throws: FPNASError.self) {
            try ArchitectureDistribution(space: space, form: .joint)
        }
        let factorised = try ArchitectureDistribution(space: space, form: .factorised)
        #expect(throws: FPNASError.self) { try factorised.joint() }
        #expect(try factorised.mode().architecture == [0, 0, 0, 0, 0, 0, 0])
    }

    /// Ranks so many that they would not fit in memory are refused, not tried.
    @Test func moreNetworksThanMemoryHoldsAreRefused() throws {
        let layers = (0..<1000).map {
            Layer("l\($0)", [Variable("v", [.integer(0), .integer(1)])])
        }
        let space = try SearchSpace(name: "long", layers: layers)
        let distribution = try ArchitectureDistribution(space: space, form: .factorised)
        for count in [0, -1, 1 << 20, .max] {
            let error = #expect(throws: FPNASError.self) { try distribution.top(count) }
            #expect(error?.message.contains("got \(count)") == true)
        }
        #expect(try distribution.top(3).count == 3)
    }

    @Test func tenThousandVariablesAreRanked() throws {
        let layers = (0..<2000).map { l in
            Layer("l\(l)", (0..<5).map { Variable("v\($0)", (0..<3).map(Choice.integer)) })
        }
        let space = try SearchSpace(name: "wide", layers: layers)
        let distribution = try randomDistribution(space, .factorised, seed: 2)
        let top = try distribution.top(10)
        #expect(top.count == 10)
        for entry in top {
            #expect(
                abs(try distribution.logProbability(entry.architecture) - entry.logProbability)
                    < 1e-8)
        }
    }
}
