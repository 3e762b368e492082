import SearchSpace
import Support

/// Small random spaces with conditions, whose architectures can all be listed.
public func randomSpace(_ seed: UInt64, layers: Int = 3) throws -> SearchSpace {
    let random = Philox(seed: seed, stream: .baselines)
    var drawn = 0
    func draw(_ bound: Int) -> Int {
        drawn += 1
        return random.integer(below: bound, step: 0, index: drawn)
    }
    var built: [Layer] = []
    for l in 0..<layers {
        var variables: [Variable] = []
        for v in 0..<(1 + draw(3)) {
            var condition: Condition?
            if v > 0 && draw(2) == 0 {
                let parent = draw(v)
                let count = variables[parent].choices.count
                let allowed = (0..<count).filter { _ in draw(2) == 0 }
                condition = Condition(variable: parent, choices: allowed.isEmpty ? [0] : allowed)
            }
            variables.append(
                Variable("v\(v)", (0..<(1 + draw(3))).map(Choice.integer), when: condition))
        }
        built.append(Layer("layer\(l)", variables))
    }
    return try SearchSpace(name: "random\(seed)", layers: built)
}

/// Every raw encoding of a small space, in lexicographic order.
public func allEncodings(_ space: SearchSpace) -> [[Int32]] {
    var rows: [[Int32]] = [[]]
    for count in space.choiceCounts {
        rows = rows.flatMap { row in (0..<count).map { row + [Int32($0)] } }
    }
    return rows
}

/// The canonical form by its definition: a variable exists if its parent exists and has one of the
/// listed choices.
public func canonicalByDefinition(_ row: [Int32], _ space: SearchSpace) -> [Int32] {
    var result = row
    var start = 0
    for layer in space.layers {
        var exists: [Bool] = []
        for (i, variable) in layer.variables.enumerated() {
            var own = true
            if let condition = variable.condition {
                own =
                    exists[condition.variable]
                    && condition.choices.contains(Int(row[start + condition.variable]))
            }
            exists.append(own)
            if !own { result[start + i] = 0 }
        }
        start += layer.variables.count
    }
    return result
}

/// A chain of searched MBConv layers small enough to list, with skips and changing widths.
public func smallNetworkSpace(_ seed: UInt64) throws -> SearchSpace {
    let random = Philox(seed: seed, stream: .baselines)
    var layers = [
        try Layer.block(
            "stem", .convolution,
            [(.kernel, .fixed(.integer(3))), (.channels, .searched([.integer(4), .integer(6)]))])
    ]
    for l in 0..<2 {
        let width = 4 + 2 * random.integer(below: 3, step: 1, index: l)
        layers.append(
            try Layer.block(
                "block\(l)", .mbconv, stride: 1 + l,
                repeats: 1 + random.integer(below: 2, step: 2, index: l),
                [
                    (.kernel, .searched([0, 3, 5].map(Choice.integer))),
                    (.squeezeExcite, .searched([0, 1].map(Choice.integer))),
                    (.expansion, .searched([.real(0.75), .integer(1), .integer(2)])),
                    (.channels, .searched([.integer(4), .integer(width + 2)])),
                ]))
    }
    layers.append(try Layer.block("classifier", .classifier, []))
    return try SearchSpace(
        name: "small", layers: layers, input: ImageShape(height: 6, width: 5, channels: 1),
        classes: 3)
}
