import SearchSpace
import Support

@testable import Supernet

/// Fractions in [−1/2, 1/2) as in Tests/reference/supernet_reference.py.
func uniform(_ number: Int, _ index: Int) -> Double {
    let mixed = UInt64(index) &* 2_654_435_761 &+ UInt64(number) &* 40503 &+ 12345
    // Modulo 2^32 the products may wrap.
    let hash = (mixed &* 2_246_822_519) & 0xFFFF_FFFF
    return Double(hash >> 8) / 16_777_216 - 0.5
}

func buffer(_ values: [Float]) throws -> Buffer<Float> {
    let buffer = try Buffer<Float>(values.count, of: "values")
    for (i, value) in values.enumerated() { buffer[i] = value }
    return buffer
}

func images(_ count: Int, _ shape: ImageShape, number: Int = 1000) throws -> Buffer<Float> {
    try buffer(
        (0..<(count * shape.height * shape.width * shape.channels)).map {
            2 * Float(uniform(number, $0))
        })
}

func labels(_ count: Int, classes: Int) -> [Int32] { (0..<count).map { Int32($0 * 7 % classes) } }

/// The network of the PyTorch reference: every kind of block there is.
func referenceSpace() throws -> SearchSpace {
    try SearchSpace(
        name: "reference",
        layers: [
            .block(
                "stem", .convolution, [(.kernel, .fixed(.integer(3))), (.channels, .fixed(5))]),
            .block(
                "wide", .mbconv, stride: 2,
                [
                    (.kernel, .fixed(5)), (.activation, .fixed(.text("swish"))),
                    (.squeezeExcite, .fixed(1)), (.expansion, .fixed(.real(2.25))),
                    (.channels, .fixed(6)),
                ]),
            .block("plain", .mbconv, [(.kernel, .fixed(3)), (.channels, .fixed(6))]),
            .block("same", .mbconv, [(.kernel, .searched([0])), (.channels, .fixed(6))]),
            .block("shrink", .mbconv, stride: 2, [(.kernel, .fixed(0)), (.channels, .fixed(9))]),
            .block(
                "pair", .mbconv, repeats: 2,
                [
                    (.kernel, .fixed(3)), (.activation, .fixed(.text("swish"))),
                    (.squeezeExcite, .fixed(1)), (.expansion, .fixed(.real(1.5))),
                    (.channels, .fixed(9)),
                ]),
            .block(
                "mix", .convolution,
                [
                    (.kernel, .fixed(3)), (.activation, .fixed(.text("swish"))),
                    (.channels, .fixed(4)),
                ]),
            .block("head", .convolution, [(.kernel, .fixed(1)), (.channels, .fixed(10))]),
            .block("classifier", .classifier, []),
        ], input: ImageShape(height: 9, width: 7, channels: 2), classes: 3)
}

/// A small searched space: strides, skips, all kernels, both activations, widths as slices; with
/// shortcuts where widths happen to be equal, or on the channels that both have.
func smallSpace(leading: Bool = false) throws -> SearchSpace {
    let searched: [(Attribute, AttributeValues)] = [
        (.shortcut, .fixed(.text(leading ? "leading" : "auto"))),
        (.kernel, .searched([0, 3, 5])),
        (.activation, .searched([.text("relu"), .text("swish")])),
        (.squeezeExcite, .searched([0, 1])),
        (.expansion, .searched([.real(0.75), 1, .real(2.5)])),
        (.channels, .searched([4, 7, 10])),
    ]
    return try SearchSpace(
        name: "small",
        layers: [
            .block("stem", .convolution, [(.channels, .searched([5, 9]))]),
            .block("one", .mbconv, stride: 2, searched),
            .block("two", .mbconv, repeats: 2, searched),
            .block("mix", .convolution, stride: 2, [(.channels, .fixed(11))]),
            .block("classifier", .classifier, []),
        ], input: ImageShape(height: 8, width: 8, channels: 1), classes: 4)
}

extension Choice: ExpressibleByIntegerLiteral {
    public init(integerLiteral value: Int) { self = .integer(value) }
}

/// A small network that fills the given choices of `smallSpace`'s variables.
func architecture(_ space: SearchSpace, seed: Int) -> [Int32] {
    (0..<space.variableCount).map {
        Int32((uniform(seed, $0) + 0.5) * Double(space.choiceCounts[$0]))
    }
}

func cellSpace(_ cells: CellNetwork) throws -> SearchSpace {
    try SearchSpace(
        name: cells.name, cells: cells, input: ImageShape(height: 8, width: 8, channels: 1),
        classes: 4)
}

/// Coefficients that are 1 for an architecture's choices.
func oneHot(_ space: SearchSpace, _ choices: [Int32]) -> [Double] {
    zip(space.choiceCounts, choices).flatMap { count, choice in
        (0..<count).map { $0 == choice ? 1 : 0 }
    }
}

/// Coefficients that are positive, of sum 1 for every variable.
func mixture(_ space: SearchSpace, seed: Int) -> [Double] {
    var values: [Double] = []
    for count in space.choiceCounts {
        let start = values.count
        let own = (0..<count).map { 0.7 + uniform(seed, start + $0) }
        let total = own.reduce(0, +)
        values += own.map { $0 / total }
    }
    return values
}

extension Supernet {
    func slot(_ name: String) -> WeightSlot? { slots.first { $0.name == name } }

    func fill(_ slot: WeightSlot, _ value: (Int) -> Double) {
        for row in 0..<slot.rows {
            for column in 0..<slot.columns {
                parameters[slot.offset + row * slot.line + column] = Float(
                    value(row * slot.columns + column))
            }
        }
    }

    func gradient(of slot: WeightSlot) -> [Float] {
        (0..<(slot.rows * slot.columns)).map {
            gradient[slot.offset + $0 / slot.columns * slot.line + $0 % slot.columns]
        }
    }

    /// Gives every weight a value of its own, batch normalisation too.
    func scatter() {
        for (number, slot) in slots.enumerated() {
            let scale = slot.deviation.map { $0 * 12.0.squareRoot() } ?? 0.6
            fill(slot) { Double(slot.initialValue) + scale * uniform(number, $0) }
        }
    }
}

/// |a − b| / max(|b|, floor); a floor for gradients that vanish by symmetry.
func relativeDistance(_ a: [Float], _ b: [Float], floor: Double = 0) -> Double {
    var difference = 0.0
    var size = 0.0
    for (x, y) in zip(a, b) {
        difference += Double(x - y) * Double(x - y)
        size += Double(y) * Double(y)
    }
    return difference.squareRoot() / max(size.squareRoot(), floor)
}
