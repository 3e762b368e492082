import ArchitectureCost
import Search
import SearchSpace
import Support
import TestSupport
import Testing

/// The selection from shared weights, with a made-up likelihood in their place.
@Suite struct SelectionTests {
    /// Every variable counts by itself, and more than a large cost does.
    private func value(_ row: [Int32]) -> Double {
        -row.enumerated().reduce(0) {
            let (v, c) = ($1.0, Int($1.1))
            return $0 + 0.01 * Double((v * 7 + c * 3) % 5)
        }
    }

    private func space() throws -> SearchSpace {
        try Preset.mbconvSmall.space(
            input: ImageShape(height: 16, width: 16, channels: 1), classes: 10)
    }

    private func options(_ coarse: Int, _ mutations: Int) -> SelectionOptions {
        var options = SelectionOptions()
        options.coarseChildren = coarse
        options.mutations = mutations
        return options
    }

    private func selection(
        _ budgets: [Int], _ coarse: Int = 20, _ mutations: Int = 40, seed: UInt64 = 0
    ) throws -> CoarseToFine {
        try CoarseToFine(
            CostTable(space()).chain(of: .macs), budgets: budgets,
            options: options(coarse, mutations), seed: seed)
    }

    /// Goes on until the position; nil for the end.
    private func run(_ selection: inout CoarseToFine, to position: Int? = nil) throws {
        let costs = try CostTable(space()).chain(of: .macs)
        while !selection.isDone && selection.position != position {
            let next = try selection.candidate()
            try selection.advance(
                next.map {
                    Child(
                        $0, cost: try costs.cost(of: $0), logLikelihood: value($0), accuracy: 0.5)
                })
        }
    }

    @Test func everyChildKeepsItsBudgetAndIsNew() throws {
        let space = try space()
        let costs = try CostTable(space).chain(of: .macs)
        var selection = try selection([400_000, 250_000, 800_000, 250_000])
        #expect(selection.budgets == [250_000, 400_000, 800_000])
        #expect(selection.candidateCount == 180)
        while !selection.isDone {
            let budget = selection.budget
            guard let next = try selection.candidate() else {
                selection.advance(nil)
                continue
            }
            #expect(try costs.cost(of: next) <= budget)
            #expect(next == canonicalByDefinition(next, space))
            #expect(!selection.children.contains { $0.architecture == next })
            selection.advance(
                Child(
                    next, cost: try costs.cost(of: next), logLikelihood: value(next),
                    accuracy: 0.5))
        }
        #expect(selection.children.count > 150)
        let best = try selection.budgets.map {
            try #require(selection.best(within: $0)).logLikelihood
        }
        #expect(best == best.sorted())
        for (budget, value) in zip(selection.budgets, best) {
            let within = selection.children.filter { $0.cost <= budget }
            #expect(value == within.map(\.logLikelihood).max())
        }
        #expect(selection.best(within: 100) == nil)
    }

    /// Of mbconv-small: layers 1 to 3 see 8×8, 4 to 9 see 4×4.
    @Test func skeletonsShareAStagesChoices() throws {
        let space = try space()
        var selection = try selection([400_000], 48, 0)
        try run(&selection)
        #expect(selection.children.count == 48)
        var depths = Set<Int>()
        for child in selection.children.dropLast() {
            for stage in [0..<3, 3..<9] {
                // kernel, activation, squeeze-and-excitation, expansion, channels
                let layers = stage.map { Array(child.architecture[(5 * $0)..<(5 * $0 + 5)]) }
                let depth = layers.count { $0[0] != 0 }
                depths.insert(10 * stage.count + depth)
                #expect(layers[..<depth].allSatisfy { $0[0] != 0 })
                for layer in layers[..<depth] { #expect(Array(layer) == Array(layers[0])) }
                #expect(Set(layers.map { $0[4] }).count == 1)
                #expect([0, 2, 5].contains(Int(layers[0][3])))
            }
        }
        #expect(depths.isSubset(of: [31, 32, 33, 62, 64, 66]) && depths.count > 3)
        // The dearest that keep the budget.
        let costs = selection.children.map(\.cost)
        #expect(costs == costs.sorted(by: >) && costs[0] <= 400_000 && costs[46] > 300_000)
        #expect(try costs[47] == CostTable(space).chain(of: .macs).range.lowerBound)
        #expect(
            try self.selection([.max], 1, 0).candidate()
                == CostTable(space).chain(of: .macs).dearest())
    }

    @Test func mutationsFindTheBest() throws {
        let space = try space()
        var selection = try selection([.max], 10, 1500)
        try run(&selection)
        let best = try #require(selection.best(within: .max)).logLikelihood
        // The variables of a layer that is not skipped, at their best.
        var limit = -Double.infinity
        for skipped in 0..<512 {
            var sum = 0.0
            for v in 0..<space.variableCount {
                let isSkipped = skipped >> (v / 5) & 1 == 1
                let own = (0..<space.choiceCounts[v]).filter { v % 5 > 0 || ($0 == 0) == isSkipped }
                let fixed = isSkipped && (1...3).contains(v % 5) ? [0] : own
                sum += fixed.map { -0.01 * Double((v * 7 + $0 * 3) % 5) }.max() ?? 0
            }
            limit = max(limit, sum)
        }
        let coarse = selection.children.prefix(10).map(\.logLikelihood).max() ?? 0
        #expect(best <= limit + 1e-9)
        #expect(best > limit - 0.25 * (limit - coarse), "\(coarse) \(best) \(limit)")
    }

    @Test(arguments: [0, 7, 61, 119]) func storedStatesGoOnAlike(position: Int) throws {
        var whole = try selection([300_000, 500_000])
        var parts = whole
        try run(&whole)
        try run(&parts, to: position)
        var writer = ByteWriter()
        parts.encode(into: &writer)
        var resumed = try selection([300_000, 500_000])
        var reader = ByteReader(writer.bytes[...], name: "state")
        try resumed.restore(from: &reader)
        try reader.finish()
        #expect(resumed.position == position)
        try run(&resumed)
        #expect(resumed.children == whole.children)
        var other = try selection([300_000, 500_000], seed: 1)
        try run(&other)
        #expect(other.children != whole.children)
    }

    @Test func whatIsImpossibleIsRefused() throws {
        let least = try CostTable(space()).chain(of: .macs).range.lowerBound
        let error = #expect(throws: FPNASError.self) { try selection([300_000, 1000]) }
        #expect(error?.code == .infeasible && error?.message.contains("\(least)") == true)
        #expect(throws: FPNASError.self) { try selection([]) }
        #expect(throws: FPNASError.self) { try selection([300_000], 0, 5) }
        // The only network that keeps it.
        var one = try selection([least])
        try run(&one)
        #expect(one.children.map(\.cost) == [Int](repeating: least, count: one.children.count))
    }

    /// Spaces without stages: cells, named operations, abstract ones.
    @Test func everySpaceHasSkeletons() throws {
        for preset in [Preset.nasBench201, .nasBenchMacro, .darts, .fbnetV2FPlusPlus] {
            let (input, classes) = preset.publishedInput
            let space = try preset.space(input: input, classes: classes)
            let costs = try CostTable(space).chain(of: .macs)
            var selection = try CoarseToFine(
                costs, budgets: [costs.range.upperBound / 2], options: options(4, 8), seed: 3)
            while !selection.isDone {
                let next = try selection.candidate()
                try selection.advance(
                    next.map {
                        Child(
                            $0, cost: try costs.cost(of: $0), logLikelihood: value($0),
                            accuracy: 0.5)
                    })
            }
            #expect(selection.children.count > 4, "\(preset)")
        }
        let abstract = try randomSpace(5)
        let costs = try CostChain(
            space: abstract,
            choiceCosts: [Int](repeating: 1, count: abstract.factorisedLogitCount))
        _ = try CoarseToFine(costs, budgets: [.max], options: options(4, 8), seed: 3).candidate()
    }
}
