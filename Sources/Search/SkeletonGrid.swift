import SearchSpace
import Support

/// The coarse grid of a space: networks whose layers of one stage share their choices.
///
/// A stage is a run of layers behind which images have one size in the given network; a cell network
/// or an abstract space is one stage. In a stage all variables of one kind (kernel, expansion,
/// channels, ...) stand at the same of three places among their choices: least, middle, greatest;
/// those of named choices (activation, say) at the same name. Layers that may be skipped are
/// used from the stage's first on: a third, two thirds or all of them.
struct SkeletonGrid {
    private struct Assignment: Equatable {
        let variable: Int
        let choice: Int32
    }

    /// Of every dimension the levels, each a list of what is set; later ones win.
    private let dimensions: [[[Assignment]]]
    private let space: SearchSpace

    init(_ space: SearchSpace, shapesOf network: [Int32]) throws(FPNASError) {
        self.space = space
        var dimensions: [[[Assignment]]] = []
        for layers in try SkeletonGrid.stages(space, network) {
            dimensions += SkeletonGrid.dimensions(of: layers, space)
        }
        self.dimensions = dimensions
    }

    /// The canonical skeleton of a number, drawn with the generator.
    func draw(_ number: Int, _ random: Philox) -> [Int32] {
        var architecture = [Int32](repeating: 0, count: space.variableCount)
        for (d, levels) in dimensions.enumerated() {
            // Steps from 2^62 on are of no search.
            let level = random.integer(
                below: levels.count, step: UInt64(number) | 1 << 62, index: d)
            for set in levels[level] { architecture[set.variable] = set.choice }
        }
        space.canonicalise(&architecture)
        return architecture
    }

    /// Layers that have variables, by stage.
    private static func stages(
        _ space: SearchSpace, _ architecture: [Int32]
    ) throws(FPNASError) -> [[Int]] {
        let searched = space.layers.indices.filter { !space.variables(of: $0).isEmpty }
        guard space.isNetwork, space.cells == nil else { return [searched] }
        var sizes = [SIMD2<Int>](repeating: SIMD2(0, 0), count: space.layerCount)
        for block in try space.network(architecture).blocks where block.layer >= 0 {
            sizes[block.layer] = SIMD2(block.outHeight, block.outWidth)
        }
        var stages: [[Int]] = []
        for layer in searched {
            if let last = stages.last?.last, sizes[last] == sizes[layer] {
                stages[stages.count - 1].append(layer)
            } else {
                stages.append([layer])
            }
        }
        return stages
    }

    private static func dimensions(of layers: [Int], _ space: SearchSpace) -> [[[Assignment]]] {
        var kinds: [(name: String, members: [Int])] = []
        var skips: [Assignment] = []
        for layer in layers {
            for v in space.variables(of: layer) {
                let variable = space.variable(v)
                let name =
                    Block.attribute(named: variable.name)?.attribute.rawValue ?? variable.name
                if let place = kinds.firstIndex(where: { $0.name == name }) {
                    kinds[place].members.append(v)
                } else {
                    kinds.append((name, [v]))
                }
                if let choice = skip(variable, space.layers[layer].block) {
                    skips.append(Assignment(variable: v, choice: Int32(choice)))
                }
            }
        }
        var dimensions = kinds.map { levels(of: $0.members, skips, space) }
        if !skips.isEmpty {
            var levels: [[Assignment]] = []
            for third in 1...3 {
                let kept = (skips.count * third + 2) / 3
                let level = Array(skips[kept...])
                if level != levels.last { levels.append(level) }
            }
            dimensions.append(levels)
        }
        return dimensions
    }

    /// The choice that leaves a layer out.
    private static func skip(_ variable: Variable, _ block: Block?) -> Int? {
        guard let block, variable.choices.count > 1 else { return nil }
        if variable.name == Attribute.kernel.rawValue, block.operation == .mbconv {
            return variable.choices.firstIndex(of: .integer(0))
        }
        guard variable.name == Block.alternativeName else { return nil }
        return block.alternatives.firstIndex { $0.operation == .skip }
    }

    private static func levels(
        of members: [Int], _ skips: [Assignment], _ space: SearchSpace
    ) -> [[Assignment]] {
        // Choices in rising order, names in their own, without the one that skips.
        let choices = members.map { v in
            let skip = skips.first { $0.variable == v }?.choice
            let all = space.variable(v).choices
            return all.indices.filter { Int32($0) != skip }.sorted {
                (all[$0].number ?? Double($0), $0) < (all[$1].number ?? Double($1), $1)
            }
        }
        let isNamed = members.contains { v in
            space.variable(v).choices.contains { $0.number == nil }
        }
        let most = choices.map(\.count).max() ?? 1
        var levels: [[Assignment]] = []
        for level in 0..<(isNamed ? most : 3) {
            let own = zip(members, choices).map { v, choices in
                let place =
                    isNamed ? min(level, choices.count - 1) : level * (choices.count - 1) / 2
                return Assignment(variable: v, choice: Int32(choices[place]))
            }
            if !levels.contains(own) { levels.append(own) }
        }
        return levels
    }
}
