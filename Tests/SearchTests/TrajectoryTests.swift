import Search
import SearchSpace
import Support
import Testing

/// Whole searches against PyTorch: Tests/reference/search_reference.py.
@Suite struct TrajectoryTests {
    struct Reference {
        var counts: [Int] = []
        var entropies: [Double] = []
        var logits: [Double] = []
    }

    static func load() throws -> [String: Reference] {
        let folder = #filePath.split(separator: "/").dropLast().joined(separator: "/")
        let text = String(
            decoding: try Files.read("/\(folder)/trajectories.txt"), as: UTF8.self)
        var references: [String: Reference] = [:]
        var name = ""
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ")
            switch words[0] {
            case "run":
                name = String(words[1])
                references[name] = Reference()
            case "ask":
                references[name]?.counts.append(try #require(Int(words[1])))
                references[name]?.entropies.append(try #require(Double(words[2])))
            case "logits": references[name]?.logits = words.dropFirst().compactMap { Double($0) }
            default: break
            }
        }
        return references
    }

    static func space() throws -> SearchSpace {
        func variable(_ name: String, _ count: Int, _ parent: Int? = nil, _ choices: [Int] = [])
            -> Variable
        {
            Variable(
                name, (0..<count).map(Choice.integer),
                when: parent.map { Condition(variable: $0, choices: choices) })
        }
        return try SearchSpace(
            name: "reference",
            layers: [
                Layer("l0", [variable("a", 3), variable("b", 2, 0, [1, 2]), variable("c", 4)]),
                Layer("l1", [variable("a", 5)]),
                Layer(
                    "l2",
                    [variable("a", 2), variable("b", 3, 0, [1]), variable("c", 2, 1, [0, 2])]),
                Layer("l3", [variable("a", 3), variable("b", 3)]),
            ])
    }

    static let runs: [(name: String, change: @Sendable (inout SearchOptions) -> Void)] = [
        (
            "fp-nas",
            {
                $0.seed = 1; $0.samplesPerNat = 0.8; $0.likelihoodScale = 5
            }
        ),
        (
            "fp-nas-costs-joint",
            {
                $0.seed = 1 << 40 + 7; $0.samplesPerNat = 1.5; $0.likelihoodScale = 3
                $0.baseline = .none; $0.costWeight = 0.6; $0.costTarget = 60; $0.jointStep = 15
            }
        ),
        (
            "fp-nas-mean-costs",
            {
                $0.seed = 3; $0.samplesPerNat = 1; $0.likelihoodScale = 8; $0.learningRate = 0.05
                $0.costWeight = 1.5; $0.costTarget = 50
            }
        ),
        (
            "parsec",
            {
                $0.seed = 4; $0.algorithm = .parsec; $0.sampleCount = 9; $0.likelihoodScale = 4
                $0.learningRate = 0.2; $0.adamBeta1 = 0.8; $0.adamBeta2 = 0.99
                $0.adamEpsilon = 1e-6; $0.warmUpSteps = 3
            }
        ),
        (
            "parsec-joint",
            {
                $0.seed = 5; $0.algorithm = .parsec; $0.sampleCount = 6; $0.likelihoodScale = 2
                $0.baseline = .none; $0.jointStep = 0
            }
        ),
    ]

    @Test(arguments: 0..<5) func searchesEqualPyTorch(index: Int) throws {
        let run = TrajectoryTests.runs[index]
        let reference = try #require(try TrajectoryTests.load()[run.name])
        #expect(reference.counts.count >= 30)
        var options = SearchOptions()
        options.learningRate = 0.1
        run.change(&options)
        let search = try Search(space: try TrajectoryTests.space(), options: options)
        for (count, entropy) in zip(reference.counts, reference.entropies) {
            #expect(abs(search.progress.entropy - entropy) < 1e-10)
            let ask = try search.ask()
            #expect(ask.sampleCount == count && ask.multiplicities.reduce(0, +) == count)
            try search.tell(
                ask.number,
                logLikelihoods: ask.architectures.map { row in
                    -Double(row.enumerated().reduce(0) { $0 + (7 * Int($1.1) + 3 * $1.0) % 5 }) / 16
                },
                costs: options.costWeight > 0
                    ? ask.architectures.map { row in
                        Double(row.enumerated().reduce(0) { $0 + (Int($1.1) + 1) * ($1.0 + 1) })
                    } : nil)
        }
        let logits = search.distribution.logits.elements
        #expect(logits.count == reference.logits.count)
        for (ours, theirs) in zip(logits, reference.logits) { #expect(abs(ours - theirs) < 1e-9) }
    }
}
