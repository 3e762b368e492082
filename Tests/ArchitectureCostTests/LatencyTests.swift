import ArchitectureCost
import ArchitectureDistribution
import Glibc
import SearchSpace
import Support
import TestSupport
import Testing

@Suite struct LatencyTests {
    private let header = LatencyTable.Header(device: "a test", source: "made up", base: 1000)

    /// Every part that a space's networks have, with a made-up value.
    private func parts(of space: SearchSpace) throws -> [NetworkBlock] {
        var parts: [NetworkBlock] = []
        for row in allEncodings(space) {
            for part in try space.network(row).blocks.flatMap(\.parts)
            where !parts.contains(part) { parts.append(part) }
        }
        return parts
    }

    private func table(_ parts: [NetworkBlock]) throws -> LatencyTable {
        let random = Philox(seed: 3, stream: .baselines)
        return try LatencyTable(
            header,
            blocks: parts.enumerated().map { i, block in
                (block, .init(1 + random.integer(below: 1_000_000, step: 0, index: i)))
            })
    }

    /// Values by hand: the sum over the blocks, of what each is worth.
    private func byHand(_ network: Network, _ table: LatencyTable) throws -> Int {
        var sum = 1000
        for part in network.blocks.flatMap(\.parts) {
            let row = try #require(table.blocks.first { $0.block.key == part.key })
            sum += row.entry.nanoseconds
        }
        return sum
    }

    @Test func chainsAreExact() throws {
        let space = try smallNetworkSpace(1)
        let table = try table(try parts(of: space))
        #expect(try table.missingKeys(of: space).isEmpty)
        let chain = try table.chain(of: space)
        var distribution = try ArchitectureDistribution(space: space, form: .factorised)
        let random = Philox(seed: 9, stream: .baselines)
        let logits = (0..<space.factorisedLogitCount).map { random.normal(step: 1, index: $0) }
        try logits.withUnsafeBufferPointer { try distribution.setLogits($0) }
        var mean = 0.0
        var square = 0.0
        var least = Int.max
        var most = 0
        for row in allEncodings(space) {
            let cost = try byHand(try space.network(row), table)
            #expect(try table.latency(of: row, in: space) == cost)
            #expect(try chain.cost(of: row) == cost)
            let p = exp(try distribution.logProbability(row))
            mean += p * Double(cost)
            square += p * Double(cost) * Double(cost)
            least = min(least, cost)
            most = max(most, cost)
        }
        let moments = try chain.moments(under: distribution)
        #expect(abs(moments.mean - mean) < 1e-9 * mean)
        #expect(abs(moments.variance - (square - mean * mean)) < 1e-7 * square)
        #expect(chain.range == least...most)
        let best = try chain.mostProbable(under: distribution, within: (least + most) / 2).best
        #expect(try table.latency(of: best.architecture, in: space) <= (least + most) / 2)
    }

    @Test func whatIsMissingIsListed() throws {
        let space = try smallNetworkSpace(1)
        let parts = try parts(of: space)
        let table = try table(Array(parts.dropFirst(3)))
        let missing = try table.missingKeys(of: space)
        #expect(Set(missing) == Set(parts.prefix(3).map(\.key)) && missing.count == 3)
        let error = #expect(throws: FPNASError.self) { try table.chain(of: space) }
        for part in parts.prefix(3) { #expect(error?.message.contains(part.key) == true) }
        #expect(error?.message.contains("lack 3 keys") == true)
        // A network that has all it needs has a latency all the same.
        var priced = 0
        for row in allEncodings(space) {
            let lacks = try space.network(row).blocks.flatMap(\.parts).contains {
                parts.prefix(3).contains($0)
            }
            if lacks {
                #expect(throws: FPNASError.self) { try table.latency(of: row, in: space) }
            } else {
                priced += 1
                #expect(try table.latency(of: row, in: space) > 1000)
            }
        }
        #expect(priced > 0)
    }

    @Test func longListsAreCutAndCounted() throws {
        let space = try smallNetworkSpace(1)
        let count = try parts(of: space).count
        let error = #expect(throws: FPNASError.self) { try table([]).chain(of: space) }
        #expect(error?.message.contains("lack \(count) keys") == true)
        #expect(error?.message.contains("and \(count - 20) more") == true)
        #expect(try table([]).missingKeys(of: space).count == count)
    }

    /// Between 8 and 16 hidden channels the line of MACs, and nothing outside.
    @Test func interpolationOnlyWhenAsked() throws {
        func block(_ hidden: Int) throws -> NetworkBlock {
            try NetworkBlock(
                key: "mbconv in=8x8x4 out=8x8x4 hidden=\(hidden) kernel=3 act=relu")
        }
        let table = try LatencyTable(
            header, blocks: [(try block(8), .init(100)), (try block(16), .init(300))])
        func space(_ expansion: Double) throws -> SearchSpace {
            try SearchSpace(
                name: "one",
                layers: [
                    .block(
                        "a", .mbconv,
                        [
                            (.kernel, .fixed(.integer(3))), (.channels, .fixed(.integer(4))),
                            (.expansion, .fixed(.real(expansion))),
                            (.shortcut, .fixed(.text("none"))),
                        ]),
                    .block("classifier", .classifier, []),
                ], input: ImageShape(height: 8, width: 8, channels: 4), classes: 2)
        }
        func missing(_ expansion: Double, _ how: LatencyInterpolation) throws -> [String] {
            try table.missingKeys(of: space(expansion), how).filter { $0.hasPrefix("mbconv") }
        }
        #expect(try missing(2, .none).isEmpty && missing(4, .none).isEmpty)
        #expect(try missing(2.5, .none).count == 1 && missing(2.5, .macs).isEmpty)
        #expect(try missing(1.75, .macs).count == 1 && missing(4.25, .macs).count == 1)
        let rest = try ["pool in=8x8x4 out=1x1x4 kernel=0", "linear in=1x1x4 out=1x1x2 bias=1"]
            .map { (try NetworkBlock(key: $0), LatencyTable.Entry(0)) }
        let whole = try LatencyTable(
            header, blocks: [(try block(8), .init(100)), (try block(16), .init(300))] + rest)
        // MACs are in proportion to the hidden width: 10 of 8 to 16 is a quarter of the way.
        #expect(try whole.latency(of: [], in: space(2.5), .macs) == 1000 + 150)
        #expect(try whole.latency(of: [], in: space(2), .macs) == 1000 + 100)
    }

    @Test func tablesByOptionsNeedNoBlocks() throws {
        let space = try randomSpace(4)
        let counts = try space.layers.indices.map { try space.options(ofLayer: $0).count }
        let table = try LatencyTable(
            header, options: counts.enumerated().map { l, n in (0..<n).map { .init(100 * l + $0) } }
        )
        let chain = try table.chain(of: space)
        for row in allEncodings(space) {
            var canonical = row
            space.canonicalise(&canonical)
            #expect(try table.latency(of: row, in: space) == chain.cost(of: row))
            #expect(try table.latency(of: row, in: space) == chain.cost(of: canonical))
        }
        #expect(chain.range.lowerBound == 1000 + 100 + 200)
        #expect(chain.range.upperBound == 1300 + counts.reduce(0) { $0 + $1 - 1 })
        let short = try LatencyTable(header, options: [[.init(1)], [], [nil]])
        #expect(try short.missingKeys(of: space).count == counts.reduce(0, +) - 1)
        #expect(try short.missingKeys(of: space).first == "layer=0 option=1" || counts[0] == 1)
        #expect(throws: FPNASError.self) {
            try LatencyTable(header, options: [[.init(1)]]).chain(of: space)
        }
    }

    @Test func badTablesAreRefused() throws {
        let block = try NetworkBlock(key: "conv in=8x8x1 out=8x8x2 kernel=3")
        func refuses(_ part: String, _ make: () throws -> LatencyTable) {
            let error = #expect(throws: FPNASError.self) { _ = try make() }
            #expect(error?.message.contains(part) == true, "\(error?.message ?? "")")
        }
        refuses("got -1") { try LatencyTable(header, blocks: [(block, .init(-1))]) }
        refuses("2^50") { try LatencyTable(header, blocks: [(block, .init(1 << 50))]) }
        refuses("2^50") { try LatencyTable(header, options: [[.init(.max)]]) }
        refuses("count") { try LatencyTable(header, blocks: [(block, .init(1, count: 0))]) }
        refuses("deviation") {
            try LatencyTable(header, blocks: [(block, .init(1, deviation: -1))])
        }
        refuses("twice") {
            try LatencyTable(header, blocks: [(block, .init(1)), (block, .init(1))])
        }
        refuses("its parts are") {
            let head = try NetworkBlock(key: "classifier in=8x8x1 out=1x1x2 bias=1")
            return try LatencyTable(header, blocks: [(head, .init(1))])
        }
        refuses("device") {
            try LatencyTable(.init(device: "", source: "x"), blocks: [(block, .init(1))])
        }
        refuses("base") {
            try LatencyTable(.init(device: "x", source: "x", base: -1), blocks: [])
        }
    }
}
