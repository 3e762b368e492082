import Formats
import Search
import SearchSpace
import Support
import TestSupport
import Testing

@Suite struct CheckpointTests {
    private func search() throws -> Search {
        var options = SearchOptions()
        options.minimumSamples = 3
        let search = try Search(space: try randomSpace(5), options: options)
        let ask = try search.ask()
        try search.tell(
            ask.number, logLikelihoods: ask.architectures.map { -Double($0.reduce(0, +)) })
        _ = try search.ask()
        return search
    }

    @Test func searchesRoundTripWithTheirSpace() throws {
        let search = try search()
        let data = try Checkpoint.encode(search)
        let copy = try Checkpoint.decodeSearch(data, name: "test")
        #expect(copy.space == search.space && copy.progress == search.progress)
        #expect(try Checkpoint.encode(copy) == data)
    }

    @Test func everyTruncationAndEveryFlippedBitIsRefused() throws {
        let data = try Checkpoint.encode(try search())
        for count in 0..<data.count {
            let error = #expect(throws: FPNASError.self) {
                try Checkpoint.decodeSearch(Array(data.prefix(count)), name: "a.fpnas")
            }
            #expect(error?.code == .format && error?.message.contains("a.fpnas") == true)
        }
        for bit in stride(from: 0, to: data.count * 8, by: 5) {
            var flipped = data
            flipped[bit / 8] ^= 1 << (bit % 8)
            #expect(throws: FPNASError.self) {
                try Checkpoint.decodeSearch(flipped, name: "a.fpnas")
            }
        }
        #expect(throws: FPNASError.self) {
            try Checkpoint.decodeSearch(data + [0], name: "a.fpnas")
        }
    }

    @Test func otherKindsAreRefused() throws {
        let run = Checkpoint.seal([1, 2, 3], as: .run)
        #expect(try Checkpoint.open(run, name: "test").payload == [1, 2, 3])
        #expect(throws: FPNASError.self) { try Checkpoint.decodeSearch(run, name: "test") }
    }
}
