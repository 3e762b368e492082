import SearchSpace
import Support
import Testing

@testable import Supernet

/// Every operator's gradients against central differences.
///
/// L = Σ u·logit with random u, accumulated in double; for each tensor the derivative along a
/// random direction. Later tensors' gradients pass through all input gradients in front of them,
/// so the first convolution's check stands for the input gradients. With h = 4e-3 of the tensor's
/// size, float rounding (about 1e-6 of L) and the third-order term both stay near 1e-3 of the
/// derivative; a kink of relu crossed by the step adds as much.
@Suite struct GradientTests {
    static let kinds: [(name: String, layer: @Sendable () throws -> Layer)] = [
        ("convolution", { try .block("x", .convolution, [(.channels, .fixed(6))]) }),
        (
            "strided 5x5 convolution, swish",
            {
                try .block(
                    "x", .convolution, stride: 2,
                    [
                        (.kernel, .fixed(5)), (.activation, .fixed(.text("swish"))),
                        (.channels, .fixed(9)),
                    ])
            }
        ),
        (
            "1x1 convolution",
            { try .block("x", .convolution, [(.kernel, .fixed(1)), (.channels, .fixed(9))]) }
        ),
        ("mbconv without expansion", { try mbconv(kernel: 3, expansion: 1, channels: 5) }),
        ("residual mbconv without expansion", { try mbconv(kernel: 5, expansion: 1, channels: 7) }),
        (
            "strided mbconv without expansion",
            { try mbconv(kernel: 3, expansion: 1, channels: 5, stride: 2) }
        ),
        ("residual mbconv", { try mbconv(kernel: 3, expansion: 2, channels: 7, swish: true) }),
        (
            "strided 5x5 mbconv with squeeze-and-excitation",
            {
                try mbconv(
                    kernel: 5, expansion: .real(2.5), channels: 9, stride: 2, swish: true, se: 1)
            }
        ),
        (
            "mbconv with squeeze-and-excitation, relu",
            { try mbconv(kernel: 3, expansion: .real(0.75), channels: 9, se: 1) }
        ),
        (
            "7x7 mbconv, stride 3",
            {
                try mbconv(kernel: 7, expansion: 2, channels: 9, stride: 3, swish: true)
            }
        ),
        ("projection", { try mbconv(kernel: 0, expansion: 1, channels: 9, stride: 2) }),
    ]

    static func mbconv(
        kernel: Choice, expansion: Choice, channels: Choice, stride: Int = 1, swish: Bool = false,
        se: Choice = 0
    ) throws -> Layer {
        try .block(
            "x", .mbconv, stride: stride,
            [
                (.kernel, .fixed(kernel)), (.activation, .fixed(.text(swish ? "swish" : "relu"))),
                (.squeezeExcite, .fixed(se)), (.expansion, .fixed(expansion)),
                (.channels, .fixed(channels)),
            ])
    }

    @Test(arguments: 0..<11) func gradientsEqualDifferences(kind: Int) throws {
        let space = try SearchSpace(
            name: "one",
            layers: [
                .block(
                    "stem", .convolution,
                    [
                        (.kernel, .fixed(3)), (.activation, .searched([.text("swish")])),
                        (.channels, .fixed(7)),
                    ]),
                GradientTests.kinds[kind].layer(),
                .block("classifier", .classifier, []),
            ], input: ImageShape(height: 7, width: 6, channels: 2), classes: 3)
        try GradientTests.compare(space, [0], GradientTests.kinds[kind].name)
    }

    /// Every operator there is, also where several read one result. Many kinks of relu: the
    /// sharp comparison is that with PyTorch.
    @Test(arguments: ReferenceNetworks.names) func networksEqualDifferences(name: String) throws {
        let (space, architecture) = try ReferenceNetworks.space(name)
        try GradientTests.compare(space, architecture, name, tolerance: 0.1)
    }

    static func compare(
        _ space: SearchSpace, _ architecture: [Int32], _ name: String, tolerance: Double = 1e-2
    ) throws {
        let network = try space.network(architecture)
        let count = 17  // more images than chunks
        let supernet = try Supernet(networks: [network], capacity: count, seed: 5, threads: 1)
        supernet.scatter()
        let batch = try images(count, try #require(space.input))
        let u = (0..<(count * 3)).map { Float(uniform(77, $0)) }
        func value() throws -> Double {
            try supernet.functional(
                network, images: batch, coefficients: u, count: count, withGradient: false)
        }
        supernet.beginStep()
        _ = try supernet.functional(
            network, images: batch, coefficients: u, count: count, withGradient: true)
        for (number, slot) in supernet.slots.enumerated() {
            let saved = (0..<(slot.rows * slot.line)).map { supernet.parameters[slot.offset + $0] }
            let gradient = supernet.gradient(of: slot)
            // Half along the gradient, so that the derivative does not vanish by chance.
            let size = gradient.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
            let spread = slot.deviation ?? 0.3
            let direction = gradient.indices.map {
                spread * (uniform(200 + number, $0) * 0.5 + Double(gradient[$0]) / max(size, 1e-9))
            }
            func moved(_ h: Double) throws -> Double {
                for i in gradient.indices {
                    let at = i / slot.columns * slot.line + i % slot.columns
                    supernet.parameters[slot.offset + at] = saved[at] + Float(h * direction[i])
                }
                return try value()
            }
            let h = 4e-3
            let difference = try (moved(h) - moved(-h)) / (2 * h)
            for (i, value) in saved.enumerated() { supernet.parameters[slot.offset + i] = value }
            let derivative = zip(gradient, direction).reduce(0) { $0 + Double($1.0) * $1.1 }
            #expect(
                abs(difference - derivative) <= tolerance * abs(derivative) + tolerance / 10,
                "\(name), \(slot.name): \(difference) \(derivative)")
        }
    }
}
