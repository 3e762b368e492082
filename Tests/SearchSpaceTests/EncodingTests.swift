import SearchSpace
import Support
import TestSupport
import Testing

/// Options and counts against lists, numbers against Python.
@Suite struct EncodingTests {
    /// The options of a whole layer by definition: its encodings with −1 where nothing exists.
    @Test(arguments: UInt64(0)..<30) func optionsEqualTheirDefinition(seed: UInt64) throws {
        let space = try randomSpace(seed)
        for layer in 0..<space.layerCount {
            let range = space.variables(of: layer)
            var expected: [[Int32]] = []
            var seen = Set<[Int32]>()
            for row in allEncodings(space) {
                let active = space.activity(row)
                let option = range.map { active[$0] ? row[$0] : -1 }
                if seen.insert(option).inserted { expected.append(option) }
            }
            expected.sort { $0.lexicographicallyPrecedes($1) }
            #expect(try space.options(ofLayer: layer) == expected)
        }
    }

    @Test func tooManyOptionsAreRefused() throws {
        let variables = (0..<6).map { Variable("v\($0)", (0..<16).map(Choice.integer)) }
        let space = try SearchSpace(name: "many", layers: [Layer("a", variables)])
        let error = #expect(throws: FPNASError.self) { try space.options(ofLayer: 0) }
        #expect(error?.code == .infeasible && error?.message.contains("'a.v0'") == true)
        #expect(try space.options(of: [0, 1]).count == 256)
    }

    /// A chain of conditions three deep, and one on a choice that never is.
    @Test func conditionsOfConditions() throws {
        let space = try SearchSpace(
            name: "deep",
            layers: [
                Layer(
                    "a",
                    [
                        Variable("p", (0..<2).map(Choice.integer)),
                        Variable(
                            "q", (0..<3).map(Choice.integer),
                            when: Condition(variable: 0, choices: [1])),
                        Variable(
                            "r", (0..<4).map(Choice.integer),
                            when: Condition(variable: 1, choices: [0, 2])),
                        Variable(
                            "never", (0..<5).map(Choice.integer),
                            when: Condition(variable: 0, choices: [])),
                    ])
            ])
        #expect(space.rawCount.description == "120")
        // p = 0; p = 1 with q = 1; p = 1 with q = 0 or 2 and four r.
        #expect(space.canonicalCount.description == "10")
        var row: [Int32] = [0, 2, 3, 4]
        space.canonicalise(&row)
        #expect(row == [0, 0, 0, 0])
        row = [1, 2, 3, 4]
        space.canonicalise(&row)
        #expect(row == [1, 2, 3, 0])
        #expect(space.activity([1, 1, 3, 0]) == [true, true, false, false])
    }

    @Test func layersAndPlacesAreFound() throws {
        let space = try SearchSpace(
            name: "s",
            layers: [
                Layer("empty", []),
                Layer("a", ["x", "y"].map { Variable($0, [.text("one"), .text("two")]) }),
                Layer("gap", []),
                Layer("b", [Variable("z", [.real(0.5)])]),
                Layer("end", []),
            ])
        #expect((0..<3).map(space.layer(of:)) == [1, 1, 3])
        #expect((0..<3).map(space.place(of:)) == ["'a.x'", "'a.y'", "'b.z'"])
        #expect(space.layerStarts == [0, 0, 2, 2, 3, 3])
        #expect(space.jointLogitCount == 5 && space.factorisedLogitCount == 5)
    }

    /// By Python: math.factorial(100), sum(10**k for k in range(0, 60, 7)), 3**40 * 5**20.
    @Test func bigNumbersEqualPython() {
        let factorial = (1...100).reduce(BigNatural(1)) { $0 * BigNatural($1) }
        #expect(
            factorial.description
                == "93326215443944152681699238856266700490715968264381621468592963895217599993229915"
                + "608941463976156518286253697920827223758251185210916864000000000000000000000000")
        var power = BigNatural(1)
        var sum = BigNatural(0)
        for k in 0..<60 {
            if k % 7 == 0 { sum = sum + power }
            power = power * BigNatural(10)
        }
        #expect(sum.description == "100000010000001000000100000010000001000000100000010000001")
        var product = BigNatural(1)
        for _ in 0..<40 { product = product * BigNatural(3) }
        for _ in 0..<20 { product = product * BigNatural(5) }
        #expect(abs(product.approximation / 1.1594453295761994e+33 - 1) < 1e-15)
        #expect(BigNatural(Int.max).description == String(Int.max))
        #expect(
            (0..<400).reduce(BigNatural(1)) { p, _ in p * BigNatural(10) }.approximation
                == .infinity)
    }
}
