import ArchitectureDistribution
import Glibc
import SearchSpace
import Support
import TestSupport
import Testing

/// A distribution with pseudo-random logits.
func randomDistribution(
    _ space: SearchSpace, _ form: DistributionForm, seed: UInt64
) throws -> ArchitectureDistribution {
    let distribution = try ArchitectureDistribution(space: space, form: form)
    let random = Philox(seed: seed, stream: .weights)
    let logits = (0..<distribution.logitCount).map { 1.5 * random.normal(step: 1, index: $0) }
    try logits.withUnsafeBufferPointer { try distribution.setLogits($0) }
    return distribution
}

/// Everything against the list of all encodings, straight from the definitions.
@Suite struct EnumerationTests {
    struct Listed {
        let rows: [[Int32]]
        let probabilities: [Double]
    }

    /// P of every encoding by softmax over logits found by name, not by the library's indices.
    private func list(_ distribution: ArchitectureDistribution) -> Listed {
        let space = distribution.space
        let rows = allEncodings(space)
        let logits = (0..<distribution.logitCount).map { distribution.logits[$0] }
        func softmax(_ values: ArraySlice<Double>, _ index: Int) -> Double {
            Glibc.exp(values[values.startIndex + index]) / values.reduce(0) { $0 + Glibc.exp($1) }
        }
        let probabilities = rows.map { row in
            var p = 1.0
            var start = 0
            switch distribution.form {
            case .factorised:
                for (v, count) in space.choiceCounts.enumerated() {
                    p *= softmax(logits[start..<(start + count)], Int(row[v]))
                    start += count
                }
            case .joint:
                for layer in 0..<space.layerCount {
                    var index = 0
                    var count = 1
                    for v in space.variables(of: layer) {
                        index = index * space.choiceCounts[v] + Int(row[v])
                        count *= space.choiceCounts[v]
                    }
                    p *= softmax(logits[start..<(start + count)], index)
                    start += count
                }
            }
            return p
        }
        return Listed(rows: rows, probabilities: probabilities)
    }

    private func canonicalMasses(_ listed: Listed, _ space: SearchSpace) -> [[Int32]: Double] {
        var masses: [[Int32]: Double] = [:]
        for (row, p) in zip(listed.rows, listed.probabilities) {
            masses[canonicalByDefinition(row, space), default: 0] += p
        }
        return masses
    }

    @Test(arguments: UInt64(0)..<12, [DistributionForm.factorised, .joint])
    func queriesEqualTheirDefinition(seed: UInt64, form: DistributionForm) throws {
        let space = try randomSpace(seed)
        let distribution = try randomDistribution(space, form, seed: seed)
        let listed = list(distribution)
        let masses = canonicalMasses(listed, space)
        #expect(abs(listed.probabilities.reduce(0, +) - 1) < 1e-12)
        for (row, p) in zip(listed.rows, listed.probabilities) {
            #expect(abs(try distribution.logProbability(row) - Glibc.log(p)) < 1e-12)
            let mass = masses[canonicalByDefinition(row, space)] ?? 0
            #expect(abs(try distribution.canonicalLogProbability(row) - Glibc.log(mass)) < 1e-12)
        }
        let entropy = -listed.probabilities.reduce(0) { $0 + $1 * Glibc.log($1) }
        #expect(abs(distribution.entropy - entropy) < 1e-11)
        let canonicalEntropy = -masses.values.sorted().reduce(0) { $0 + $1 * Glibc.log($1) }
        #expect(abs(try distribution.canonicalEntropy() - canonicalEntropy) < 1e-11)

        var raw = [Double](repeating: 0, count: space.factorisedLogitCount)
        var canonical = raw
        var activity = [Double](repeating: 0, count: space.variableCount)
        for (row, p) in zip(listed.rows, listed.probabilities) {
            for (v, active) in space.activity(row).enumerated() {
                raw[space.factorisedOffsets[v] + Int(row[v])] += p
                if active {
                    canonical[space.factorisedOffsets[v] + Int(row[v])] += p
                    activity[v] += p
                }
            }
        }
        func close(_ a: [Double], _ b: [Double]) -> Bool {
            zip(a, b).allSatisfy { abs($0 - $1) < 1e-12 }
        }
        #expect(close(distribution.marginals(canonical: false), raw))
        #expect(close(distribution.marginals(canonical: true), canonical))
        #expect(close(distribution.activity(), activity))
    }

    @Test(arguments: UInt64(0)..<12, [DistributionForm.factorised, .joint])
    func theMostProbableNetworksComeInOrder(seed: UInt64, form: DistributionForm) throws {
        let space = try randomSpace(seed)
        let distribution = try randomDistribution(space, form, seed: seed + 100)
        let masses = canonicalMasses(list(distribution), space)
        let expected = masses.sorted { $0.value > $1.value }
        let top = try distribution.top(masses.count + 5)
        #expect(top.count == masses.count)
        for (ours, theirs) in zip(top, expected) {
            #expect(abs(ours.logProbability - Glibc.log(theirs.value)) < 1e-11)
            #expect(abs((masses[ours.architecture] ?? 0) - theirs.value) < 1e-12)
        }
        #expect(Set(top.map(\.architecture)).count == top.count)
        #expect(try distribution.mode().architecture == top[0].architecture)
    }

    @Test(arguments: UInt64(0)..<12) func conversionKeepsEveryProbability(seed: UInt64) throws {
        let space = try randomSpace(seed)
        let factorised = try randomDistribution(space, .factorised, seed: seed + 7)
        let joint = try factorised.joint()
        #expect(joint.form == .joint)
        for row in allEncodings(space) {
            #expect(abs(try joint.logProbability(row) - factorised.logProbability(row)) < 1e-12)
        }
        #expect(abs(joint.entropy - factorised.entropy) < 1e-12)
        #expect(try joint.divergence(from: factorised) < 1e-12)
    }

    @Test(arguments: UInt64(0)..<6) func divergenceEqualsItsSum(seed: UInt64) throws {
        let space = try randomSpace(seed)
        for (a, b) in [
            (DistributionForm.factorised, DistributionForm.factorised), (.joint, .joint),
            (.factorised, .joint), (.joint, .factorised),
        ] {
            let p = try randomDistribution(space, a, seed: seed + 1)
            let q = try randomDistribution(space, b, seed: seed + 2)
            let sum = zip(list(p).probabilities, list(q).probabilities)
                .reduce(0) { $0 + $1.0 * Glibc.log($1.0 / $1.1) }
            #expect(abs(try p.divergence(from: q) - sum) < 1e-11)
        }
    }

    @Test(arguments: UInt64(0)..<6, [DistributionForm.factorised, .joint])
    func gradientEqualsFiniteDifferences(seed: UInt64, form: DistributionForm) throws {
        let space = try randomSpace(seed)
        let distribution = try randomDistribution(space, form, seed: seed + 3)
        let rows = allEncodings(space)
        let chosen = [rows[0], rows[rows.count / 2], rows[rows.count - 1]]
        let coefficients = [0.7, -0.4, 1.1]
        let gradient = try Buffer<Double>(distribution.logitCount, of: "gradient")
        Array(chosen.joined()).withUnsafeBufferPointer { samples in
            coefficients.withUnsafeBufferPointer {
                if let start = samples.baseAddress {
                    distribution.addGradient(start, $0, to: gradient.pointer)
                }
            }
        }
        func loss() throws -> Double {
            var sum = 0.0
            for (row, m) in zip(chosen, coefficients) {
                sum -= m * (try distribution.logProbability(row))
            }
            return sum
        }
        for i in 0..<distribution.logitCount {
            let value = distribution.logits[i]
            distribution.logits[i] = value + 1e-5
            distribution.normalise()
            let above = try loss()
            distribution.logits[i] = value - 1e-5
            distribution.normalise()
            let below = try loss()
            distribution.logits[i] = value
            distribution.normalise()
            #expect(abs((above - below) / 2e-5 - gradient[i]) < 1e-8)
        }
    }
}
