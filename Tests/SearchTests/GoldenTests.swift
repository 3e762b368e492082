import Glibc
import Search
import SearchSpace
import Support
import Testing

/// A run whose every ask is on record, the same on every machine.
@Suite struct GoldenTests {
    /// Asks, K, the bits of the entropy, and the networks with their multiplicities. Only exact
    /// arithmetic on this side.
    private func trajectory() throws -> String {
        let space = try SearchSpace(
            name: "toy",
            layers: (0..<6).map { l in
                Layer(
                    "l\(l)",
                    [
                        Variable("a", (0..<4).map(Choice.integer)),
                        Variable(
                            "b", (0..<3).map(Choice.integer),
                            when: l % 2 == 0 ? Condition(variable: 0, choices: [1, 2, 3]) : nil),
                    ])
            })
        var options = SearchOptions()
        options.seed = 20_211_011
        options.samplesPerNat = 0.5
        options.learningRate = 0.1
        options.likelihoodScale = 4
        options.costWeight = 0.25
        options.costTarget = 12
        options.jointStep = 30
        let search = try Search(space: space, options: options)
        var text = "# ask, K, bits of the entropy before it, networks and their multiplicities\n"
        for _ in 0..<60 {
            let entropy = String(search.progress.entropy.bitPattern, radix: 16)
            let ask = try search.ask()
            text += "\(ask.number) \(ask.sampleCount) \(entropy)"
            for (row, count) in zip(ask.architectures, ask.multiplicities) {
                text += " " + row.map(String.init).joined() + (count > 1 ? "x\(count)" : "")
            }
            text += "\n"
            try search.tell(
                ask.number,
                logLikelihoods: ask.architectures.map { -Double($0.reduce(0, +)) / 4 },
                costs: ask.architectures.map { Double($0.reduce(0) { $0 + 3 - $1 }) })
        }
        return text + "end \(String(search.progress.entropy.bitPattern, radix: 16))\n"
    }

    /// To record a wanted change: FPNAS_RECORD=1 swift test --filter GoldenTests
    @Test func theTrajectoryIsTheRecordedOne() throws {
        let tests = #filePath.split(separator: "/").dropLast(2).joined(separator: "/")
        let path = "/\(tests)/golden/fp-nas-toy.txt"
        let ours = try trajectory()
        #expect(try trajectory() == ours)
        if getenv("FPNAS_RECORD") != nil { try Files.replace(path, with: Array(ours.utf8)) }
        let recorded = String(decoding: try Files.read(path), as: UTF8.self)
        #expect(recorded.split(separator: "\n") == ours.split(separator: "\n"))
    }
}
