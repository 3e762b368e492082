/// Philox4x32-10, a counter-based random generator: a pure function of a key and a counter.
///
/// Any rank, language or restart that knows (seed, stream, step, sample, index) draws the same
/// numbers without a word to the others. [Salmon et al. 2011, "Parallel random numbers: as easy
/// as 1, 2, 3"]
///
/// The counter's four 32-bit words are `index`, `sample | stream << 24`, and `step` (low, high).
public struct Philox: Sendable {
    /// The independent uses of randomness under one seed.
    public enum Stream: UInt32, Sendable {
        case architectures = 0
        case weights = 1
        case dataOrder = 2
        case augmentation = 3
        case baselines = 4
        case dataSplit = 5
        case evolution = 6
        case mixture = 7
        case regularisation = 8
    }

    /// The words of the seed, and the stream's bits of the counter, for generators in C.
    public let key: SIMD2<UInt32>
    public let stream: UInt32

    public init(seed: UInt64, stream: Stream) {
        key = SIMD2(UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32))
        self.stream = stream.rawValue << 24
    }

    /// The raw block function. Known-answer vectors are in the tests.
    public static func block(counter: SIMD4<UInt32>, key: SIMD2<UInt32>) -> SIMD4<UInt32> {
        var c = counter
        var k = key
        for _ in 0..<10 {
            let first = UInt64(0xD251_1F53) &* UInt64(c.x)
            let second = UInt64(0xCD9E_8D57) &* UInt64(c.z)
            c = SIMD4(
                UInt32(truncatingIfNeeded: second >> 32) ^ c.y ^ k.x,
                UInt32(truncatingIfNeeded: second),
                UInt32(truncatingIfNeeded: first >> 32) ^ c.w ^ k.y,
                UInt32(truncatingIfNeeded: first))
            k = SIMD2(k.x &+ 0x9E37_79B9, k.y &+ 0xBB67_AE85)
        }
        return c
    }

    public func words(step: UInt64, sample: Int = 0, index: Int) -> SIMD4<UInt32> {
        Philox.block(
            counter: SIMD4(
                UInt32(truncatingIfNeeded: index),
                (UInt32(truncatingIfNeeded: sample) & 0x00FF_FFFF) | stream,
                UInt32(truncatingIfNeeded: step),
                UInt32(truncatingIfNeeded: step >> 32)),
            key: key)
    }

    /// A double in [0, 1) with 53 random bits.
    public func uniform(step: UInt64, sample: Int = 0, index: Int) -> Double {
        let w = words(step: step, sample: sample, index: index)
        return (Double(w.x >> 5) * 67_108_864 + Double(w.y >> 6)) * 0x1p-53
    }

    /// An integer in 0..<bound, for bound in 1...2^31 (bias below bound / 2^64).
    public func integer(below bound: Int, step: UInt64, sample: Int = 0, index: Int) -> Int {
        let w = words(step: step, sample: sample, index: index)
        let bits = UInt64(w.x) << 32 | UInt64(w.y)
        return Int(bits.multipliedFullWidth(by: UInt64(bound)).high)
    }

    /// A standard normal deviate (Box–Muller on two of the block's 53-bit uniforms).
    public func normal(step: UInt64, sample: Int = 0, index: Int) -> Double {
        let w = words(step: step, sample: sample, index: index)
        let u = (Double(w.x >> 5) * 67_108_864 + Double(w.y >> 6) + 1) * 0x1p-53
        let v = (Double(w.z >> 5) * 67_108_864 + Double(w.w >> 6)) * 0x1p-53
        return (-2 * Elementary.log(u)).squareRoot() * Elementary.cosineOfTurns(v)
    }

    /// A permutation of 0..<count (Fisher–Yates).
    public func permutation(_ count: Int, step: UInt64) -> [Int] {
        var order = Array(0..<count)
        guard count > 1 else { return order }
        for i in stride(from: count - 1, through: 1, by: -1) {
            order.swapAt(i, integer(below: i + 1, step: step, index: i))
        }
        return order
    }
}
