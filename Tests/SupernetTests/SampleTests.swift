import SearchSpace
import Support
import Testing

@testable import Supernet

/// Networks walked as a trie against networks one by one.
@Suite struct SampleTests {
    let batch: Buffer<Float>
    let targets = labels(20, classes: 4)

    init() throws { batch = try images(20, ImageShape(height: 8, width: 8, channels: 1)) }

    func all(_ buffer: Buffer<Float>) -> [Float] { (0..<buffer.count).map { buffer[$0] } }

    /// Architectures that share beginnings: later variables differ more often.
    func architectures(_ space: SearchSpace, _ count: Int) -> [[Int32]] {
        let base = architecture(space, seed: 40)
        return (0..<count).map { k in
            let keep = [11, 3, 8, 11, 5, 0, 9, 3, 6, 12][k % 10]
            return zip(base, architecture(space, seed: 41 + k)).enumerated().map {
                $0.offset < keep ? $0.element.0 : $0.element.1
            }
        }
    }

    @Test(arguments: [1, 3], [false, true])
    func trieEqualsOneByOne(threads: Int, leading: Bool) throws {
        let space = try smallSpace(leading: leading)
        let samples = try architectures(space, 10).enumerated().map {
            Sample(try space.network($0.element), multiplicity: 1 + $0.offset % 3)
        }
        let scale = 30.0
        let supernet = try Supernet(space: space, capacity: 20, seed: 9, threads: threads)
        supernet.scatter()
        supernet.beginStep()
        let alone = try samples.map {
            try supernet.accumulate(
                $0.network, images: batch, labels: targets, multiplicity: $0.multiplicity,
                likelihoodScale: scale)
        }
        let expected = all(supernet.gradient)
        let sum = try #require(supernet.step)
        let before = supernet.blockCounts
        // In both directions, so that the highest likelihood comes early and late.
        for given in [samples, samples.reversed()] {
            supernet.beginStep()
            let results = try supernet.accumulate(
                given, images: batch, labels: targets, likelihoodScale: scale)
            let own = try #require(supernet.step)
            #expect(abs(own.total - sum.total) < 1e-5 * sum.total)
            #expect(relativeDistance(all(supernet.gradient), expected) < 1e-5)
            let order = given.map(\.network) == samples.map(\.network)
            for (result, one) in zip(order ? results : results.reversed(), alone) {
                #expect(abs(result.logLikelihood - one.logLikelihood) < 1e-5)
                #expect(result.correct == one.correct)
            }
        }
        let after = supernet.blockCounts
        let drawn = samples.reduce(0) { $0 + $1.multiplicity * $1.network.blocks.count }
        #expect(after.drawn - before.drawn <= 2 * drawn)
        #expect(after.evaluated - before.evaluated < (after.drawn - before.drawn) * 3 / 4)
        let validated = try supernet.evaluate(
            samples.map(\.network), images: batch, labels: targets)
        for (result, one) in zip(validated, alone) {
            #expect(abs(result.logLikelihood - one.logLikelihood) < 1e-5)
        }
    }

    @Test func cellsShareStages() throws {
        let cells = CellNetwork.nasBench201(channels: 4, cells: 1)
        let space = try SearchSpace(
            name: cells.name, cells: cells, input: ImageShape(height: 8, width: 8, channels: 1),
            classes: 4)
        let supernet = try Supernet(space: space, capacity: 20, seed: 9, threads: 2)
        supernet.scatter()
        let networks = try [[3, 1, 2, 4, 3, 1], [3, 3, 2, 1, 3, 1], [0, 0, 0, 3, 0, 0]].map {
            try space.network($0)
        }
        supernet.beginStep()
        for network in networks {
            try supernet.accumulate(network, images: batch, labels: targets)
        }
        let expected = all(supernet.gradient)
        supernet.beginStep()
        _ = try supernet.accumulate(
            networks.map { Sample($0) }, images: batch, labels: targets)
        #expect(relativeDistance(all(supernet.gradient), expected) < 1e-5)
    }

    /// The network that is bound is not bound again; another, or one that is refused, undoes that.
    @Test func whatCameBeforeDoesNotMatter() throws {
        let space = try smallSpace()
        // Without the largest choices, and with them.
        let networks = try (50..<54).map { seed in
            try space.network(architecture(space, seed: seed).map { min($0, 1) })
        }
        let refused = try space.network(space.choiceCounts.map { Int32($0 - 1) })
        func make() throws -> Supernet {
            let supernet = try Supernet(networks: networks, capacity: 20, seed: 9)
            supernet.scatter()
            return supernet
        }
        func evaluate(_ network: Network, _ supernet: Supernet) throws -> BatchResult {
            try supernet.evaluate(network, images: batch, labels: targets)
        }
        let expected = try networks.map { try evaluate($0, make()) }
        #expect(Set(expected.map(\.logLikelihood)).count > 2)
        let supernet = try make()
        for k in [0, 0, 1, 0, 2, 2, -1, 2, 3, -1, -1, 0] {
            guard k >= 0 else {
                #expect(throws: FPNASError.self) { try evaluate(refused, supernet) }
                continue
            }
            #expect(try evaluate(networks[k], supernet) == expected[k])
        }
    }

    @Test func theFailingNetworkIsNamed() throws {
        let space = try smallSpace()
        let supernet = try Supernet(space: space, capacity: 20, seed: 9)
        let networks = try architectures(space, 4).map { try space.network($0) }
        let slot = try #require(supernet.slot("classifier.0.weight"))
        supernet.parameters[slot.offset] = .nan
        supernet.beginStep()
        #expect(throws: FPNASError.self) {
            try supernet.accumulate(
                networks.map { Sample($0) }, images: batch, labels: targets)
        }
        #expect(supernet.failedNetwork != nil)
        supernet.abandonStep()
    }
}
