import Support

/// The size of one image: rows, columns, channels.
public struct ImageShape: Hashable, Sendable {
    public let height: Int
    public let width: Int
    public let channels: Int

    public init(height: Int, width: Int, channels: Int) {
        self.height = height
        self.width = width
        self.channels = channels
    }
}

/// A chain of layers, each with some categorical variables: the set the search runs over.
///
/// An architecture is one choice index per variable, `[Int32]` in space order. Two encodings can
/// be the same network, because a variable may not exist under the choices of another; the
/// canonical encoding has 0 in every variable that does not exist. A space never changes.
public struct SearchSpace: Hashable, Sendable {
    public let name: String
    public let layers: [Layer]
    /// Present in a network space, whose every layer has a block.
    public let input: ImageShape?
    /// Number of classes; 0 in an abstract space.
    public let classes: Int
    /// What is built around the choices of a cell network; nil where the layers are a chain.
    public let cells: CellNetwork?

    /// Total number of variables, V.
    public let variableCount: Int
    /// Number of choices of every variable, in space order.
    public let choiceCounts: [Int]
    /// Every layer's first variable, and V at the end.
    public let layerStarts: [Int]
    /// Every variable's first logit in the factorised form, and their number at the end.
    public let factorisedOffsets: [Int]
    /// The variable that decides whether this one exists, −1 if it always does.
    public let parents: [Int]
    /// Whether a variable exists under its parent's choice: `existence[v][choice of parents[v]]`.
    public let existence: [[Bool]]
    /// A variable that does not always exist, and where `existence` of it begins in `allExistence`.
    private struct Conditional: Hashable {
        let variable: Int
        let parent: Int
        let start: Int
    }
    /// Ascending.
    private let conditionals: [Conditional]
    private let allExistence: [Bool]

    public static let maximumChoices = 1 << 16
    public static let maximumVariables = 1 << 20

    /// The space of a cell network.
    public init(
        name: String, cells: CellNetwork, input: ImageShape, classes: Int
    ) throws(FPNASError) {
        try cells.check()
        try self.init(
            name: name, layers: cells.layers, input: input, classes: classes, cells: cells)
    }

    /// A chain of layers: a network space where there is an input, otherwise an abstract one.
    public init(
        name: String, layers: [Layer], input: ImageShape? = nil, classes: Int = 0
    ) throws(FPNASError) {
        try self.init(name: name, layers: layers, input: input, classes: classes, cells: nil)
    }

    private init(
        name: String, layers: [Layer], input: ImageShape?, classes: Int, cells: CellNetwork?
    ) throws(FPNASError) {
        guard !layers.isEmpty else { throw .invalid("the space '\(name)' has no layers") }
        var layerNames = Set<String>()
        var choiceCounts: [Int] = []
        var layerStarts = [0]
        var offsets = [0]
        var parents: [Int] = []
        var existence: [[Bool]] = []
        for layer in layers {
            guard !layer.name.isEmpty, layerNames.insert(layer.name).inserted else {
                throw .invalid("two layers are named '\(layer.name)', or a name is empty")
            }
            try SearchSpace.check(layer)
            let start = choiceCounts.count
            for variable in layer.variables {
                choiceCounts.append(variable.choices.count)
                offsets.append((offsets.last ?? 0) + variable.choices.count)
                if let condition = variable.condition {
                    var exists = [Bool](
                        repeating: false, count: choiceCounts[start + condition.variable])
                    for choice in condition.choices { exists[choice] = true }
                    parents.append(start + condition.variable)
                    existence.append(exists)
                } else {
                    parents.append(-1)
                    existence.append([])
                }
            }
            layerStarts.append(choiceCounts.count)
            guard choiceCounts.count <= SearchSpace.maximumVariables else {
                throw .invalid(
                    "a space may have \(SearchSpace.maximumVariables) variables, '\(name)' has more"
                )
            }
        }
        guard !choiceCounts.isEmpty || input != nil else {
            throw .invalid("the space '\(name)' has no variables: nothing is searched")
        }
        self.name = name
        self.layers = layers
        self.input = input
        self.classes = classes
        self.cells = cells
        self.variableCount = choiceCounts.count
        self.choiceCounts = choiceCounts
        self.layerStarts = layerStarts
        self.factorisedOffsets = offsets
        self.parents = parents
        self.existence = existence
        var conditionals: [Conditional] = []
        var allExistence: [Bool] = []
        for v in parents.indices where parents[v] >= 0 {
            conditionals.append(
                Conditional(variable: v, parent: parents[v], start: allExistence.count))
            allExistence += existence[v]
        }
        self.conditionals = conditionals
        self.allExistence = allExistence
        try checkNetwork()
    }

    // MARK: - Shape

    public var layerCount: Int { layers.count }

    /// The variables of a layer.
    public func variables(of layer: Int) -> Range<Int> {
        layerStarts[layer]..<layerStarts[layer + 1]
    }

    /// The layer a variable belongs to. O(log layers).
    public func layer(of variable: Int) -> Int {
        var low = 0
        var high = layers.count - 1
        while low < high {
            let middle = (low + high) / 2
            if layerStarts[middle + 1] > variable { high = middle } else { low = middle + 1 }
        }
        return low
    }

    public func variable(_ index: Int) -> Variable {
        let layer = layer(of: index)
        return layers[layer].variables[index - layerStarts[layer]]
    }

    /// Whether the built-in costs and supernet understand the space.
    public var isNetwork: Bool { input != nil }

    // MARK: - Architectures

    /// Refuses an encoding of the wrong length or with a choice that does not exist.
    public func check(_ architecture: some RandomAccessCollection<Int32>) throws(FPNASError) {
        guard architecture.count == variableCount else {
            throw .invalid(
                "an architecture of '\(name)' has \(variableCount) variables, got \(architecture.count)"
            )
        }
        for (v, choice) in architecture.enumerated()
        where choice < 0 || Int(choice) >= choiceCounts[v] {
            throw .invalid("\(place(of: v)) must be in 0..<\(choiceCounts[v]), got \(choice)")
        }
    }

    /// The variable's name with its layer's, for messages.
    public func place(of variable: Int) -> String {
        "'\(layers[layer(of: variable)].name).\(self.variable(variable).name)'"
    }

    /// Sets every variable that does not exist to 0, in place. O(V).
    public func canonicalise(_ architecture: inout [Int32]) {
        unsafe architecture.withUnsafeMutableBufferPointer { unsafe canonicalise($0) }
    }

    /// As above, on V values that lie anywhere; choices are in range.
    public func canonicalise(_ architecture: UnsafeMutableBufferPointer<Int32>) {
        // Parents come first; −1 marks a variable that does not exist until all are decided.
        for c in conditionals {
            let decided = unsafe architecture[c.parent]
            if decided < 0 || !allExistence[c.start + Int(decided)] {
                unsafe architecture[c.variable] = -1
            }
        }
        for c in conditionals where unsafe architecture[c.variable] < 0 {
            unsafe architecture[c.variable] = 0
        }
    }

    /// Whether every variable exists under these choices.
    public func activity(_ architecture: [Int32]) -> [Bool] {
        var active = [Bool](repeating: true, count: variableCount)
        for v in 0..<variableCount where parents[v] >= 0 {
            active[v] = active[parents[v]] && existence[v][Int(architecture[parents[v]])]
        }
        return active
    }

    // MARK: - Counting

    /// Number of encodings, the product of all choice counts, exactly.
    public var rawCount: BigNatural {
        choiceCounts.reduce(BigNatural(1)) { $0 * BigNatural($1) }
    }

    /// Number of canonical encodings, exactly.
    public var canonicalCount: BigNatural {
        // subtree[v][c] counts the canonical forms of v's conditional variables under choice c.
        var subtree = choiceCounts.map { [BigNatural](repeating: BigNatural(1), count: $0) }
        var total = BigNatural(1)
        for v in stride(from: variableCount - 1, through: 0, by: -1) {
            let forms = subtree[v].reduce(BigNatural(0), +)
            subtree[v] = []
            let parent = parents[v]
            if parent < 0 {
                total = total * forms
            } else {
                for c in 0..<choiceCounts[parent] where existence[v][c] {
                    subtree[parent][c] = subtree[parent][c] * forms
                }
            }
        }
        return total
    }

    /// Number of logits of the factorised form, Σ |D_m| over all variables.
    public var factorisedLogitCount: Int { factorisedOffsets[variableCount] }

    /// Number of logits of the joint form, Σ over layers of Π |D_m|; nil above 2^26, where the
    /// joint form is refused.
    public var jointLogitCount: Int? {
        var total = 0
        for layer in 0..<layerCount {
            var product = 1
            for v in variables(of: layer) {
                product *= choiceCounts[v]
                guard product <= 1 << 26 else { return nil }
            }
            // A layer without variables has nothing to decide.
            if !variables(of: layer).isEmpty { total += product }
            guard total <= 1 << 26 else { return nil }
        }
        return total
    }
}

extension SearchSpace {
    private static func check(_ layer: Layer) throws(FPNASError) {
        var names = Set<String>()
        for (index, variable) in layer.variables.enumerated() {
            let place = "'\(layer.name).\(variable.name)'"
            guard !variable.name.isEmpty, names.insert(variable.name).inserted else {
                throw .invalid(
                    "layer '\(layer.name)' has two variables '\(variable.name)', or a "
                        + "name is empty")
            }
            guard (1...maximumChoices).contains(variable.choices.count) else {
                throw .invalid(
                    "\(place) must have 1 to \(maximumChoices) choices, got \(variable.choices.count)"
                )
            }
            var seen = Set<Choice>()
            for choice in variable.choices {
                if let number = choice.number, !number.isFinite {
                    throw .invalid("\(place) has the choice \(number)")
                }
                guard seen.insert(choice).inserted else {
                    throw .invalid("\(place) has the choice '\(choice.label)' twice")
                }
            }
            guard let condition = variable.condition else { continue }
            guard condition.variable >= 0, condition.variable < index else {
                throw .invalid("\(place) may depend only on an earlier variable of its layer")
            }
            let count = layer.variables[condition.variable].choices.count
            for choice in condition.choices where choice < 0 || choice >= count {
                throw .invalid(
                    "\(place) depends on choice \(choice), which must be in 0..<\(count)")
            }
        }
    }
}
