import CPNG
import Support

/// PNG images, decoded and encoded by libpng.
public enum PNG {
    static let pixelLimit = 1 << 26

    struct Header {
        let height: Int
        let width: Int
        let isColour: Bool
    }

    /// Size and kind of an image; `name` is what messages call it.
    static func header(_ bytes: [UInt8], name: String) throws(FPNASError) -> Header {
        var png = unsafe fpnas_priv_png()
        guard unsafe fpnas_priv_png_probe(bytes, bytes.count, &png) != 0 else {
            throw unsafe failure(&png, name)
        }
        let (height, width) = unsafe (Int(png.height), Int(png.width))
        guard height * width <= pixelLimit else {
            throw FPNASError(.format, "'\(name)' has \(height)x\(width) pixels, too many")
        }
        return unsafe Header(height: height, width: width, isColour: png.is_colour != 0)
    }

    /// Decodes into memory of height · width · channels bytes; alpha is composed on black.
    static func decode(
        _ bytes: [UInt8], channels: Int, into out: UnsafeMutablePointer<UInt8>, name: String
    ) throws(FPNASError) {
        var png = unsafe fpnas_priv_png()
        guard unsafe fpnas_priv_png_decode(bytes, bytes.count, Int32(channels), out, &png) != 0
        else { throw unsafe failure(&png, name) }
    }

    /// All pixels of an image: grey (channels 1) or RGB (3).
    public static func read(
        _ path: String
    ) throws(FPNASError) -> (height: Int, width: Int, channels: Int, pixels: [UInt8]) {
        let bytes = try Files.read(path, limit: 1 << 30)
        let header = try header(bytes, name: path)
        let channels = header.isColour ? 3 : 1
        let buffer = try Buffer<UInt8>(header.height * header.width * channels, of: "an image")
        try unsafe decode(bytes, channels: channels, into: buffer.pointer, name: path)
        return unsafe (header.height, header.width, channels, Array(buffer.elements))
    }

    private static func failure(_ png: inout fpnas_priv_png, _ name: String) -> FPNASError {
        let reason = unsafe png.error.map { unsafe String(cString: $0) } ?? "unknown error"
        return FPNASError(.format, "'\(name)' is not a PNG image that can be read: \(reason)")
    }
}
