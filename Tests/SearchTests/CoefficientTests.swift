import Glibc
import Search
import Support
import Testing

@Suite struct CoefficientTests {
    @Test func weightsAreASoftmaxOverSamples() {
        let weights = SampleCoefficients.weights([-1, -3, -.infinity, -2], [1, 2, 5, 1], scale: 2)
        let raw = [1 * exp(-2.0), 2 * exp(-6.0), 0, exp(-4.0)]
        let sum = raw.reduce(0, +)
        for (w, r) in zip(weights, raw) { #expect(abs(w - r / sum) < 1e-15) }
        #expect(SampleCoefficients.weights([-.infinity, -.infinity], [1, 1], scale: 1) == [0, 0])
        #expect(SampleCoefficients.weights([-1e300, -2e300], [1, 1], scale: 1e12) == [1, 0])
    }

    /// Equation 7 written out sample by sample, with K = 5 draws of three networks.
    @Test(arguments: [Baseline.none, .mean], [0.0, 0.7])
    func coefficientsEqualEquationSeven(baseline: Baseline, beta: Double) {
        let counts = [2, 1, 2]
        let logs = [-0.3, -0.1, -0.9]
        let excesses = [0.0, 0.5, 0.25]
        let weights = SampleCoefficients.weights(logs, counts, scale: 3)
        let ours = SampleCoefficients.coefficients(
            weights: weights, excesses: excesses, multiplicities: counts, costWeight: beta,
            baseline: baseline)
        let network = [0, 0, 1, 2, 2]
        let total = network.reduce(0.0) { $0 + exp(3 * logs[$1]) }
        let cost = network.reduce(0.0) { $0 + excesses[$1] }
        let mean = baseline == .mean ? 0.2 : 0
        var expected = [0.0, 0, 0]
        for n in network {
            expected[n] += exp(3 * logs[n]) / total - mean - beta * (excesses[n] / cost - mean)
        }
        for (a, b) in zip(ours, expected) { #expect(abs(a - b) < 1e-15) }
        let sum = ours.reduce(0, +)
        #expect(abs(sum - (baseline == .mean ? 0 : 1 - beta)) < 1e-15)
    }

    @Test func withoutExcessTheCostTermIsGone() {
        let ours = SampleCoefficients.coefficients(
            weights: [0.25, 0.75], excesses: [0, 0], multiplicities: [1, 1], costWeight: 5,
            baseline: .none)
        #expect(ours == [0.25, 0.75])
    }

    @Test func effectiveSampleSizes() {
        #expect(SampleCoefficients.effectiveSampleSize([0.25, 0.25, 0.5], [1, 1, 2]) == 4)
        #expect(SampleCoefficients.effectiveSampleSize([1, 0], [1, 3]) == 1)
        #expect(SampleCoefficients.effectiveSampleSize([0, 0], [1, 1]) == 0)
    }

    @Test func theScaleReachesAShareOfTheSamples() {
        let logs = [-0.011, -0.012, -0.010, -0.0135]
        let counts = [1, 2, 1, 3]
        for share in [0.3, 0.5, 0.9] {
            let scale = SampleCoefficients.scale(share: share, logs, counts)
            let weights = SampleCoefficients.weights(logs, counts, scale: scale)
            let size = SampleCoefficients.effectiveSampleSize(weights, counts)
            #expect(abs(size - share * 7) < 1e-6)
        }
        let equal = SampleCoefficients.scale(share: 0.5, [-1, -1], [1, 1])
        #expect(SampleCoefficients.weights([-1, -1], [1, 1], scale: equal) == [0.5, 0.5])
    }

    @Test func sampleCountsFollowTheEntropy() {
        var options = SearchOptions()
        #expect(options.sampleCount(entropy: 56.9) == 14)
        #expect(options.sampleCount(entropy: 3) == 2)
        #expect(options.sampleCount(entropy: 1e9) == 64)
        options.samplesPerNat = 0.5
        #expect(options.sampleCount(entropy: 21.9) == 10)
        options.algorithm = .parsec
        #expect(options.sampleCount(entropy: 21.9) == 14)
    }

    @Test func optionsOutOfRangeAreRefusedByName() {
        func refuses(_ name: String, _ change: (inout SearchOptions) -> Void) {
            var options = SearchOptions()
            change(&options)
            let error = #expect(throws: FPNASError.self) { try options.check() }
            #expect(error?.message.contains(name) == true)
        }
        for bad in [Double.nan, .infinity, -1] {
            refuses("samples_per_nat") { $0.samplesPerNat = bad }
            refuses("likelihood_scale") { $0.likelihoodScale = bad }
            refuses("effective_sample_share") { $0.effectiveSampleShare = bad }
            refuses("learning_rate") { $0.learningRate = bad }
            refuses("adam_beta1") { $0.adamBeta1 = bad }
            refuses("adam_beta2") { $0.adamBeta2 = bad }
            refuses("adam_epsilon") { $0.adamEpsilon = bad }
            refuses("cost_weight") { $0.costWeight = bad }
            refuses("cost_target") { $0.costTarget = bad }
            refuses("stop_entropy") { $0.stopEntropy = bad }
        }
        refuses("cost_target") { $0.costWeight = 1 }
        refuses("sample_count") { $0.sampleCount = 1 }
        refuses("minimum_samples") { $0.minimumSamples = 0 }
        refuses("maximum_samples") { $0.maximumSamples = 1 }
        refuses("joint_step") { $0.jointStep = -2 }
        refuses("warm_up_steps") { $0.warmUpSteps = -1 }
        refuses("maximum_steps") { $0.maximumSteps = -1 }
    }
}
