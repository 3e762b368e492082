import ArchitectureCost
import Experiment
import SearchSpace
import Support
import Testing

/// What can be promised of times on any machine: what is measured is complete, can be gone on
/// from, and orders what differs by a hundred times.
@Suite(.serialized) struct LatencyMeasurementTests {
    private func space() throws -> SearchSpace {
        try SearchSpace(
            name: "two",
            layers: [
                .block("stem", .convolution, [(.channels, .fixed(.integer(16)))]),
                .block(
                    "block", .mbconv,
                    [
                        (.kernel, .searched([.integer(0), .integer(5)])),
                        (.expansion, .searched([.integer(1), .integer(16)])),
                        (.channels, .fixed(.integer(16))),
                    ]),
                .block("classifier", .classifier, []),
            ], input: ImageShape(height: 24, width: 24, channels: 1), classes: 10)
    }

    private var options: LatencyOptions {
        var options = LatencyOptions()
        options.seconds = 0
        options.rounds = 8
        return options
    }

    @Test func measuresEveryBlockAndGoesOn() throws {
        let space = try space()
        var first = try LatencyMeasurement(space, options)
        #expect(first.count == 5 && first.remaining.count == 5)
        try first.step()
        try first.step()
        let half = try first.table(device: "a test", date: nil)
        #expect(half.blocks.count == 2)
        #expect(throws: FPNASError.self) { try half.chain(of: space) }
        var other = options
        other.batch = 2
        #expect(throws: FPNASError.self) { try LatencyMeasurement(space, other, from: half) }
        var second = try LatencyMeasurement(space, options, from: half)
        #expect(second.count == 5 && second.remaining.count == 3)
        while !second.isDone { try second.step() }
        let table = try second.table(device: "a test", date: nil)
        for (block, entry) in half.blocks { #expect(table[block] == entry) }
        #expect(table.header.base == half.header.base && table.header.threads == 1)
        #expect(try table.missingKeys(of: space).isEmpty)
        // A block of 16 times the MACs takes longer, and one that is skipped nothing.
        let skipped = try table.latency(of: [0, 0], in: space)
        let narrow = try table.latency(of: [1, 0], in: space)
        let wide = try table.latency(of: [1, 1], in: space)
        #expect(skipped < narrow && narrow < wide)
        #expect(table.blocks.allSatisfy { $0.entry.count ?? 0 >= 8 })
    }

    @Test func comparesWholeNetworks() throws {
        let space = try space()
        var measurement = try LatencyMeasurement(space, options)
        while !measurement.isDone { try measurement.step() }
        let table = try measurement.table(device: "a test", date: nil)
        let comparison = try LatencyComparison(table, space, networks: 3, seed: 1, options)
        // Three networks there are: two encodings skip, and are one network.
        #expect(comparison.rows.count == 3)
        #expect(comparison.rows.allSatisfy { $0.measured > 0 && $0.predicted > 0 })
        #expect(comparison.rankCorrelation == 1)
        #expect(comparison.error(0.5) <= comparison.error(1))
        #expect(throws: FPNASError.self) {
            try LatencyComparison(table, space, networks: 0, seed: 1, options)
        }
    }

    @Test func badOptionsAreRefused() throws {
        for change: (inout LatencyOptions) -> Void in [
            { $0.threads = 0 }, { $0.batch = 0 }, { $0.seconds = .nan }, { $0.rounds = 3 },
        ] {
            var options = LatencyOptions()
            change(&options)
            #expect(throws: FPNASError.self) { try options.check() }
        }
        let abstract = try SearchSpace(
            name: "a", layers: [Layer("l", [Variable("v", [.integer(1), .integer(2)])])])
        #expect(throws: FPNASError.self) { try LatencyMeasurement(abstract, options) }
    }
}
