import CKernels
import Foundation
import Testing

/// The variants this CPU can run.
let variants: [String] = ["baseline", "avx2", "avx512"].filter { (name: String) in
    fpnas_priv_kernels_named(name) != nil
}

func kernels(_ name: String) throws -> fpnas_priv_kernels {
    try #require(fpnas_priv_kernels_named(name)).pointee
}

/// Numbers in [−1, 1) that look random, the same every time.
struct Noise {
    private var state: UInt64

    init(_ seed: Int) { state = UInt64(seed) &* 0x9E37_79B9_7F4A_7C15 &+ 1 }

    mutating func next() -> Float {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Float(state >> 40) / 8_388_608 - 1
    }

    mutating func values(_ count: Int) -> [Float] { (0..<count).map { _ in next() } }
}

/// Memory whose end is checked: what a kernel writes beyond `count` shows.
final class Floats {
    let count: Int
    let pointer: UnsafeMutablePointer<Float>
    private static let guardValue: Float = 12345.678

    init(_ values: [Float]) {
        count = values.count
        pointer = .allocate(capacity: count + 16)
        for (i, value) in values.enumerated() { pointer[i] = value }
        for i in 0..<16 { pointer[count + i] = Floats.guardValue }
    }

    convenience init(repeating value: Float, count: Int) {
        self.init([Float](repeating: value, count: count))
    }

    deinit { pointer.deallocate() }

    var values: [Float] { (0..<count).map { pointer[$0] } }
    var isIntact: Bool { (0..<16).allSatisfy { pointer[count + $0] == Floats.guardValue } }
    subscript(i: Int) -> Float { pointer[i] }
}

func aligned(_ channels: Int) -> Int { (channels + 7) / 8 * 8 }

enum Act: Int32, CaseIterable {
    case linear = 0
    case relu = 1
    case swish = 2
    case relu6 = 3
    case hswish = 4

    func value(_ z: Double) -> Double {
        switch self {
        case .linear: z
        case .relu: z < 0 ? 0 : z
        case .swish: z / (1 + exp(-z))
        case .relu6: min(max(z, 0), 6)
        case .hswish: z * min(max(z + 3, 0), 6) / 6
        }
    }

    func slope(_ z: Double) -> Double {
        switch self {
        case .linear: return 1
        case .relu: return z > 0 ? 1 : 0
        case .swish:
            let s = 1 / (1 + exp(-z))
            return s + z * s * (1 - s)
        case .relu6: return z > 0 && z < 6 ? 1 : 0
        case .hswish: return z <= -3 ? 0 : z >= 3 ? 1 : z / 3 + 0.5
        }
    }
}

/// A source with everything it may have, and its meaning in double.
final class Source {
    let channels: Int
    let line: Int
    let x: Floats
    let scale: Floats?
    let shift: Floats?
    let mean: Floats
    let gate: Floats?
    let act: Act
    let pixels: Int

    init(
        rows: Int, pixels: Int, channels: Int, act: Act?, gated: Bool = false, noise: inout Noise
    ) {
        self.channels = channels
        self.pixels = pixels
        line = aligned(channels)
        x = Floats(noise.values(rows * line))
        scale = act == nil ? nil : Floats(noise.values(line).map { 1 + 0.5 * $0 })
        shift = act == nil ? nil : Floats(noise.values(line))
        mean = Floats(noise.values(line))
        gate = gated ? Floats(noise.values((rows + pixels - 1) / pixels * line)) : nil
        self.act = act ?? .linear
    }

    var c: fpnas_priv_source {
        fpnas_priv_source(
            x: x.pointer, line: line, scale: scale?.pointer, shift: shift?.pointer,
            mean: mean.pointer, gate: gate?.pointer, activation: act.rawValue)
    }

    func z(_ row: Int, _ channel: Int) -> Double {
        let value = Double(x[row * line + channel])
        guard let scale, let shift else { return value }
        return Double(scale[channel]) * value + Double(shift[channel])
    }

    func value(_ row: Int, _ channel: Int) -> Double {
        let gate = gate.map { Double($0[row / pixels * line + channel]) } ?? 1
        return act.value(z(row, channel)) * gate
    }
}

/// A gradient, behind a normalisation or not, and its meaning in double.
final class Gradient {
    let channels: Int
    let line: Int
    let dz: Floats
    let x: Floats
    let rows: [Floats]
    let isNormalised: Bool

    init(rows count: Int, channels: Int, normalised: Bool, noise: inout Noise) {
        self.channels = channels
        line = aligned(channels)
        dz = Floats(noise.values(count * line))
        x = Floats(noise.values(count * line))
        var rows: [Floats] = []
        for _ in 0..<4 { rows.append(Floats(noise.values(line))) }
        self.rows = rows
        isNormalised = normalised
    }

    var c: fpnas_priv_gradient {
        fpnas_priv_gradient(
            dz: dz.pointer, line: line, channels: channels, x: x.pointer, mean: rows[0].pointer,
            p: isNormalised ? rows[1].pointer : nil, q: rows[2].pointer, r: rows[3].pointer)
    }

    func value(_ row: Int, _ channel: Int) -> Double {
        let d = Double(dz[row * line + channel])
        guard isNormalised else { return d }
        let r = rows.map { Double($0[channel]) }
        return r[1] * d + r[2] * (Double(x[row * line + channel]) - r[0]) + r[3]
    }
}

/// Whether each value lies within `tolerance` of the reference, relative to the largest one.
func expectClose(
    _ values: [Double], _ reference: [Double], tolerance: Double = 2e-6, _ what: Comment,
    sourceLocation: SourceLocation = #_sourceLocation
) {
    let size = max(reference.map(abs).max() ?? 0, 1e-3)
    let worst = zip(values, reference).map { abs($0 - $1) }.max() ?? 0
    let isClose = worst <= tolerance * size && values.allSatisfy(\.isFinite)
    #expect(isClose, "\(what): off by \(worst) of \(size)", sourceLocation: sourceLocation)
}
