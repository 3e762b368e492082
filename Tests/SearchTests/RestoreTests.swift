import SearchSpace
import Support
import TestSupport
import Testing

@testable import Search

/// States that no search wrote, with valid lengths: refused, or harmless.
@Suite struct RestoreTests {
    private func search() throws -> Search {
        var options = SearchOptions()
        options.minimumSamples = 3
        return try Search(space: try randomSpace(3), options: options)
    }

    private func restore(_ search: Search) throws -> Search {
        var writer = ByteWriter()
        search.encode(into: &writer)
        var reader = ByteReader(writer.bytes[...], name: "test")
        return try Search(space: search.space, from: &reader)
    }

    @Test func asksOutOfOrderOrTwiceAreRefused() throws {
        let search = try search()
        _ = try search.ask()
        _ = try search.ask()
        #expect(try restore(search).openAskNumbers == [0, 1])
        search.open.swapAt(0, 1)
        #expect(throws: FPNASError.self) { try restore(search) }
        search.open[1] = search.open[0]
        #expect(throws: FPNASError.self) { try restore(search) }
    }

    @Test func anAskThatMissesNothingIsRefused() throws {
        let search = try search()
        let ask = try search.ask()
        for network in ask.architectures.indices { ask.put(network, -1, cost: .nan) }
        #expect(throws: FPNASError.self) { try restore(search) }
    }

    @Test func momentsThatAreNoNumbersAreRefused() throws {
        for bad in [Double.nan, .infinity] {
            let search = try search()
            search.adam.first[0] = bad
            #expect(throws: FPNASError.self) { try restore(search) }
            search.adam.first[0] = 0
            search.adam.second[0] = bad
            #expect(throws: FPNASError.self) { try restore(search) }
        }
    }

    /// Moments no gradient can have made, and counters near their end.
    @Test func wildMomentsAndCountersGoOn() throws {
        let search = try search()
        search.adam.first[0] = 1e308
        search.adam.first[1] = -1e308
        search.adam.updates = Int.max >> 1
        search.progress.samplesDrawn = Int.max >> 1
        let copy = try restore(search)
        for _ in 0..<3 {
            let ask = try copy.ask()
            try copy.tell(ask.number, logLikelihoods: ask.architectures.map { _ in -1 })
            #expect(copy.progress.entropy.isFinite)
        }
        search.adam.updates = .max
        #expect(throws: FPNASError.self) { try restore(search) }
    }

    /// A count of samples that the bytes cannot hold is refused before memory is taken for it.
    @Test func aLongAskInAShortStateTakesNoMemory() throws {
        let layers = (0..<1000).map {
            Layer("l\($0)", [Variable("v", [.integer(0), .integer(1)])])
        }
        let space = try SearchSpace(name: "long", layers: layers)
        var options = SearchOptions()
        options.algorithm = .parsec
        options.sampleCount = 2
        let search = try Search(space: space, options: options)
        let ask = try search.ask()
        var writer = ByteWriter()
        search.encode(into: &writer)
        // The sample count stands before the count of samples, the samples, and two values each.
        var bytes = writer.bytes
        let place = bytes.count - 16 * ask.architectures.count - 2 * 1000 * 4 - 16
        #expect(bytes[place] == 2)
        bytes[place + 1] = 0xFF  // 65282 samples, 261 MB
        var reader = ByteReader(bytes[...], name: "test")
        let error = #expect(throws: FPNASError.self) { try Search(space: space, from: &reader) }
        // Not that the memory was of another size.
        #expect(error?.message.contains("ends early") == true)
    }

    /// The count that is kept agrees with the list that is made.
    @Test func missingNetworksAreCounted() throws {
        let search = try search()
        let ask = try search.ask()
        #expect(ask.missingCount == ask.architectures.count)
        try search.tell(ask.number, networks: [1], logLikelihoods: [-1])
        #expect(ask.missingCount == ask.architectures.count - 1)
        #expect(ask.missing.count == ask.missingCount && !ask.missing.contains(1))
        #expect(try restore(search).openAsk(ask.number).missing == ask.missing)
    }
}
