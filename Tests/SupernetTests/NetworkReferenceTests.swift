import SearchSpace
import Support
import Testing

@testable import Supernet

/// Whole networks, one of every kind of block, against values made in PyTorch by
/// Tests/reference/network_reference.py: loss, all gradients, and ten training steps.
@Suite struct NetworkReferenceTests {
    struct Slot {
        let name: String
        let scale: Double
        let shift: Double
        let norm: Double
        let products: [Double]
    }

    struct Reference {
        var slots: [Slot] = []
        var losses: [Double] = []
    }

    static func load() throws -> [String: Reference] {
        let folder = #filePath.split(separator: "/").dropLast().joined(separator: "/")
        let bytes = try Files.read("/\(folder)/networks.txt")
        var references: [String: Reference] = [:]
        var name = ""
        for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
            let words = line.split(separator: " ")
            switch words[0] {
            case "network": name = String(words[1])
            case "slot":
                let numbers = words[4...].compactMap { Double($0) }
                references[name, default: Reference()].slots.append(
                    Slot(
                        name: String(words[1]), scale: numbers[0], shift: numbers[1],
                        norm: numbers[2], products: Array(numbers[3...])))
            default: references[name]?.losses = words[1...].compactMap { Double($0) }
            }
        }
        return references
    }

    @Test(arguments: ReferenceNetworks.names, [1, 2])
    func lossGradientsAndTenStepsEqualPyTorch(name: String, threads: Int) throws {
        let reference = try #require(try NetworkReferenceTests.load()[name])
        let (space, architecture) = try ReferenceNetworks.space(name)
        let network = try space.network(architecture)
        let supernet = try Supernet(networks: [network], capacity: 8, seed: 1, threads: threads)
        let layers = space.layers.map(\.name)
        // Without a space a layer has the name of its number.
        func slot(_ name: String) throws -> WeightSlot {
            let dot = try #require(name.firstIndex(of: "."))
            let number = layers.firstIndex(of: String(name[..<dot]))
            let found = number.map { "layer\($0)\(name[dot...])" } ?? name
            return try #require(supernet.slot(found), "\(name)")
        }
        #expect(supernet.slots.count == reference.slots.count)
        for (number, entry) in reference.slots.enumerated() {
            supernet.fill(try slot(entry.name)) { entry.shift + entry.scale * uniform(number, $0) }
        }
        let batch = try images(8, try #require(space.input))
        let largest = reference.slots.map(\.norm).max() ?? 0
        for (step, loss) in reference.losses.enumerated() {
            supernet.beginStep()
            let result = try supernet.accumulate(
                network, images: batch, labels: labels(8, classes: 3))
            #expect(abs(-result.logLikelihood - loss) <= 1e-4 * loss, "step \(step)")
            if step == 0 {
                for (number, entry) in reference.slots.enumerated() {
                    let gradient = supernet.gradient(of: try slot(entry.name))
                    let norm = gradient.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
                    // Products with directions of size √(n / 12).
                    let floor = 1e-5 * largest
                    let room = 1e-4 * entry.norm + floor
                    #expect(abs(norm - entry.norm) < room, "\(entry.name)")
                    for (i, product) in entry.products.enumerated() {
                        let own = gradient.enumerated().reduce(0.0) {
                            $0 + Double($1.element) * uniform(5000 + 10 * number + i, $1.offset)
                        }
                        #expect(
                            abs(own - product) < room * Double(gradient.count).squareRoot(),
                            "\(entry.name)")
                    }
                }
            }
            try supernet.finishStep(StepOptions(rate: 0.05, momentum: 0.9, weightDecay: 1e-3))
        }
    }

    /// The same network as one of a space of wider ones: its weights are slices, its memory is a
    /// part.
    @Test(arguments: ReferenceNetworks.names) func asPartOfItsSpace(name: String) throws {
        let (space, architecture) = try ReferenceNetworks.space(name)
        let network = try space.network(architecture)
        let alone = try Supernet(networks: [network], capacity: 8, seed: 1)
        let shared = try Supernet(space: space, capacity: 8, seed: 1, threads: 2)
        #expect(shared.slots.count >= alone.slots.count)
        let batch = try images(8, try #require(space.input))
        shared.beginStep()
        let result = try shared.accumulate(network, images: batch, labels: labels(8, classes: 3))
        #expect(result.logLikelihood.isFinite)
        try shared.finishStep(StepOptions(rate: 0.05))
    }
}
