import CZlib
import ImageData
import Support
import Testing

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
        #expect(try (0..<4).flatMap { try data.train.pixels(of: $0).pixels } == pixels)
        #expect(!data.train.isLazy && data.train.name(of: 2) == "image 2")
    }

    @Test func idxFilesMayHaveChannels() throws {
        let folder = try Folder("idx4")
        let colour = "train-images-idx4-ubyte"
        try folder.write(labels, idx([2], [1, 0]))
        try folder.write(colour, idx([2, 2, 2, 3], pixels))
        let train = try Dataset.load(folder: folder.path).train
        #expect(train.count == 2 && train.height == 2 && train.width == 2 && train.channels == 3)
        #expect(try (0..<2).flatMap { try train.pixels(of: $0).pixels } == pixels)
        try folder.write(colour, idx([2, 2, 3, 2], pixels))
        refuses(folder, colour, "2 images of 2x3x2")
        try folder.write(colour, idx([2, 2, 2, 3], Array(pixels.prefix(23))))
        refuses(folder, colour)
        try folder.write(colour, idx([2, 12], pixels))
        refuses(folder, colour, "3 or 4 dimensions")
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
        try folder.write(labels, idx([4], [0, 1, 3, 1]))
        refuses(folder, "4 classes", "no image of class '2'")
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
        try fixtureLines("png").map { parts in
            let head = parts[0]
            let digits = Array(parts[1].joined().utf8)
            let hex = stride(from: 0, to: digits.count, by: 2).compactMap {
                UInt8(String(decoding: digits[$0..<($0 + 2)], as: UTF8.self), radix: 16)
            }
            return Fixture(
                kind: String(head[1]), channels: Int(head[2]) ?? 0, height: Int(head[3]) ?? 0,
                width: Int(head[4]) ?? 0, file: hex,
                pixels: parts[2].compactMap { UInt8($0) })
        }
    }

    @Test func pngImagesOfEveryKindAreRead() throws {
        let folder = try Folder("kinds")
        let fixtures = try ReadingTests.fixtures()
        #expect(fixtures.count == 9)
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
        #expect(try data.train.pixels(of: 3).pixels == rgb.pixels)
        // Grey fills all three channels.
        #expect(try data.train.pixels(of: 0).pixels == grey.pixels.flatMap { [$0, $0, $0] })
        #expect(data.train.name(of: 3) == "'\(folder.path)/b/3.png'")

        try folder.write("b/4.png", [1, 2, 3])
        refuses(folder, "b/4.png", "not those of a PNG")
        try folder.write("b/4.png", [])
        refuses(folder, "b/4.png' is empty")
        for count in 8..<33 {
            try folder.write("b/4.png", Array(grey.file.prefix(count)))
            refuses(folder, "b/4.png", "ends in its header")
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
        refuses(folder, "b/wide.png", "3x5", "3x4", "resize_unequal")
        wide[30] ^= 1
        try folder.write("b/wide.png", wide)
        refuses(folder, "b/wide.png", "checksum of its header")
    }
}
