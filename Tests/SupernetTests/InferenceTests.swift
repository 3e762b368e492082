import SearchSpace
import Support
import Testing

@testable import Supernet

/// A network taken out of a supernet computes what it computes inside, also where its weights are
/// slices of wider ones.
@Suite struct InferenceTests {
    @Test(arguments: ReferenceNetworks.names, [1, 2])
    func takenOutOfItsSpace(name: String, threads: Int) throws {
        let (space, architecture) = try ReferenceNetworks.space(name)
        let network = try space.network(architecture)
        let shared = try Supernet(space: space, capacity: 8, seed: 4)
        let batch = try images(8, try #require(space.input))
        for _ in 0..<2 {
            shared.beginStep()
            try shared.accumulate(network, images: batch, labels: labels(8, classes: 3))
            try shared.finishStep(StepOptions(rate: 0.05))
        }
        try shared.beginStatistics()
        try shared.gatherStatistics(network, images: batch, count: 8)
        try shared.finishStatistics()
        let expected = try shared.logits(network, images: batch, count: 8, statistics: .running)
        let taken = try InferenceNetwork(
            network, of: shared, layers: space.layers.map(\.name), threads: threads)
        let logits = try Buffer<Float>(24, of: "logits")
        try taken.logits(of: batch.pointer, count: 8, into: logits.pointer)
        let size = expected.map { abs($0) }.max() ?? 0
        for (i, value) in expected.enumerated() { #expect(abs(logits[i] - value) < 1e-5 * size) }
        // From the middle on: the same bits.
        let rest = try Buffer<Float>(15, of: "logits")
        let image = batch.count / 8
        try taken.logits(of: batch.pointer + 3 * image, count: 5, into: rest.pointer)
        for i in 0..<15 { #expect(rest[i] == logits[9 + i]) }
    }

    @Test(arguments: ReferenceNetworks.names) func tensorsAreTold(name: String) throws {
        let (space, architecture) = try ReferenceNetworks.space(name)
        let network = try space.network(architecture)
        let taken = try InferenceNetwork(
            network, layers: space.layers.map(\.name), threads: 1)
        let names = taken.tensors.map(\.name)
        #expect(Set(names).count == names.count)
        #expect(Set(taken.operators.map(\.name)).count == taken.operators.count)
        // No two tensors share a place: all can be told apart after all are written.
        for (i, tensor) in taken.tensors.enumerated() {
            let values = (0..<tensor.count).map { Float(i) + Float($0) / 4096 }
            taken.write(i, from: values)
        }
        for (i, tensor) in taken.tensors.enumerated() {
            var values = [Float](repeating: 0, count: tensor.count)
            taken.read(i, into: &values)
            for (k, value) in values.enumerated() {
                #expect(value == Float(i) + Float(k) / 4096, "\(tensor.name)")
            }
        }
    }
}
