import SearchSpace
import Support
import Testing

@testable import Search

/// docs/adding-a-strategy.md: its example is compiled, is what it shows, and searches.
@Suite struct AddedStrategyTests {
    private func search(_ options: SearchOptions) throws -> Search {
        let layers = (0..<6).map { Layer("l\($0)", [Variable("v", (0..<4).map(Choice.integer))]) }
        return try Search(
            space: try SearchSpace(name: "toy", layers: layers), options: options,
            strategy: CrossEntropyStrategy(options))
    }

    private var options: SearchOptions {
        var options = SearchOptions()
        options.sampleCount = 12
        options.learningRate = 0.1
        options.seed = 2
        return options
    }

    private func step(_ search: Search, _ value: ([Int32]) -> Double) throws {
        let ask = try search.ask()
        try search.tell(ask.number, logLikelihoods: ask.architectures.map(value))
    }

    @Test func theExampleIsTheDocuments() throws {
        let folder = #filePath.split(separator: "/").dropLast()
        let root = "/" + folder.dropLast(2).joined(separator: "/")
        let document = String(
            decoding: try Files.read(root + "/docs/adding-a-strategy.md"), as: UTF8.self)
        let example = String(
            decoding: try Files.read(
                "/" + folder.joined(separator: "/") + "/CrossEntropyStrategy.swift"),
            as: UTF8.self)
        let shown = document.contains("```swift\n" + example + "```")
        #expect(shown)
    }

    @Test func theExampleFindsTheBest() throws {
        let search = try search(options)
        for _ in 0..<120 { try step(search) { Double($0.reduce(0, +)) } }
        #expect(try search.result().best.architecture == [3, 3, 3, 3, 3, 3])
        #expect(search.progress.entropy < 0.3 * search.progress.initialEntropy)
    }

    /// Equal values are no information.
    @Test func aFlatObjectiveMovesNothing() throws {
        let search = try search(options)
        for _ in 0..<10 { try step(search) { _ in -1 } }
        for z in search.distribution.logits.elements { #expect(abs(z) < 1e-6) }
    }

    @Test func itsStateIsEncoded() throws {
        let search = try search(options)
        for _ in 0..<5 { try step(search) { Double($0[0]) } }
        let strategy = try #require(search.strategy as? CrossEntropyStrategy)
        var writer = ByteWriter()
        strategy.encode(into: &writer)
        let other = CrossEntropyStrategy(options)
        var reader = ByteReader(writer.bytes[...], name: "test")
        try other.restore(from: &reader, of: search)
        #expect(other.threshold == strategy.threshold && other.threshold > 0)
    }
}
