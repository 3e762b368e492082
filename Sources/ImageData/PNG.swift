import CPNG
import CZlib
import Support

/// PNG images, decoded and encoded by libpng.
public enum PNG {
    /// Most pixels of an image, and most rows or columns.
    static let pixelLimit = 1 << 26
    static let sideLimit = 1 << 15
    /// Most bytes of a file.
    static let fileLimit = 1 << 30
    /// Signature and first chunk, which tell an image's size and kind.
    static let headerSize = 33

    struct Header: Equatable {
        let height: Int
        let width: Int
        /// Of the colour types RGB, palette and RGBA.
        let isColour: Bool
    }

    /// Reads and checks the first `headerSize` bytes; `name` is what messages call the image.
    static func header(
        _ bytes: UnsafePointer<UInt8>, _ count: Int, name: String
    ) throws(FPNASError) -> Header {
        guard count > 0 else { throw FPNASError(.format, "'\(name)' is empty") }
        let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
        let start: [UInt8] = signature + [0, 0, 0, 13, 0x49, 0x48, 0x44, 0x52]
        for i in 0..<min(count, start.count) where unsafe bytes[i] != start[i] {
            throw refused(name, "its first bytes are not those of a PNG file")
        }
        guard count >= headerSize else { throw refused(name, "it ends in its header") }
        func word(_ at: Int) -> UInt32 {
            (0..<4).reduce(0) { unsafe $0 << 8 | UInt32(bytes[at + $1]) }
        }
        // The chunk's type and 13 bytes of data.
        guard unsafe crc32(0, bytes + 12, 17) == UInt(word(29)) else {
            throw refused(name, "the checksum of its header is wrong")
        }
        let (width, height) = (Int(word(16)), Int(word(20)))
        guard (1...sideLimit).contains(width), (1...sideLimit).contains(height),
            height * width <= pixelLimit
        else {
            throw FPNASError(
                .format,
                "'\(name)' has \(height)x\(width) pixels; at most \(sideLimit) rows and columns "
                    + "and \(pixelLimit) pixels are read")
        }
        return unsafe Header(height: height, width: width, isColour: bytes[25] & 2 != 0)
    }

    /// Decodes into height · width · channels bytes of the scratch's memory.
    ///
    /// Palettes become RGB and 1, 2 or 4 bits 8; 16 bits are rounded to 8; a gamma other than
    /// sRGB's is converted; alpha is composed on black, round(value · alpha / 255), as Pillow and
    /// browsers compose; RGB becomes grey by luminance where `channels` is 1, and grey fills all
    /// of 3.
    static func decode(
        _ bytes: UnsafePointer<UInt8>, _ count: Int, _ header: Header, channels: Int,
        _ scratch: ImageScratch, name: String
    ) throws(FPNASError) -> UnsafeMutablePointer<UInt8> {
        var png = unsafe fpnas_priv_png()
        let pixels = header.height * header.width
        // Few images have alpha, which takes a byte more a pixel and is known to libpng alone.
        for room in [pixels * channels, pixels * (channels + 1)] {
            let out = try unsafe scratch.pixels(room)
            switch unsafe fpnas_priv_png_decode(bytes, count, Int32(channels), out, room, &png) {
            case 1: return unsafe out
            case 0:
                throw refused(
                    name, unsafe png.error.map { unsafe String(cString: $0) } ?? "unknown error")
            default: continue
            }
        }
        throw refused(name, "it is larger than its header says")
    }

    /// All pixels of an image: grey (channels 1) or RGB (3).
    public static func read(
        _ path: String
    ) throws(FPNASError) -> (height: Int, width: Int, channels: Int, pixels: [UInt8]) {
        let scratch = ImageScratch()
        let file = try PNGFile(path)
        let bytes = try unsafe file.read(scratch)
        let header = try unsafe header(bytes, file.size, name: path)
        let channels = header.isColour ? 3 : 1
        let size = header.height * header.width * channels
        let pixels = try unsafe decode(
            bytes, file.size, header, channels: channels, scratch, name: path)
        return unsafe (
            header.height, header.width, channels,
            Array(UnsafeBufferPointer(start: pixels, count: size))
        )
    }

    private static func refused(_ name: String, _ why: String) -> FPNASError {
        FPNASError(.format, "'\(name)' is not a PNG image that can be read: \(why)")
    }
}
