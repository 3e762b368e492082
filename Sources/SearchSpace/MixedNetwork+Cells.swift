import Support

extension MixedNetwork {
    mutating func addCells(_ space: SearchSpace) throws(FPNASError) {
        throw .invalid("the cells of '\(space.name)' cannot be mixed")
    }
}
