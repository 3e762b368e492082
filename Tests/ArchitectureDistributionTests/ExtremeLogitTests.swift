import Glibc
import SearchSpace
import Support
import TestSupport
import Testing

@testable import ArchitectureDistribution

/// Ties, and logits at the ends of their range.
@Suite struct ExtremeLogitTests {
    /// All networks equally probable: the order is that of the options of the units.
    @Test(arguments: UInt64(0)..<12, [DistributionForm.factorised, .joint])
    func tiesComeInLexicographicOrder(seed: UInt64, form: DistributionForm) throws {
        let space = try randomSpace(seed)
        let distribution = try ArchitectureDistribution(space: space, form: form)
        let all = try distribution.top(1 << 20)
        #expect(String(all.count) == space.canonicalCount.description)
        for (a, b) in zip(all, all.dropFirst()) {
            // Equal up to rounding counts as equal here, exactly equal must be in order.
            #expect(a.logProbability >= b.logProbability)
            if a.logProbability == b.logProbability {
                let (first, second) = (
                    order(a.architecture, distribution, space),
                    order(b.architecture, distribution, space)
                )
                #expect(first.lexicographicallyPrecedes(second))
            }
        }
        // Fewer are the first of more, and repeat.
        for count in [1, 2, 7, all.count] {
            let some = try distribution.top(count)
            #expect(some.map(\.architecture) == all.prefix(count).map(\.architecture))
        }
    }

    /// By probability of each unit's option, then by its place among the options.
    private func order(
        _ row: [Int32], _ distribution: ArchitectureDistribution, _ space: SearchSpace
    ) -> [Int] {
        let active = space.activity(row)
        return distribution.units(keeping: 1 << 20).map { unit in
            let choices = unit.variables.map { active[$0] ? row[$0] : 0 }
            return unit.options.firstIndex { $0.choices == choices } ?? -1
        }
    }

    private func distribution(
        _ space: SearchSpace, _ form: DistributionForm, _ logits: (Int) -> Double
    ) throws -> ArchitectureDistribution {
        let distribution = try ArchitectureDistribution(space: space, form: form)
        let values = (0..<distribution.logitCount).map(logits)
        try values.withUnsafeBufferPointer { try distribution.setLogits($0) }
        return distribution
    }

    /// Gaps of 0, 700 and 800 nats (e^−800 is 0 in a double), and of the whole range.
    @Test(arguments: [DistributionForm.factorised, .joint], [700.0, 800, 1e6])
    func farApartLogitsGiveNumbers(form: DistributionForm, gap: Double) throws {
        for seed in UInt64(0)..<6 {
            let space = try randomSpace(seed)
            let distribution = try distribution(space, form) { i in
                i % 3 == 0 ? gap : i % 3 == 1 ? 0 : -gap
            }
            #expect(distribution.entropy.isFinite && distribution.entropy >= 0)
            let canonical = try distribution.canonicalEntropy()
            #expect(canonical.isFinite && canonical <= distribution.entropy + 1e-12)
            var best = -Double.infinity
            for row in allEncodings(space) {
                let raw = try distribution.logProbability(row)
                let mass = try distribution.canonicalLogProbability(row)
                #expect(raw.isFinite && raw <= 1e-12 && mass >= raw - 1e-9 * abs(raw))
                best = max(best, mass)
            }
            let mode = try distribution.mode()
            #expect(abs(mode.logProbability - best) < 1e-9)
            for p in distribution.marginals(canonical: false) { #expect(p >= 0 && p <= 1) }
            for p in distribution.activity() { #expect(p >= 0 && p <= 1) }
            let rows = try Buffer<Int32>(100 * space.variableCount, of: "samples")
            distribution.sample(seed: seed, step: 0, count: 100, into: rows.pointer)
            for k in 0..<100 {
                let row = (0..<space.variableCount).map { rows[k * space.variableCount + $0] }
                // A choice of probability 0 is never drawn.
                #expect(try distribution.logProbability(row) > -60)
            }
            if form == .factorised {
                let joint = try distribution.joint()
                #expect(abs(joint.entropy - distribution.entropy) < 1e-9)
            }
        }
    }

    /// Every uniform number falls to the choice whose share of [0, 1) it lies in, however the sums
    /// round, and the largest to the last that can be drawn.
    @Test func drawsInvertTheRunningSums() throws {
        let space = try SearchSpace(
            name: "s", layers: [Layer("a", [Variable("v", (0..<75).map(Choice.integer))])])
        for seed in UInt64(0)..<50 {
            let random = Philox(seed: seed, stream: .weights)
            // A stretch in the middle and the last ten cannot be drawn.
            let distribution = try distribution(space, .factorised) { i in
                (i < 65 && !(20..<40).contains(i)) ? random.normal(step: 0, index: i) : -1000
            }
            var sum = 0.0
            for i in 0..<75 {
                let p = distribution.probabilities[i]
                if p > 0 {
                    #expect(distribution.draw(0, sum + p * 1e-9) == i)
                    #expect(distribution.draw(0, sum + p * (1 - 1e-9)) == i)
                }
                sum += p
            }
            #expect(distribution.draw(0, 0) == 0)
            #expect(distribution.draw(0, 1 - 0x1p-53) == 64)
            #expect(distribution.draw(0, 1) == 64)  // beyond what a generator gives
        }
    }

    /// A constant added to all logits changes nothing, however large.
    @Test func aShiftOfAllLogitsChangesNothing() throws {
        let space = try randomSpace(4)
        let near = try distribution(space, .joint) { Double($0 % 7) / 4 }
        let far = try distribution(space, .joint) { 999_990 + Double($0 % 7) / 4 }
        #expect(near.entropy == far.entropy)
        for row in allEncodings(space) {
            #expect(try near.logProbability(row) == far.logProbability(row))
        }
    }

    /// log p keeps its digits where p underflows.
    @Test func logProbabilitiesOutliveTheirProbabilities() throws {
        let space = try SearchSpace(
            name: "s", layers: [Layer("a", [Variable("v", (0..<3).map(Choice.integer))])])
        let distribution = try distribution(space, .factorised) { [0, -800, -1500][$0] }
        #expect(try distribution.logProbability([1]) == -800)
        #expect(try distribution.logProbability([2]) == -1500)
        #expect(distribution.probabilities[1] == 0)
        #expect(try distribution.top(3).map(\.architecture) == [[0], [1], [2]])
    }

    @Test func distributionsOfOtherSpacesAreRefused() throws {
        let a = try ArchitectureDistribution(space: try randomSpace(1), form: .factorised)
        let b = try ArchitectureDistribution(space: try randomSpace(2), form: .factorised)
        #expect(throws: FPNASError.self) { try a.divergence(from: b) }
        #expect(throws: FPNASError.self) { try a.logProbability([]) }
        #expect(throws: FPNASError.self) { try a.canonicalLogProbability([-1]) }
    }

    @Test func snapshotsAreIndependent() throws {
        let distribution = try randomDistribution(try randomSpace(3), .joint, seed: 4)
        let copy = try distribution.snapshot()
        #expect(try copy.divergence(from: distribution) == 0)
        distribution.logits[0] += 1
        distribution.normalise()
        #expect(copy.logits[0] == distribution.logits[0] - 1)
        #expect(try copy.divergence(from: distribution) > 0)
    }
}
