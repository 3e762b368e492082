import CZlib
import Glibc
import ImageData
import Support
import Testing

/// A fresh folder that goes when the test ends.
final class Folder {
    let path: String

    init(_ name: String) throws {
        path = "/tmp/fpnas-images-\(getpid())-\(name)"
        try Files.makeFolder(path)
    }

    func write(_ name: String, _ bytes: [UInt8]) throws {
        if let slash = name.lastIndex(of: "/") { try Files.makeFolder(path + "/" + name[..<slash]) }
        try Files.replace(path + "/" + name, with: bytes)
    }

    deinit { system("rm -rf '\(path)'") }
}

func idx(_ sizes: [Int], _ data: [UInt8]) -> [UInt8] {
    [0, 0, 8, UInt8(sizes.count)]
        + sizes.flatMap { size in [24, 16, 8, 0].map { UInt8(size >> $0 & 255) } } + data
}

func gzip(_ bytes: [UInt8]) -> [UInt8] {
    var stream = z_stream()
    deflateInit2_(
        &stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
        Int32(MemoryLayout<z_stream>.size))
    var input = bytes
    var output = [UInt8](repeating: 0, count: bytes.count + 1000)
    let count = output.count
    let written = input.withUnsafeMutableBufferPointer { source in
        output.withUnsafeMutableBufferPointer { target in
            stream.next_in = source.baseAddress
            stream.avail_in = UInt32(source.count)
            stream.next_out = target.baseAddress
            stream.avail_out = UInt32(count)
            deflate(&stream, Z_FINISH)
            return count - Int(stream.avail_out)
        }
    }
    deflateEnd(&stream)
    return Array(output.prefix(written))
}

@Suite struct ReadingTests {
    private let pixels = (0..<24).map { UInt8($0 * 10) }
    private let images = "train-images-idx3-ubyte"
    private let labels = "train-labels-idx1-ubyte"

    @Test(arguments: [false, true]) func idxFilesAreRead(packed: Bool) throws {
        let folder = try Folder("idx\(packed)")
        let suffix = packed ? ".gz" : ""
        func pack(_ bytes: [UInt8]) -> [UInt8] { packed ? gzip(bytes) : bytes }
        try folder.write(images + suffix, pack(idx([4, 2, 3], pixels)))
        try folder.write(labels + suffix, pack(idx([4], [1, 0, 2, 1])))
        let data = try Dataset.load(folder: folder.path)
        #expect(data.test == nil)
        #expect(data.train.count == 4 && data.train.height == 2 && data.train.width == 3)
        #expect(data.train.channels == 1 && data.train.classes == 3)
        #expect(data.train.labels == [1, 0, 2, 1])
        #expect((0..<24).map { data.train.pixels[$0] } == pixels)
    }

    private func refuses(_ folder: Folder, _ parts: String...) {
        let error = #expect(throws: FPNASError.self) { try Dataset.load(folder: folder.path) }
        for part in parts {
            #expect(error?.message.contains(part) == true, "\(error?.message ?? "")")
        }
    }

    @Test func damagedIDXFilesAreRefusedByName() throws {
        let folder = try Folder("damaged")
        let good = idx([4, 2, 3], pixels)
        try folder.write(labels, idx([4], [1, 0, 2, 1]))
        for count in 0..<good.count {
            try folder.write(images, Array(good.prefix(count)))
            refuses(folder, images)
        }
        try folder.write(images, good + [0])
        refuses(folder, images)
        try folder.write(images, idx([3, 2, 3], Array(pixels.prefix(18))))
        refuses(folder, "3 images", "4 labels")
        try folder.write(images, idx([1 << 31, 1 << 31, 1 << 31], pixels))
        refuses(folder, images)
        try folder.write(images, idx([0, 2, 3], []))
        refuses(folder, "0 images", "4 labels")
        try folder.write(images, good)
        try folder.write(labels, idx([4], [0, 0, 0, 0]))
        refuses(folder, "one class")
    }

    @Test func damagedGzipIsRefused() throws {
        let folder = try Folder("gzip")
        try folder.write(labels, idx([4], [1, 0, 2, 1]))
        let good = gzip(idx([4, 2, 3], pixels))
        for count in 2..<good.count {
            try folder.write(images + ".gz", Array(good.prefix(count)))
            refuses(folder, images)
        }
    }

    @Test func missingPartsAreNamed() throws {
        let folder = try Folder("missing")
        refuses(folder, "train-images-idx3-ubyte", "one folder of PNG images for every class")
        try folder.write(images, idx([4, 2, 3], pixels))
        refuses(folder, labels)
        #expect(throws: FPNASError.self) { try Dataset.load(folder: folder.path + "/none") }
    }

    @Test func theDigitsOfTheProjectAreWhole() throws {
        let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
        let data = try Dataset.load(folder: "/\(root)/data/digits")
        let test = try #require(data.test)
        #expect(data.train.count == 1201 && test.count == 596)
        #expect(data.train.height == 8 && data.train.classes == 10 && test.classes == 10)
    }

    // MARK: - PNG

    struct Fixture {
        let kind: String
        let channels: Int
        let height: Int
        let width: Int
        let file: [UInt8]
        let pixels: [UInt8]
    }

    static func fixtures() throws -> [Fixture] {
        let folder = #filePath.split(separator: "/").dropLast().joined(separator: "/")
        let text = String(decoding: try Files.read("/\(folder)/images.txt"), as: UTF8.self)
        return text.split(separator: "\n").filter { $0.hasPrefix("png ") }.map { line in
            let parts = line.split(separator: ":")
            let head = parts[0].split(separator: " ")
            let digits = Array(parts[1].utf8.filter { $0 != UInt8(ascii: " ") })
            let hex = stride(from: 0, to: digits.count, by: 2).compactMap {
                UInt8(String(decoding: digits[$0..<($0 + 2)], as: UTF8.self), radix: 16)
            }
            return Fixture(
                kind: String(head[1]), channels: Int(head[2]) ?? 0, height: Int(head[3]) ?? 0,
                width: Int(head[4]) ?? 0, file: hex,
                pixels: parts[2].split(separator: " ").compactMap { UInt8($0) })
        }
    }

    @Test func pngImagesOfEveryKindAreRead() throws {
        let folder = try Folder("kinds")
        let fixtures = try ReadingTests.fixtures()
        #expect(fixtures.count == 7)
        for fixture in fixtures {
            try folder.write("\(fixture.kind).png", fixture.file)
            let image = try PNG.read("\(folder.path)/\(fixture.kind).png")
            #expect(image.height == fixture.height && image.width == fixture.width)
            #expect(image.channels == fixture.channels, "\(fixture.kind)")
            let worst = zip(image.pixels, fixture.pixels).map { abs(Int($0) - Int($1)) }.max()
            #expect(worst == 0 && image.pixels.count == fixture.pixels.count, "\(fixture.kind)")
        }
    }

    @Test func classFoldersAreReadInOrder() throws {
        let folder = try Folder("classes")
        let all = try ReadingTests.fixtures()
        let grey = try #require(all.first { $0.kind == "grey" })
        let rgb = try #require(all.first { $0.kind == "rgb" })
        try folder.write("b/2.png", grey.file)
        try folder.write("b/1.png", grey.file)
        try folder.write("a/x.PNG", grey.file)
        try folder.write("a/notes.txt", [1])
        var data = try Dataset.load(folder: folder.path)
        #expect(data.train.labels == [0, 1, 1] && data.train.classNames == ["a", "b"])
        #expect(data.train.channels == 1)
        try folder.write("b/3.png", rgb.file)
        data = try Dataset.load(folder: folder.path)
        #expect(data.train.channels == 3 && data.train.count == 4)
        #expect((36 * 3..<36 * 4).map { data.train.pixels[$0] } == rgb.pixels)

        try folder.write("b/4.png", [1, 2, 3])
        refuses(folder, "b/4.png", "not a PNG")
        // Up to the end of the pixels: libpng does without the last chunk.
        for count in stride(from: 8, to: grey.file.count - 16, by: 5) {
            try folder.write("b/4.png", Array(grey.file.prefix(count)))
            refuses(folder, "b/4.png")
        }
        try folder.write("b/4.png", rgb.file)
        try folder.write("c/notes.txt", [1])
        refuses(folder, "/c'", "no PNG images")
    }

    @Test func imagesOfUnequalSizeAreNamed() throws {
        let folder = try Folder("sizes")
        let grey = try #require(try ReadingTests.fixtures().first { $0.kind == "grey" })
        try folder.write("a/1.png", grey.file)
        // The header's width patched, its checksum with it.
        var wide = grey.file
        wide[19] += 1
        let sum = crc32(0, Array(wide[12..<29]), 17)
        for i in 0..<4 { wide[29 + i] = UInt8(sum >> (24 - 8 * UInt(i)) & 255) }
        try folder.write("b/wide.png", wide)
        refuses(folder, "b/wide.png", "3x5", "3x4")
    }
}
