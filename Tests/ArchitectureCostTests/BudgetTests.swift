import ArchitectureDistribution
import Glibc
import SearchSpace
import Support
import TestSupport
import Testing

@testable import ArchitectureCost

/// Conditioning on budgets, against the list of all encodings.
@Suite struct BudgetTests {
    static let forms = [DistributionForm.factorised, .joint]

    /// Two costs of one space that do not follow each other.
    private func chains(_ seed: UInt64) throws -> (CostChain, CostChain) {
        let space = try anySpace(seed)
        let own = try userChain(space, seed + 100, below: 30)
        return (try anyChain(space, seed), own)
    }

    @Test(arguments: UInt64(0)..<8, forms)
    func oneBudgetIsItsDefinition(seed: UInt64, form: DistributionForm) throws {
        let chain = try chains(seed).0
        let listed = try Listed(try randomDistribution(chain.space, form, seed), [chain])
        let range = chain.range
        for share in [0.0, 0.2, 0.5, 0.9, 1.0] {
            let most = range.lowerBound + Int(share * Double(range.count - 1))
            try listed.compare([try CostBudget(chain, most: most)])
        }
        let least = range.lowerBound + range.count / 5
        try listed.compare([
            try CostBudget(chain, least: least, most: range.lowerBound + range.count / 2)
        ])
    }

    @Test(arguments: UInt64(0)..<8, forms)
    func twoBudgetsAreTheirDefinition(seed: UInt64, form: DistributionForm) throws {
        let (first, second) = try chains(seed)
        let listed = try Listed(
            try randomDistribution(first.space, form, seed), [first, second])
        let (a, b) = (first.range, second.range)
        for (x, y, z) in [(0.5, 0.6, 0.0), (0.3, 1.0, 0.0), (0.9, 0.5, 0.2)] {
            let budgets = [
                try CostBudget(first, most: a.lowerBound + Int(x * Double(a.count))),
                try CostBudget(
                    second, least: b.lowerBound + Int(z * Double(b.count - 1)),
                    most: b.lowerBound + Int(y * Double(b.count))),
            ]
            try listed.compare(budgets)
        }
    }

    /// All 6,561 networks of NAS-Bench-Macro, in MACs and parameters.
    @Test(arguments: forms) func nasBenchMacroIsItsDefinition(form: DistributionForm) throws {
        let (shape, classes) = Preset.nasBenchMacro.publishedInput
        let space = try Preset.nasBenchMacro.space(input: shape, classes: classes)
        let table = try CostTable(space, convention: .nasBench)
        let (macs, parameters) = (table.chain(of: .macs), table.chain(of: .parameters))
        let listed = try Listed(try randomDistribution(space, form, 5), [macs, parameters])
        try listed.compare(
            form == .joint
                ? [try CostBudget(macs, least: 30_000_000, most: 60_000_000)]
                : [
                    try CostBudget(macs, most: 40_000_000),
                    try CostBudget(parameters, most: 1_500_000),
                ])
    }

    /// In coarse units all is safe: bounds hold, draws and modes keep the budgets.
    @Test(arguments: UInt64(0)..<8, forms)
    func coarseUnitsAreSafe(seed: UInt64, form: DistributionForm) throws {
        let (first, second) = try chains(seed)
        let listed = try Listed(
            try randomDistribution(first.space, form, seed), [first, second])
        var found = 0
        for (pieces, share) in [(11, 0.7), (25, 0.5), (60, 0.9), (25, 1.0)] {
            for count in 1...2 {
                let budgets = try [first, second].prefix(count).map { chain in
                    let range = chain.range
                    return try CostBudget(
                        chain, least: range.lowerBound + range.count / 10,
                        most: range.lowerBound + Int(share * Double(range.count - 1)),
                        resolution: max(range.count / pieces, 2))
                }
                let inside = listed.inside(budgets)
                guard let q = try? BudgetedDistribution(listed.distribution, budgets) else {
                    continue
                }
                found += 1
                let bounds = try q.probabilityBounds()
                #expect(bounds.lower <= inside.total + 1e-12)
                #expect(bounds.upper >= inside.total - 1e-12)
                // q is P on what it keeps, all of which is inside.
                var total = 0.0
                for (i, row) in listed.rows.enumerated() {
                    let log = try q.logProbability(of: row)
                    guard log > -.infinity else { continue }
                    #expect(inside.isInside[i])
                    #expect(
                        abs(log + q.logProbability - Glibc.log(listed.probabilities[i])) < 1e-10)
                    total += exp(log)
                }
                #expect(abs(total - 1) < 1e-11)
                let rows = try draw(q, 300)
                for row in rows { #expect(try q.logProbability(of: row) > -.infinity) }
                let mode = try q.mode().best
                for budget in budgets {
                    let cost = try budget.chain.cost(of: mode.architecture)
                    #expect((budget.least...budget.most).contains(cost))
                }
            }
        }
        #expect(found > 0)
    }

    @Test func drawsHaveTheRightFrequencies() throws {
        for (seed, form) in [(UInt64(1), DistributionForm.factorised), (2, .joint), (3, .joint)] {
            let chain = try chains(seed).0
            let distribution = try randomDistribution(chain.space, form, seed)
            let listed = try Listed(distribution, [chain])
            let range = chain.range
            let budgets = [
                try CostBudget(
                    chain, least: range.lowerBound + range.count / 8,
                    most: range.lowerBound + 2 * range.count / 3)
            ]
            let q = try BudgetedDistribution(distribution, budgets)
            let inside = listed.inside(budgets)
            let count = 4000
            var counts: [[Int32]: Int] = [:]
            for row in try draw(q, count) { counts[row, default: 0] += 1 }
            var chi = 0.0
            var freedom = 0.0
            var seen = 0
            for (i, row) in listed.rows.enumerated() where inside.isInside[i] {
                seen += counts[row] ?? 0
                let expected = listed.probabilities[i] / inside.total * Double(count)
                guard expected > 5 else { continue }
                chi += pow(Double(counts[row] ?? 0) - expected, 2) / expected
                freedom += 1
            }
            #expect(seen == count)
            #expect(freedom > 3)
            #expect(chi < freedom + 5 * (2 * freedom).squareRoot() + 10)
            // Draw k does not depend on how many are drawn beside it.
            #expect(Array(try draw(q, count).prefix(7)) == (try draw(q, 7)))
        }
    }

    @Test func impossibleBudgetsSayWhatIsPossible() throws {
        let chain = try chains(3).0
        let range = chain.range
        let error = #expect(throws: FPNASError.self) {
            try CostBudget(chain, most: range.lowerBound - 1)
        }
        #expect(error?.code == .infeasible)
        #expect(error?.message.contains("the least costs \(range.lowerBound)") == true)
        let above = #expect(throws: FPNASError.self) {
            try CostBudget(chain, least: range.upperBound + 1, most: .max)
        }
        #expect(above?.message.contains("\(range.upperBound)") == true)
        #expect(throws: FPNASError.self) { try CostBudget(chain, least: -1, most: 5) }
        #expect(throws: FPNASError.self) { try CostBudget(chain, least: 7, most: 6) }
        #expect(throws: FPNASError.self) { try CostBudget(chain, most: .max, resolution: -1) }
        let p = try randomDistribution(chain.space, .joint, 1)
        #expect(throws: FPNASError.self) { try BudgetedDistribution(p, []) }
        let other = try randomDistribution(try randomSpace(77), .joint, 1)
        #expect(throws: FPNASError.self) {
            try BudgetedDistribution(other, [CostBudget(chain, most: range.upperBound)])
        }
    }

    /// Two budgets that each can be met, but not together.
    @Test func budgetsThatExcludeEachOther() throws {
        let space = try SearchSpace(
            name: "pair", layers: [Layer("l", [Variable("v", [.integer(0), .integer(1)])])])
        let cheap = try CostChain(space: space, choiceCosts: [1, 5])
        let dear = try CostChain(space: space, choiceCosts: [5, 1])
        let p = try ArchitectureDistribution(space: space, form: .factorised)
        let error = #expect(throws: FPNASError.self) {
            try BudgetedDistribution(p, [CostBudget(cheap, most: 2), CostBudget(dear, most: 2)])
        }
        #expect(error?.code == .infeasible)
    }

    /// However many layers are kept in windows, whether or not nodes from which the same follows are
    /// put together, and whichever kernels run: the same draws and values to the last bit.
    @Test(arguments: UInt64(0)..<4, 1...2)
    func windowsEqualSteps(seed: UInt64, count: Int) throws {
        let (first, second) = try chains(seed)
        let p = try randomDistribution(first.space, .joint, seed)
        let budgets = try [first, second].prefix(count).enumerated().map { d, chain in
            let range = chain.range
            return try CostBudget(
                chain, least: range.lowerBound + (d == 0 ? range.count / 6 : 0),
                most: range.lowerBound + 2 * range.count / 3)
        }
        let expected = try BudgetedDistribution(p, budgets)
        let (draws, marginals) = (try draw(expected, 300), expected.marginals())
        let mode = try expected.mode().best.architecture
        func compare(_ program: BudgetProgram, _ kernels: String? = nil) throws {
            guard let q = try? BudgetedDistribution(p, budgets, program, kernels: kernels) else {
                return  // Kernels that this CPU has not got.
            }
            #expect(q.logProbability == expected.logProbability)
            #expect(q.entropy == expected.entropy)
            for (a, b) in zip(q.marginals(), marginals) { #expect(abs(a - b) < 1e-14) }
            #expect(try draw(q, 300) == draws)
            guard program.placeCount < 1 << 14 else { return }  // slow in debug builds
            #expect(try q.mode().best.architecture == mode)
        }
        let listed = try #require(try nodes(budgets))
        // One cost also as windows find it, the way of sums too many to list.
        let found =
            try [listed] + (count == 1 ? [#require(try nodes(budgets, isListed: false))] : [])
        let layers = first.space.layerCount
        for nodes in found {
            for windows in Set([0, 1, layers / 2, layers - 1, layers, layers + 1]) {
                let program = try BudgetProgram(nodes, windows: windows)
                #expect(program.firstStep == windows)
                try compare(program)
            }
        }
        for kernels in ["baseline", "avx2", "avx512"] {
            try compare(try BudgetProgram(listed, windows: layers / 2), kernels)
        }
        let merged = try BudgetProgram(listed, windows: 0)
        let single = try BudgetProgram(listed, windows: 0, isMerging: false)
        #expect(single.firstWindow > merged.firstWindow)
        try compare(single)
    }

    /// The nodes of exact axes; nil where they are too many.
    private func nodes(
        _ budgets: [CostBudget], isListed: Bool = true
    ) throws -> BudgetProgram.Found? {
        let joint = try JointChain(budgets.map(\.chain))
        let axes = budgets.indices.map {
            CostAxis(
                joint, axis: $0, budgets[$0], unit: CostAxis.exactUnit(joint, axis: $0), .up)
        }
        let none = BudgetProgram.Limit(targets: 0, work: 0)
        #expect(BudgetProgram.Found(axes, joint, none) == nil)
        let usual = BudgetProgram.Limit.usual
        return BudgetProgram.Found(
            axes, joint, .init(targets: isListed ? usual.targets : 0, work: usual.work))
    }

    /// Probabilities far below the smallest double keep their logarithms.
    @Test func tinyProbabilitiesKeepTheirDigits() throws {
        let layers = (0..<40).map { Layer("l\($0)", [Variable("v", [.integer(0), .integer(1)])]) }
        let space = try SearchSpace(name: "long", layers: layers)
        let chain = try CostChain(
            space: space, choiceCosts: [Int]((0..<80).map { $0 % 2 == 0 ? 1 : 3 }))
        let p = try ArchitectureDistribution(space: space, form: .factorised)
        let logits = (0..<80).map { $0 % 2 == 0 ? 0.0 : 100.0 }
        try logits.withUnsafeBufferPointer { try p.setLogits($0) }
        let q = try BudgetedDistribution(p, [CostBudget(chain, most: 40)])
        #expect(q.isExact)
        #expect(abs(q.logProbability + 4000) < 1e-9)
        #expect(q.entropy < 1e-9)
        #expect(try draw(q, 3) == [[Int32]](repeating: [Int32](repeating: 0, count: 40), count: 3))
    }
}
