import Glibc
import ImageData
import Support
import Testing

/// PNG folders: what is kept of them, what is found when, and what is not.
@Suite struct LazyTests {
    private func refuses(
        _ folder: Folder, _ options: LoadingOptions = LoadingOptions(), _ parts: String...
    ) {
        let error = #expect(throws: FPNASError.self) {
            try Dataset.load(folder: folder.path, options)
        }
        for part in parts {
            #expect(error?.message.contains(part) == true, "\(error?.message ?? "")")
        }
    }

    /// Two classes of different images.
    private func folder(_ name: String, images: Int = 3) throws -> Folder {
        let folder = try Folder(name)
        for i in 0..<images {
            for label in 0..<2 {
                let pixels = (0..<12).map { UInt8($0 * 20 + i * 2 + label) }
                try folder.write("\(label)/\(i).png", png(3, 4, pixels))
            }
        }
        return folder
    }

    @Test func unequalSizesAreResizedByOption() throws {
        let folder = try folder("unequal")
        try folder.write("1/large.png", png(6, 8, [UInt8](repeating: 100, count: 48)))
        refuses(folder, LoadingOptions(), "1/large.png", "6x8", "3x4")
        var options = LoadingOptions()
        options.resizesUnequal = true
        let set = try Dataset.load(folder: folder.path, options).train
        #expect(!set.hasOneSize && set.count == 7 && set.isLazy)
        #expect(try set.pixels(of: 6).height == 6 && set.pixels(of: 0).width == 4)
        let preprocessor = try Preprocessor(height: 2, width: 2, measuring: set, [6], seed: 1)
        #expect(abs(preprocessor.means[0] - 100.0 / 255) < 1e-6)
        let batch = try Buffer<Float>(8, of: "test")
        try preprocessor.fill(
            batch.pointer, from: set, [0, 6], augmentation: nil, ImageWorkers(threads: 2))
        #expect((4..<8).allSatisfy { abs(batch[$0]) < 1e-2 } && batch[0] < -1)
    }

    /// What cannot be seen in a header is found by the check, or when the image is needed.
    @Test func damagedPixelsAreNamed() throws {
        let folder = try folder("damaged")
        let whole = png(3, 4, (0..<12).map { UInt8($0 * 3) })
        var check = LoadingOptions()
        check.checksFiles = true
        check.threads = 2
        _ = try Dataset.load(folder: folder.path, check)
        // Up to the end of the pixels: libpng does without the last chunk.
        for count in stride(from: 33, to: whole.count - 16, by: 3) {
            try folder.write("1/bad.png", Array(whole.prefix(count)))
            let set = try Dataset.load(folder: folder.path).train
            #expect(set.count == 7)
            let error = #expect(throws: FPNASError.self) { try set.pixels(of: 6) }
            #expect(error?.message.contains("1/bad.png") == true && error?.code == .format)
            refuses(folder, check, "1/bad.png")
        }
        for k in 41..<(whole.count - 16) {
            var bytes = whole
            bytes[k] ^= 4
            try folder.write("1/bad.png", bytes)
            refuses(folder, check, "1/bad.png")
        }
    }

    @Test func theCheckFindsTwins() throws {
        let folder = try folder("twins")
        var check = LoadingOptions()
        check.checksFiles = true
        let twin = try Files.read(folder.path + "/0/1.png")
        try folder.write("1/x.png", twin)
        _ = try Dataset.load(folder: folder.path)
        refuses(folder, check, "0/1.png' and ", "1/x.png' are the same image in two classes")
        unlink(folder.path + "/1/x.png")
        try folder.write("0/x.png", twin)
        refuses(folder, check, "0/1.png' and ", "0/x.png' are the same image")
        unlink(folder.path + "/0/x.png")
        // Across the training and the test set.
        let parts = try Folder("twin-parts")
        for part in ["train", "test"] {
            for label in 0..<2 {
                let pixels = [UInt8](repeating: UInt8(part.utf8.count + 9 * label), count: 4)
                try parts.write("\(part)/\(label)/1.png", png(2, 2, pixels))
            }
        }
        _ = try Dataset.load(folder: parts.path, check)
        try parts.write("test/1/2.png", png(2, 2, [5, 5, 5, 5]))
        refuses(parts, check, "train/0/1.png", "test/1/2.png", "two classes")
    }

    @Test func strayAndForeignImagesAreNamed() throws {
        let folder = try folder("stray")
        try folder.write("0/photo.JPG", [1])
        refuses(folder, LoadingOptions(), "0/photo.JPG", "another kind than PNG")
        unlink(folder.path + "/0/photo.JPG")
        try folder.write("lost.png", png(3, 4, [UInt8](repeating: 0, count: 12)))
        refuses(folder, LoadingOptions(), "/lost.png' has no class")
        unlink(folder.path + "/lost.png")
        try folder.write("0/inner.png/x", [1])
        refuses(folder, LoadingOptions(), "0/inner.png' is not a regular file")
        system("rm -r '\(folder.path)/0/inner.png'")
        mkfifo(folder.path + "/0/pipe.png", 0o600)
        refuses(folder, LoadingOptions(), "0/pipe.png' is not a regular file")
        let files = try Folder("stray-idx")
        mkfifo(files.path + "/train-images-idx3-ubyte", 0o600)
        try files.write("train-labels-idx1-ubyte", idx([1], [0]))
        refuses(files, LoadingOptions(), "train-images-idx3-ubyte' is not a regular file")
    }

    @Test func filesThatChangeOrVanishAreNamed() throws {
        let folder = try folder("vanish")
        let set = try Dataset.load(folder: folder.path).train
        try folder.write("0/1.png", png(4, 4, [UInt8](repeating: 0, count: 16)))
        var error = #expect(throws: FPNASError.self) { try set.pixels(of: 1) }
        #expect(error?.message.contains("0/1.png' has 4x4 pixels, it had 3x4") == true)
        system("rm -rf '\(folder.path)'")
        let preprocessor = try? Preprocessor(height: 3, width: 4, measuring: set, [5, 3], seed: 1)
        #expect(preprocessor == nil)
        error = #expect(throws: FPNASError.self) { try set.pixels(of: 5) }
        #expect(error?.code == .io && error?.message.contains("1/2.png") == true)
    }

    /// The lowest place of a batch that fails is named, whichever thread is first.
    @Test func theFirstBadImageOfABatchIsNamed() throws {
        let folder = try folder("first", images: 8)
        let set = try Dataset.load(folder: folder.path).train
        let preprocessor = try Preprocessor(height: 3, width: 4, measuring: set, [0], seed: 1)
        for i in [3, 5, 12] { unlink(folder.path + "/\(i / 8)/\(i % 8).png") }
        let batch = try Buffer<Float>(16 * 12, of: "test")
        let all = (0..<Int32(16)).map { $0 }
        for threads in [1, 2, 5] {
            let error = #expect(throws: FPNASError.self) {
                try preprocessor.fill(
                    batch.pointer, from: set, all[...], augmentation: 1,
                    ImageWorkers(threads: threads))
            }
            #expect(error?.message.contains("0/3.png") == true)
        }
    }

    @Test func memoryHasALimit() throws {
        var options = LoadingOptions()
        options.memoryLimit = 100
        let folder = try Folder("limit")
        let black = [UInt8](repeating: 0, count: 108)
        try folder.write("train-images-idx3-ubyte", idx([9, 3, 4], black))
        try folder.write("train-labels-idx1-ubyte", idx([9], [0, 1, 0, 1, 0, 1, 0, 1, 0]))
        refuses(folder, options, "train-images", "needs 108 bytes", "image_memory leaves 100")
        options.memoryLimit = 108
        #expect(try Dataset.load(folder: folder.path, options).train.count == 9)
        // Of PNG files: the largest file and its pixels, once a thread.
        let files = try self.folder("limit-png")
        let size = try Files.read(files.path + "/0/0.png").count
        options.threads = 3
        options.memoryLimit = 3 * (size + 12) + 30
        #expect(try Dataset.load(folder: files.path, options).train.count == 6)
        options.threads = 4
        refuses(files, options, "0/", "image_memory leaves")
    }
}
