import CPNG
import Support

/// A colour, 8 bits a channel.
public struct Colour: Hashable, Sendable {
    public let red: UInt8
    public let green: UInt8
    public let blue: UInt8

    public init(_ red: UInt8, _ green: UInt8, _ blue: UInt8) {
        self.red = red
        self.green = green
        self.blue = blue
    }

    public static let paper = Colour(255, 255, 255)
    public static let ink = Colour(28, 32, 38)
    public static let faint = Colour(140, 147, 156)
    public static let rule = Colour(222, 226, 231)
    public static let accent = Colour(20, 88, 150)
    public static let warm = Colour(204, 92, 36)

    /// A share of the way to another colour; shares outside [0, 1] and NaN are clamped.
    func mixed(with other: Colour, _ share: Double) -> Colour {
        let t = share > 0 ? min(share, 1) : 0
        func mix(_ a: UInt8, _ b: UInt8) -> UInt8 {
            UInt8((Double(a) + (Double(b) - Double(a)) * t).rounded())  // within 0…255
        }
        return Colour(mix(red, other.red), mix(green, other.green), mix(blue, other.blue))
    }
}

/// A picture in memory; whatever falls outside of it is cut off.
public struct Canvas: Sendable {
    public let width: Int
    public let height: Int
    /// RGB, row by row.
    public private(set) var pixels: [UInt8]

    static let maximumWidth = 8192
    static let maximumHeight = 16384

    /// Sizes are clamped to 1…8192 × 1…16384.
    public init(width: Int, height: Int, background: Colour = .paper) {
        self.width = min(max(width, 1), Canvas.maximumWidth)
        self.height = min(max(height, 1), Canvas.maximumHeight)
        pixels = []
        pixels.reserveCapacity(self.width * self.height * 3)
        for _ in 0..<(self.width * self.height) {
            pixels += [background.red, background.green, background.blue]
        }
    }

    mutating func set(_ x: Int, _ y: Int, _ colour: Colour) {
        guard x >= 0, x < width, y >= 0, y < height else { return }
        let i = (y * width + x) * 3
        pixels[i] = colour.red
        pixels[i + 1] = colour.green
        pixels[i + 2] = colour.blue
    }

    mutating func fill(x: Int, y: Int, width w: Int, height h: Int, _ colour: Colour) {
        let rows = max(y, 0)..<max(min(y + h, height), max(y, 0))
        let columns = max(x, 0)..<max(min(x + w, width), max(x, 0))
        for row in rows { for column in columns { set(column, row, colour) } }
    }

    mutating func frame(
        x: Int, y: Int, width w: Int, height h: Int, thickness t: Int, _ colour: Colour
    ) {
        fill(x: x, y: y, width: w, height: t, colour)
        fill(x: x, y: y + h - t, width: w, height: t, colour)
        fill(x: x, y: y, width: t, height: h, colour)
        fill(x: x + w - t, y: y, width: t, height: h, colour)
    }

    /// A line of two pixels' width.
    mutating func line(from a: (x: Int, y: Int), to b: (x: Int, y: Int), _ colour: Colour) {
        let steps = max(abs(b.x - a.x), abs(b.y - a.y), 1)
        for i in 0...steps {
            let x = a.x + (b.x - a.x) * i / steps
            let y = a.y + (b.y - a.y) * i / steps
            fill(x: x, y: y, width: 2, height: 2, colour)
        }
    }

    mutating func text(_ text: String, x: Int, y: Int, scale: Int = 1, _ colour: Colour) {
        for (place, character) in text.prefix(512).enumerated() {
            let left = x + place * BitmapFont.advance * scale
            for (column, bits) in BitmapFont.columns(of: character).enumerated() {
                for row in 0..<BitmapFont.height where bits >> row & 1 == 1 {
                    fill(
                        x: left + column * scale, y: y + row * scale, width: scale, height: scale,
                        colour)
                }
            }
        }
    }

    static func textWidth(_ text: String, scale: Int = 1) -> Int {
        max(text.count * BitmapFont.advance - 1, 0) * scale
    }

    /// The picture as a PNG file in memory.
    public func encoded() throws(FPNASError) -> [UInt8] {
        var size = 0
        let (w, h) = (UInt32(width), UInt32(height))
        _ = unsafe fpnas_priv_png_encode(pixels, w, h, nil, &size)
        let buffer = try Buffer<UInt8>(size, of: "a PNG image")
        guard unsafe fpnas_priv_png_encode(pixels, w, h, buffer.pointer, &size) != 0 else {
            throw FPNASError(.io, "a picture of \(width)x\(height) pixels cannot be encoded")
        }
        return unsafe Array(buffer.elements.prefix(size))
    }

    /// Replaces the file as a whole.
    public func save(_ path: String) throws(FPNASError) {
        try Files.replace(path, with: try encoded())
    }
}
