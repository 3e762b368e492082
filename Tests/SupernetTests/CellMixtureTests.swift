import SearchSpace
import Support
import Testing

@testable import Supernet

/// Mixtures of cells against the networks of the single cells they stand for.
@Suite struct CellMixtureTests {
    /// The results of the operators that sum up the nodes, in order.
    private func nodes(
        _ supernet: Supernet, _ isNode: (BoundOperator) -> Bool
    ) -> [[Float]] {
        supernet.bound.operators.filter(isNode).map { b in
            (0..<(supernet.capacity * b.s.outSize)).map { supernet.arena[b.data + $0] }
        }
    }

    private func distance(_ a: [Float], _ b: [Double]) -> Double {
        var (difference, size) = (0.0, 0.0)
        for (x, y) in zip(a, b) {
            difference += (Double(x) - y) * (Double(x) - y)
            size += y * y
        }
        return a.count == b.count && size > 0 ? (difference / size).squareRoot() : .infinity
    }

    /// A node of the first cell is the mean over drawn cells of its sum, given its inputs: what the
    /// nodes before it choose is decided here. Each drawn cell is a network by itself.
    ///
    /// - Parameters:
    ///   - layers: those that choose the node's terms.
    ///   - mixture, sum: which mixture and, in a network, which sum of so many terms the node is.
    private func expectNode(
        _ cells: CellNetwork, _ layers: Range<Int>, mixture place: Int, sum: Int, terms: Int
    ) throws {
        let space = try cellSpace(cells)
        let mixed = try MixedNetwork(space)
        let count = 5
        let supernet = try Supernet(mixed: mixed, capacity: count, seed: 3, threads: 1)
        supernet.scatter()
        let batch = try images(count, try #require(space.input))
        let targets = labels(count, classes: space.classes)
        let fixed = (0..<space.variableCount).map { Int32((2 + $0) % space.choiceCounts[$0]) }
        var m = oneHot(space, fixed)
        let own = space.layerStarts[layers.lowerBound]..<space.layerStarts[layers.upperBound]
        let range =
            space.factorisedOffsets[own.lowerBound]..<space.factorisedOffsets[own.upperBound]
        m.replaceSubrange(range, with: mixture(space, seed: 6)[range])
        _ = try supernet.evaluate(mixed, coefficients: m, images: batch, labels: targets)
        let found = nodes(supernet) { $0.s.code == .mixture }[place]
        var mean = [Double](repeating: 0, count: found.count)
        var mass = 0.0
        var cells: [[Int32]] = [fixed]
        for v in own {
            cells = cells.flatMap { cell in
                (0..<space.choiceCounts[v]).map { choice in
                    var other = cell
                    other[v] = Int32(choice)
                    return other
                }
            }
        }
        for cell in cells {
            let p = own.reduce(1) { $0 * m[space.factorisedOffsets[$1] + Int(cell[$1])] }
            mass += p
            _ = try supernet.evaluate(try space.network(cell), images: batch, labels: targets)
            let value = nodes(supernet) { $0.s.code == .sum && $0.s.inputCount == terms }[sum]
            for (i, x) in value.enumerated() { mean[i] += p * Double(x) }
        }
        #expect(abs(mass - 1) < 1e-12 && cells.count > 20)
        #expect(distance(found, mean) < 1e-5)
    }

    @Test(arguments: 2...3) func aNodeOfNASBench201IsTheMeanOverItsEdges(node: Int) throws {
        let first = node * (node - 1) / 2
        try expectNode(
            .nasBench201(channels: 4, cells: 1), first..<(first + node), mixture: node - 1,
            sum: 0, terms: node)
    }

    @Test(arguments: 0..<4) func aNodeOfDARTSIsTheMeanOverPairsAndOperations(node: Int) throws {
        try expectNode(
            .darts(channels: 2, cells: 1), node..<(node + 1), mixture: node, sum: node, terms: 2)
    }

    /// Weights are those of the space, and what is held grows with the candidates.
    @Test(arguments: [
        CellNetwork.nasBench201(channels: 8, cells: 2), .darts(channels: 4, cells: 3),
    ]) func memoryGrowsWithTheCandidatesAlone(cells: CellNetwork) throws {
        let space = try cellSpace(cells)
        let mixed = try Supernet(mixed: MixedNetwork(space), capacity: 16, seed: 3, threads: 1)
        let sampled = try Supernet(space: space, capacity: 16, seed: 3, threads: 1)
        #expect(
            Set(mixed.slots.map { "\($0.name) \($0.rows) \($0.columns)" })
                == Set(sampled.slots.map { "\($0.name) \($0.rows) \($0.columns)" }))
        // Four operations on each of six edges beside one; seven on 14 edges beside 8 that are taken.
        let ratio = Double(mixed.arena.count) / Double(sampled.arena.count)
        #expect(ratio > (cells.name == "darts" ? 3 : 1.5), "\(ratio)")
    }

    @Test func threadsChangeNothingInCells() throws {
        let space = try cellSpace(.darts(channels: 2, cells: 3))
        let mixed = try MixedNetwork(space)
        let count = 33
        let batch = try images(count, try #require(space.input))
        let targets = labels(count, classes: space.classes)
        var results: [[Double]] = []
        for threads in [1, 3] {
            let supernet = try Supernet(mixed: mixed, capacity: count, seed: 3, threads: threads)
            supernet.beginStep()
            results.append(
                try supernet.accumulate(
                    mixed, coefficients: mixture(space, seed: 9), images: batch, labels: targets
                ).coefficientGradient)
            results.append((0..<supernet.gradient.count).map { Double(supernet.gradient[$0]) })
        }
        #expect(results[0] == results[2] && results[1] == results[3])
    }
}
