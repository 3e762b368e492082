import Glibc
import ImageData
import Support
import Testing

/// Files in the binary form of CIFAR, made up.
@Suite struct CIFARTests {
    /// A record whose red, green and blue planes count up from different values.
    private func record(_ labels: [UInt8], _ start: Int) -> [UInt8] {
        labels + (0..<3072).map { UInt8(($0 % 1024 / 8 + $0 / 1024 * 50 + start) % 256) }
    }

    private func refuses(_ folder: Folder, _ parts: String...) {
        let error = #expect(throws: FPNASError.self) { try Dataset.load(folder: folder.path) }
        for part in parts {
            #expect(error?.message.contains(part) == true, "\(error?.message ?? "")")
        }
    }

    @Test(arguments: [false, true]) func ten(packed: Bool) throws {
        let folder = try Folder("cifar10-\(packed)")
        func write(_ name: String, _ bytes: [UInt8]) throws {
            try folder.write(name + (packed ? ".gz" : ""), packed ? gzip(bytes) : bytes)
        }
        for file in 0..<5 {
            try write(
                "data_batch_\(file + 1).bin",
                record([UInt8(2 * file)], file) + record([UInt8(2 * file + 1)], 100 + file))
        }
        try write("test_batch.bin", record([7], 9))
        let data = try Dataset.load(folder: folder.path)
        #expect(data.train.labels == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
        #expect(data.test?.labels == [7] && data.train.classNames[3] == "3")
        let (height, width, pixels) = try data.train.pixels(of: 5)
        #expect(height == 32 && width == 32 && data.train.channels == 3)
        for p in [0, 9, 1023] {
            let expected = [0, 50, 100].map { (p / 8 + $0 + 102) % 256 }
            #expect((0..<3).map { Int(pixels[3 * p + $0]) } == expected)
        }
        try folder.write("batches.meta.txt", Array("a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n\n".utf8))
        #expect(try Dataset.load(folder: folder.path).train.classNames[9] == "j")
        try folder.write("batches.meta.txt", Array("a\nb\n".utf8))
        refuses(folder, "batches.meta.txt", "2 class names")
        unlink(folder.path + "/batches.meta.txt")

        try write("data_batch_4.bin", record([6], 3) + record([10], 3))
        refuses(folder, "data_batch_4.bin", "label 10 in record 1")
        try write("data_batch_4.bin", Array(record([6], 3).dropLast()))
        refuses(folder, "data_batch_4.bin", "3072 bytes", "3073")
        unlink(folder.path + "/data_batch_4.bin" + (packed ? ".gz" : ""))
        refuses(folder, "no 'data_batch_4.bin'")
    }

    @Test func hundredByFineLabels() throws {
        let folder = try Folder("cifar100")
        try folder.write(
            "train.bin", (0..<100).flatMap { record([UInt8($0 % 20), UInt8($0)], $0) })
        try folder.write("test.bin.gz", gzip(record([3, 42], 1)))
        let data = try Dataset.load(folder: folder.path)
        #expect(data.train.labels == (0..<100).map { Int32($0) } && data.train.classes == 100)
        #expect(data.test?.labels == [42])
        #expect(try data.train.pixels(of: 7).pixels[0] == 7)
    }
}
