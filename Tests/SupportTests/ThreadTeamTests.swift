import Support
import Testing

@Suite struct ThreadTeamTests {
    /// Rounds of every length on as many and on more threads than there are CPUs.
    private func runRounds(threads: Int) throws -> Bool {
        let team = try ThreadTeam(threads: threads)
        let counts = try Buffer<Int>(300, of: "counts")
        for round in 0..<600 {
            team.run(chunks: round % 300) { chunk, worker in
                if worker < team.size { counts[chunk] += 1 }
            }
        }
        return (0..<300).allSatisfy { counts[$0] == 2 * (299 - $0) }
    }

    /// Many short rounds: nobody runs a chunk of a round that is over, nobody waits for ever.
    @Test func roundsFollowEachOther() throws {
        let team = try ThreadTeam(threads: 4)
        let sums = try Buffer<Int>(8, of: "sums")
        for round in 0..<3000 {
            team.run(chunks: 1 + round % 8) { sums[$0] += round }
        }
        for chunk in 0..<8 {
            let expected = (0..<3000).filter { $0 % 8 >= chunk }.reduce(0, +)
            #expect(sums[chunk] == expected)
        }
    }

    @Test(arguments: [1, 2, 3, 16, 64]) func everyChunkOfEveryRoundRunsOnce(threads: Int) throws {
        #expect(try runRounds(threads: threads))
    }

    @Test func threadsOutOfRangeAreRefused() {
        for threads in [0, -1, 257] {
            #expect(throws: FPNASError.self) { _ = try ThreadTeam(threads: threads).size }
        }
    }

    @Test func callsWithinACallShareItsTeam() throws {
        let crew = Crew(threads: 3)
        #expect(!crew.isWorking)
        try crew.work { (team) throws(FPNASError) in
            #expect(crew.isWorking && team.size == 3)
            try crew.work(isSmall: true) { (inner) throws(FPNASError) in #expect(inner === team) }
            #expect(crew.isWorking)
        }
        #expect(!crew.isWorking)
        let small = try crew.work(isSmall: true) { (team) throws(FPNASError) in team.size }
        #expect(small == 1)
        let error = #expect(throws: FPNASError.self) {
            try crew.work { _ throws(FPNASError) in throw .invalid("of the call") }
        }
        #expect(error?.message == "of the call")
        #expect(!crew.isWorking)
        #expect(throws: FPNASError.self) {
            try Crew(threads: 0).work { _ throws(FPNASError) in }
        }
    }
}
