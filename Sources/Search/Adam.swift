import ArchitectureDistribution
import Support

/// Adam on the logits. [Kingma & Ba 2015]
struct Adam {
    let first: Buffer<Double>
    let second: Buffer<Double>
    /// What the draws of an update add to its gradient; zero between updates.
    let pull: Buffer<Double>
    /// Updates so far.
    var updates = 0
    // β^updates for the bias correction, kept as products so that no power function is needed.
    var decay1 = 1.0
    var decay2 = 1.0

    init(_ count: Int) throws(FPNASError) {
        first = try Buffer(count, of: "Adam's first moments")
        second = try Buffer(count, of: "Adam's second moments")
        pull = try Buffer(count, of: "gradient")
    }

    func encode(into writer: inout ByteWriter) {
        unsafe writer.put(UnsafeBufferPointer(first.elements))
        unsafe writer.put(UnsafeBufferPointer(second.elements))
        writer.put(updates)
        writer.put([decay1, decay2])
    }

    /// Fills this one, of the right size, with what was written.
    mutating func restore(from reader: inout ByteReader) throws(FPNASError) {
        try unsafe reader.fill(first.elements)
        try unsafe reader.fill(second.elements)
        for i in 0..<first.count {
            guard first[i].isFinite, second[i].isFinite, second[i] >= 0 else {
                throw reader.damaged("a moment of Adam is not a number")
            }
        }
        updates = try reader.takeInt(0...(Int.max >> 1))
        let decays = try reader.takeDoubles()
        guard decays.count == 2, decays.allSatisfy({ (0...1).contains($0) }) else {
            throw reader.damaged("Adam's decays")
        }
        decay1 = decays[0]
        decay2 = decays[1]
    }

    /// Moves the logits against the gradient `total` · p + `pull`, never beyond the range they may
    /// have, and returns the gradient's Euclidean norm.
    mutating func update(
        _ distribution: ArchitectureDistribution, total: Double, _ options: SearchOptions
    ) -> Double {
        updates += 1
        decay1 *= options.adamBeta1
        decay2 *= options.adamBeta2
        let rates = DescentRates(
            beta1: options.adamBeta1, beta2: options.adamBeta2,
            rate: options.learningRate / (1 - decay1),
            spread: 1 / (1 - decay2).squareRoot(), epsilon: options.adamEpsilon)
        return distribution.descend(
            total: total, pull: pull, first: first, second: second, rates
        ).squareRoot()
    }
}
