import SearchSpace
import Support
import Testing

@testable import Supernet

@Suite struct ReferenceTests {
    struct Reference {
        var results: [String: Double] = [:]
        var slots: [(name: String, scale: Double, shift: Double, gradient: [Float])] = []
    }

    /// Values made by Tests/reference/supernet_reference.py.
    static func load() throws -> Reference {
        let folder = #filePath.split(separator: "/").dropLast().joined(separator: "/")
        let bytes = try Files.read("/\(folder)/reference.txt")
        var reference = Reference()
        for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
            let words = line.split(separator: " ")
            if words[0] == "result" {
                reference.results[String(words[1])] = Double(words[2])
            } else if words[0] == "slot" {
                reference.slots.append(
                    (
                        String(words[1]), try #require(Double(words[4])),
                        try #require(Double(words[5])), []
                    ))
            } else {
                reference.slots[reference.slots.count - 1].gradient = words.compactMap { Float($0) }
            }
        }
        return reference
    }

    @Test(arguments: [1, 2]) func lossAndGradientsEqualPyTorch(threads: Int) throws {
        let reference = try ReferenceTests.load()
        let space = try referenceSpace()
        let network = try space.network([0])
        let supernet = try Supernet(space: space, capacity: 6, seed: 1, threads: threads)
        #expect(Set(reference.slots.map(\.name)) == Set(supernet.slots.map(\.name)))
        for (number, entry) in reference.slots.enumerated() {
            let slot = try #require(supernet.slot(entry.name))
            supernet.fill(slot) { entry.shift + entry.scale * uniform(number, $0) }
        }
        supernet.beginStep()
        let result = try supernet.accumulate(
            network, images: images(6, space.input!), labels: labels(6, classes: 3))
        let loss = try #require(reference.results["loss"])
        #expect(abs(-result.logLikelihood - loss) < 1e-5 * loss)
        #expect(Double(result.correct) == reference.results["correct"])
        for entry in reference.slots {
            let slot = try #require(supernet.slot(entry.name))
            // The largest have norms near 1.
            let distance = relativeDistance(
                supernet.gradient(of: slot), entry.gradient, floor: 1e-3)
            #expect(distance < 1e-4, "\(entry.name)")
        }
    }
}
