import ArchitectureDistribution
import SearchSpace
import Support
import TestSupport
import Testing

@testable import Search

/// Legal but extreme options and values, and states no search ever wrote: numbers stay numbers.
@Suite struct ExtremeValueTests {
    private func space() throws -> SearchSpace {
        try SearchSpace(
            name: "extreme",
            layers: (0..<4).map { Layer("l\($0)", [Variable("v", (0..<3).map(Choice.integer))]) })
    }

    private func isSound(_ search: Search) -> Bool {
        let logits = search.distribution.logits.elements
        return logits.allSatisfy { abs($0) <= ArchitectureDistribution.largestLogit }
            && search.progress.entropy.isFinite
    }

    private func roundTrips(_ search: Search) throws {
        var writer = ByteWriter()
        search.encode(into: &writer)
        var reader = ByteReader(writer.bytes[...], name: "test")
        _ = try Search(space: search.space, from: &reader)
        try reader.finish()
    }

    @Test func aTinyCostTargetIsRefused() {
        var options = SearchOptions()
        options.costWeight = 1
        // 1e18 / 1e-300 is infinite, and infinity / infinity would be the weight of a cost.
        options.costTarget = 1e-300
        let error = #expect(throws: FPNASError.self) { try options.check() }
        #expect(error?.message.contains("cost_target") == true)
    }

    @Test func theSmallestCostTargetGivesNumbers() throws {
        var options = SearchOptions()
        options.costWeight = 1e6
        options.costTarget = SearchOptions.smallestCostTarget
        let search = try Search(space: try space(), options: options)
        for _ in 0..<5 {
            let ask = try search.ask()
            try search.tell(
                ask.number, logLikelihoods: ask.architectures.map { _ in -1 },
                costs: ask.architectures.indices.map { $0 == 0 ? 1e18 : 0 })
            #expect(isSound(search))
        }
    }

    @Test(arguments: [0, 1e-300, 1, 1e12]) func theWidestLikelihoodsGiveNumbers(scale: Double)
        throws
    {
        let largest = Double.greatestFiniteMagnitude
        #expect(
            SampleCoefficients.weights([-largest, largest], [1, 1], scale: scale)
                == (scale == 0
                    ? [0.5, 0.5]
                    : SampleCoefficients.weights(
                        [-largest, 0], [1, 1], scale: scale)))
        var options = SearchOptions()
        options.likelihoodScale = scale
        options.algorithm = .parsec
        let search = try Search(space: try space(), options: options)
        for _ in 0..<5 {
            let ask = try search.ask()
            try search.tell(
                ask.number,
                logLikelihoods: ask.architectures.indices.map { $0 == 0 ? -largest : largest })
            #expect(isSound(search))
        }
    }

    /// At the highest rate the logits would leave the range a checkpoint accepts.
    @Test func logitsStayInTheirRange() throws {
        var options = SearchOptions()
        options.learningRate = 1e3
        options.adamBeta2 = 0  // the first moment then outlives the second
        let search = try Search(space: try space(), options: options)
        for _ in 0..<50 {
            let ask = try search.ask()
            try search.tell(
                ask.number, logLikelihoods: ask.architectures.map { -Double($0.reduce(0, +)) })
        }
        #expect(search.distribution.logits.elements.contains { abs($0) > 1e5 })
        #expect(isSound(search))
        try roundTrips(search)
    }

    @Test func anEntropyThatIsNoNumberStillGivesASampleCount() {
        #expect(SearchOptions().sampleCount(entropy: .nan) == SearchOptions().minimumSamples)
        #expect(SearchOptions().sampleCount(entropy: .infinity) == SearchOptions().maximumSamples)
        #expect(SearchOptions().sampleCount(entropy: -1) == SearchOptions().minimumSamples)
    }
}
