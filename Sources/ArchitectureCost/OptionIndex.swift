/// Finds the option of a layer that a canonical encoding takes, without searching the list.
///
/// The options are the leaves of a tree, one level a variable, its nodes numbered from left to
/// right. A variable that exists has one branch a choice, one that does not has a single branch,
/// and a canonical encoding has 0 there: so the child is always the node's first one plus the
/// choice.
struct OptionIndex: Sendable {
    /// By level: every node's first child.
    private var firstChild: [[Int32]]

    /// - Parameter options: all options in lexicographic order, −1 where a variable does not
    ///   exist; at most `SearchSpace.maximumOptions`.
    init(_ options: [[Int32]]) {
        let depth = options.first?.count ?? 0
        firstChild = [[Int32]](repeating: [], count: depth)
        var nodes = [Int32](repeating: 0, count: depth + 1)  // so far, by level
        for (i, option) in options.enumerated() {
            // Above the first difference from the option before, the nodes are the same.
            var level = 0
            if i > 0 {
                while level < depth, option[level] == options[i - 1][level] { level += 1 }
            } else if depth > 0 {
                nodes[0] = 1
                firstChild[0].append(0)
            }
            guard level < depth else { continue }
            for below in level..<depth {
                nodes[below + 1] += 1
                // The new node at the level below has its first child to come.
                if below + 1 < depth { firstChild[below + 1].append(nodes[below + 2]) }
            }
        }
    }

    /// The option's place in the list. `choices` are those of the layer's variables. O(variables).
    @inline(__always)
    func place(of choices: UnsafePointer<Int32>) -> Int {
        var node = 0
        for level in 0..<firstChild.count {
            node = unsafe Int(firstChild[level][node]) + Int(choices[level])
        }
        return node
    }
}
