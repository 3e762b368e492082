import SearchSpace

extension ArchitectureDistribution {
    /// The joint index of a canonical option of a layer, whose −1s count as 0.
    func index(of option: [Int32], _ members: Range<Int>) -> Int {
        var index = 0
        for (v, c) in zip(members, option) where c > 0 { index += Int(c) * strides[v] }
        return index
    }
}
