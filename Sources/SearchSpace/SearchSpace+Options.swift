import Support

extension SearchSpace {
    public static let maximumOptions = 1 << 20

    /// All distinct choices of some variables in lexicographic order, −1 where one does not exist.
    ///
    /// `members` lists variables in space order together with their parents. More than
    /// `maximumOptions` of them are refused.
    public func options(of members: [Int]) throws(FPNASError) -> [[Int32]] {
        var options: [[Int32]] = [[]]
        for v in members {
            let parent = members.firstIndex(of: parents[v])
            var extended: [[Int32]] = []
            for option in options {
                if let parent, option[parent] < 0 || !existence[v][Int(option[parent])] {
                    extended.append(option + [-1])
                } else {
                    for c in 0..<choiceCounts[v] { extended.append(option + [Int32(c)]) }
                }
                guard extended.count <= SearchSpace.maximumOptions else {
                    throw FPNASError(
                        .infeasible,
                        "\(place(of: members[0])) and the variables that go with it have more than "
                            + "\(SearchSpace.maximumOptions) options to enumerate")
                }
            }
            options = extended
        }
        return options
    }

    /// All distinct choices of a layer's variables.
    public func options(ofLayer layer: Int) throws(FPNASError) -> [[Int32]] {
        try options(of: Array(variables(of: layer)))
    }
}
