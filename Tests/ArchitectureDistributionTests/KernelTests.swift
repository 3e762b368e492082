import CSearchKernels
import SearchSpace
import Support
import TestSupport
import Testing

@testable import ArchitectureDistribution

/// The kernels give the bits of the scalar code, in every variant this CPU has.
@Suite struct KernelTests {
    private typealias Kernels = UnsafePointer<fpnas_priv_search_kernels>

    private func variants() -> [Kernels] {
        let names = ["baseline", "avx2", "avx512"]
        return names.compactMap { name in fpnas_priv_search_kernels_named(name) }
    }

    @Test func thereIsABaselineAndNoOther() {
        #expect(variants().count >= 1)
        #expect(fpnas_priv_search_kernels_named("sse9") == nil)
    }

    @Test func exponentialsAreThoseOfElementary() {
        let random = Philox(seed: 1, stream: .weights)
        var x: [Double] = [
            0, -0.0, 1, -1, -708, -708.4, -709, -744.4400719213812, -745, -745.1332191019411,
            -745.1332191019412, -745.1332191019413, -745.2, -745.9999, -746, -746.1, -1e6, -2e6,
            -0x1p-1074, 0x1p-1022, -1e-17, 15.9,
        ]
        for i in 0..<20_000 {
            let u = random.uniform(step: 0, index: i)
            x.append(i % 3 == 0 ? -u : i % 3 == 1 ? 10 - 50 * u : -800 * u)
        }
        for variant in variants() {
            var y = [Double](repeating: .nan, count: x.count)
            variant.pointee.exponential(x, x.count, &y)
            #expect(zip(x, y).allSatisfy { Elementary.exp($0).bitPattern == $1.bitPattern })
        }
    }

    @Test func uniformsAreThoseOfPhilox() {
        let steps: [UInt64] = [0, 1, 0xFFFF_FFFF, 1 << 33 + 5, .max]
        for (i, step) in steps.enumerated() {
            let random = Philox(seed: 0x1234_5678_9ABC_DEF0 << UInt64(i), stream: .dataOrder)
            var stream = fpnas_priv_stream(
                key: (random.key.x, random.key.y), stream: random.stream)
            let first = i * 12_345
            for variant in variants() {
                var u = [Double](repeating: .nan, count: 21)
                variant.pointee.uniforms(&stream, step, UInt32(7 + i), UInt32(first), 21, &u)
                for k in 0..<21 {
                    #expect(u[k] == random.uniform(step: step, sample: first + k, index: 7 + i))
                }
            }
        }
    }

    /// Every draw is the first index whose running sum exceeds its share of the whole, counted one
    /// by one: groups of every size up to some blocks, of several variables, and large ones.
    @Test func drawsAreThoseOfTheRunningSums() throws {
        let sizes =
            (1...50).map { [$0] } + [[3, 2, 4, 6, 10], [7, 1, 5], [1, 1], [2050], [3001]]
        let space = try SearchSpace(
            name: "s",
            layers: sizes.enumerated().map { l, counts in
                Layer(
                    "l\(l)",
                    counts.enumerated().map { v, count in
                        Variable("v\(v)", (0..<count).map(Choice.integer))
                    })
            })
        let random = Philox(seed: 3, stream: .weights)
        let uniforms = Philox(seed: 77, stream: .architectures)
        for (variant, form) in variants().flatMap({
            [($0, DistributionForm.factorised), ($0, .joint)]
        }) {
            let distribution = try ArchitectureDistribution(
                space: space, form: form, kernels: variant)
            for i in 0..<distribution.logitCount {
                distribution.logits[i] = 3 * random.normal(step: 0, index: i)
                if i % 5 == 0 { distribution.logits[i] -= 900 }
            }
            distribution.normalise()
            let (count, width) = (150, space.variableCount)
            let rows = try Buffer<Int32>(count * width, of: "rows")
            distribution.sample(seed: 77, step: 9, count: count, into: rows.pointer)
            for g in 0..<distribution.groupCount {
                let (start, end) = (distribution.groupOffsets[g], distribution.groupOffsets[g + 1])
                let blocks = distribution.blockOffsets[g]
                for k in 0..<count {
                    let u = uniforms.uniform(step: 9, sample: k, index: g)
                    let target = u * distribution.exponentialSum(ofGroup: g)
                    var index = start
                    var sum = 0.0
                    while index < end {
                        if (index - start) % 16 == 0 && index > start {
                            sum = distribution.running[blocks + (index - start) / 16 - 1]
                        }
                        sum += distribution.exponentials[index]
                        if sum > target { break }
                        index += 1
                    }
                    #expect(index < end && distribution.draw(g, u) == index - start)
                    for v in distribution.variables(ofGroup: g) {
                        let choice = distribution.choice(of: v, at: index - start)
                        #expect(rows[k * width + v] == Int32(choice))
                    }
                }
            }
        }
    }

    /// Groups of every size up to some spans, and large ones: the same bits in all variants.
    @Test func stepsAreBitEqual() throws {
        let sizes = Array(1...70) + [127, 128, 129, 720, 1440]
        let space = try SearchSpace(
            name: "s",
            layers: sizes.map { Layer("l\($0)", [Variable("v", (0..<$0).map(Choice.integer))]) })
        let random = Philox(seed: 2, stream: .weights)
        var results: [[UInt64]] = []
        for variant in variants() {
            let distribution = try ArchitectureDistribution(
                space: space, form: .joint, kernels: variant)
            let count = distribution.logitCount
            let z = distribution.logits
            for i in 0..<count {
                z[i] = 5 * random.normal(step: 0, index: i) - (i % 7 == 0 ? 740 : 0)  // subnormal
            }
            distribution.normalise()
            for (g, size) in sizes.enumerated() {
                let range = distribution.groupOffsets[g]..<distribution.groupOffsets[g + 1]
                let peak = range.reduce(-.infinity) { max($0, z[$1]) }
                let sum = range.reduce(0) { $0 + Elementary.exp(z[$1] - peak) }
                #expect(range.count == size && distribution.peaks[g] == peak)
                #expect(abs(distribution.exponentialSum(ofGroup: g) - sum) < 1e-14 * sum)
                for i in range {
                    #expect(distribution.exponentials[i] == Elementary.exp(z[i] - peak))
                }
            }
            let (first, second) = (
                try Buffer<Double>(count, of: "m"), try Buffer<Double>(count, of: "v")
            )
            let pull = try Buffer<Double>(count, of: "pull")
            var bits: [UInt64] = []
            for t in 1...5 {
                for i in stride(from: t, to: count, by: 5) {
                    pull[i] = random.normal(step: UInt64(t), index: i)
                }
                let squares = distribution.descend(
                    total: 0.1, pull: pull, first: first, second: second,
                    DescentRates(
                        beta1: 0.9, beta2: 0.99, rate: 20 * Double(t), spread: 3, epsilon: 1e-8))
                bits += [squares.bitPattern, distribution.entropy.bitPattern]
                #expect(pull.elements.allSatisfy { $0 == 0 })
            }
            for buffer in [z, distribution.exponentials, distribution.running, first, second] {
                bits += buffer.elements.map(\.bitPattern)
            }
            results.append(bits)
        }
        for result in results { #expect(result == results[0]) }
    }

    /// Logits stay within their bounds however far a step would take them, and what is no number
    /// becomes the lower one.
    @Test func aDescentEndsAtTheBounds() throws {
        let limit = ArchitectureDistribution.largestLogit
        let space = try SearchSpace(
            name: "s",
            layers: [3, 100].enumerated().map { l, count in
                Layer("l\(l)", [Variable("v", (0..<count).map(Choice.integer))])
            })
        for variant in variants() {
            let distribution = try ArchitectureDistribution(
                space: space, form: .joint, kernels: variant)
            let (first, second, pull) = (
                try Buffer<Double>(103, of: "m"), try Buffer<Double>(103, of: "v"),
                try Buffer<Double>(103, of: "pull")
            )
            for i in 0..<103 { pull[i] = i % 4 == 0 ? 1 : i % 4 == 1 ? -1 : 0 }
            pull[99] = .infinity
            _ = distribution.descend(
                total: 0, pull: pull, first: first, second: second,
                DescentRates(beta1: 0.5, beta2: 0.5, rate: 1e9, spread: 1, epsilon: 1e-8))
            for i in 0..<103 {
                let expected = i == 99 || i % 4 == 0 ? -limit : i % 4 == 1 ? limit : 0
                #expect(distribution.logits[i] == expected)
            }
            #expect(distribution.peaks[0] == limit && distribution.peaks[1] == limit)
            #expect(abs(distribution.exponentialSum(ofGroup: 1) - 25) < 1e-12)
        }
    }

    /// One descent against Adam written out on one value after the other.
    @Test(arguments: [DistributionForm.factorised, .joint])
    func aDescentIsAdam(form: DistributionForm) throws {
        let space = try randomSpace(5)
        let distribution = try randomDistribution(space, form, seed: 8)
        let count = distribution.logitCount
        let (first, second) = (
            try Buffer<Double>(count, of: "m"), try Buffer<Double>(count, of: "v")
        )
        let pull = try Buffer<Double>(count, of: "pull")
        let random = Philox(seed: 3, stream: .weights)
        for i in 0..<count {
            first[i] = random.normal(step: 0, index: i)
            second[i] = random.uniform(step: 1, index: i)
            pull[i] = i % 2 == 0 ? random.normal(step: 2, index: i) : 0
        }
        let gradient = (0..<count).map { 0.3 * distribution.probabilities[$0] + pull[$0] }
        var expected: [Double] = []
        for (i, g) in gradient.enumerated() {
            let m = 0.8 * first[i] + 0.2 * g
            let v = 0.9 * second[i] + 0.1 * g * g
            // Three updates so far.
            let mean = m / (1 - 0.8 * 0.8 * 0.8)
            let deviation = (v / (1 - 0.9 * 0.9 * 0.9)).squareRoot()
            expected.append(distribution.logits[i] - 0.05 * mean / (deviation + 1e-3))
        }
        let squares = distribution.descend(
            total: 0.3, pull: pull, first: first, second: second,
            DescentRates(
                beta1: 0.8, beta2: 0.9, rate: 0.05 / (1 - 0.8 * 0.8 * 0.8),
                spread: 1 / (1 - 0.9 * 0.9 * 0.9).squareRoot(), epsilon: 1e-3))
        for i in 0..<count { #expect(abs(distribution.logits[i] - expected[i]) < 1e-13) }
        #expect(abs(squares - gradient.reduce(0) { $0 + $1 * $1 }) < 1e-12)
        // And everything else follows the logits.
        let entropy = distribution.entropy
        distribution.normalise()
        #expect(distribution.entropy == entropy)
        let marginals = distribution.marginals(canonical: false)
        for v in 0..<space.variableCount {
            for c in 0..<space.choiceCounts[v] {
                let p = marginals[space.factorisedOffsets[v] + c]
                #expect(abs(distribution.marginal(of: v, choice: c) - p) < 1e-14)
            }
        }
    }
}
