import ArchitectureDistribution
import Glibc
import SearchSpace
import Support
import TestSupport
import Testing

/// Rankings of spaces whose options are too many to list.
@Suite struct RankingTests {
    /// A depth that decides which of ten operations exist: 6^10 options in one layer.
    private func deepSpace() throws -> SearchSpace {
        let depth = Variable("depth", (0...10).map(Choice.integer))
        let operations = (1...10).map { i in
            Variable(
                "op\(i)", (0..<6).map(Choice.integer),
                when: Condition(variable: 0, choices: Array(i...10)))
        }
        return try SearchSpace(name: "deep", layers: [Layer("cell", [depth] + operations)])
    }

    @Test func manyConditionalVariablesAreRanked() throws {
        let space = try deepSpace()
        let distribution = try randomDistribution(space, .factorised, seed: 3)
        let top = try distribution.top(200)
        #expect(top.count == 200 && Set(top.map(\.architecture)).count == 200)
        for (entry, next) in zip(top, top.dropFirst()) {
            #expect(entry.logProbability >= next.logProbability)
        }
        for entry in top {
            let own = try distribution.canonicalLogProbability(entry.architecture)
            #expect(abs(own - entry.logProbability) < 1e-12)
            var canonical = entry.architecture
            space.canonicalise(&canonical)
            #expect(canonical == entry.architecture)
        }
        // The mode by hand: for every depth the best operations.
        let p = distribution.logProbabilities
        var best = -Double.infinity
        for depth in 0...10 {
            var sum = p[depth]
            for i in 0..<depth { sum += (0..<6).map { p[11 + 6 * i + $0] }.max() ?? 0 }
            best = max(best, sum)
        }
        #expect(abs(top[0].logProbability - best) < 1e-12)
    }
}
