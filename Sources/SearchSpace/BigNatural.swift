/// A natural number of any size, just large enough a notion to count a space exactly.
public struct BigNatural: Hashable, Sendable, CustomStringConvertible {
    // Base 10^9, least significant first, no leading zeros.
    private var digits: [UInt32]
    private static let base: UInt64 = 1_000_000_000

    public init(_ value: Int) {
        var rest = UInt64(value.magnitude)
        digits = []
        repeat {
            digits.append(UInt32(rest % BigNatural.base))
            rest /= BigNatural.base
        } while rest > 0
    }

    public static func * (a: BigNatural, b: BigNatural) -> BigNatural {
        var product = [UInt32](repeating: 0, count: a.digits.count + b.digits.count)
        for (i, x) in a.digits.enumerated() {
            var carry: UInt64 = 0
            for (j, y) in b.digits.enumerated() {
                let sum = UInt64(product[i + j]) + UInt64(x) * UInt64(y) + carry
                product[i + j] = UInt32(sum % base)
                carry = sum / base
            }
            product[i + b.digits.count] = UInt32(carry)
        }
        return BigNatural(trimming: product)
    }

    public static func + (a: BigNatural, b: BigNatural) -> BigNatural {
        var sum: [UInt32] = []
        var carry: UInt64 = 0
        for i in 0..<max(a.digits.count, b.digits.count) {
            let x = i < a.digits.count ? UInt64(a.digits[i]) : 0
            let y = i < b.digits.count ? UInt64(b.digits[i]) : 0
            sum.append(UInt32((x + y + carry) % base))
            carry = (x + y + carry) / base
        }
        sum.append(UInt32(carry))
        return BigNatural(trimming: sum)
    }

    private init(trimming digits: [UInt32]) {
        self.digits = digits
        while self.digits.count > 1 && self.digits.last == 0 { self.digits.removeLast() }
    }

    /// All decimal digits.
    public var description: String {
        var text = ""
        for (i, digit) in digits.reversed().enumerated() {
            let part = String(digit)
            text += i == 0 ? part : String(repeating: "0", count: 9 - part.count) + part
        }
        return text
    }

    /// The nearest double; infinity beyond 1.8e308.
    public var approximation: Double {
        digits.reversed().reduce(0) { $0 * Double(BigNatural.base) + Double($1) }
    }
}
