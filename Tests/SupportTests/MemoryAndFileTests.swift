import Glibc
import Support
import Testing

@Suite struct MemoryAndFileTests {
    @Test func productsThatOverflowAreRefused() {
        #expect(throws: FPNASError.self) { try checkedProduct(1 << 40, 1 << 40, of: "x") }
        #expect(throws: FPNASError.self) { try checkedProduct(-1, 2, of: "x") }
        #expect((try? checkedProduct(3, 4, 5, of: "x")) == 60)
    }

    @Test func memoryThatIsNotThereIsAnError() {
        #expect(throws: FPNASError.self) { try Buffer<Double>(1 << 55, of: "too much") }
        #expect(throws: FPNASError.self) { try Buffer<Double>(.max, of: "too much") }
    }

    @Test func buffersAreZeroAndAligned() throws {
        let buffer = try Buffer<Float>(1000, of: "test")
        #expect(UInt(bitPattern: buffer.pointer) % 64 == 0)
        #expect(buffer.elements.allSatisfy { $0 == 0 })
    }

    @Test func filesAreReplacedAsAWhole() throws {
        let folder = "/tmp/fpnas-support-\(getpid())/a/b"
        try Files.makeFolder(folder)
        let path = folder + "/file"
        try Files.replace(path, with: [1, 2, 3])
        try Files.replace(path, with: [4])
        #expect(try Files.read(path) == [4])
        #expect(throws: FPNASError.self) { try Files.replace(folder + "/no/such", with: [1]) }
        #expect(throws: FPNASError.self) { try Files.read(folder + "/none") }
        #expect(throws: FPNASError.self) { try Files.read(folder) }
        #expect(throws: FPNASError.self) { try Files.read(path, limit: 0) }
        // What could not be replaced is as it was, and nothing is left beside it.
        let full = folder + "/full"
        try Files.makeFolder(full + "/inside")
        let error = #expect(throws: FPNASError.self) { try Files.replace(full, with: [1]) }
        #expect(error?.code == .io && error?.message.contains("'\(full)'") == true)
        #expect(Files.exists(full + "/inside"))
        try Files.replace(path, with: [])
        #expect(try Files.read(path) == [])
        let names = directory(folder)
        #expect(names == ["file", "full"])
    }

    private func directory(_ path: String) -> [String] {
        var names: [String] = []
        guard let folder = opendir(path) else { return names }
        defer { closedir(folder) }
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names.sorted()
    }

    /// Counts that lie, and memory of another size.
    @Test func wrongCountsAreRefused() throws {
        for count in [-1, 3, Int.max, Int.min] {
            var writer = ByteWriter()
            writer.put(count)
            writer.put(0.5)
            writer.put(0.5)
            func refuses(_ read: (inout ByteReader) throws -> Void) {
                var reader = ByteReader(writer.bytes[...], name: "file")
                let error = #expect(throws: FPNASError.self) { try read(&reader) }
                #expect(error?.code == .format && error?.message.contains("'file'") == true)
            }
            refuses { _ = try $0.takeDoubles() }
            if count != 3 {
                refuses { _ = try $0.takeInt32s() }
                refuses { _ = try $0.takeBytes() }
                refuses { _ = try $0.takeString() }
            }
            refuses { _ = try $0.takeInt(0...2) }
            let target = try Buffer<Double>(2, of: "target")
            refuses { try $0.fill(target.elements) }
        }
        var writer = ByteWriter()
        writer.put([UInt8(0xFF), 0xFE])
        var reader = ByteReader(writer.bytes[...], name: "file")
        #expect(throws: FPNASError.self) { try reader.takeString() }
        var two = ByteReader([2], name: "file")
        #expect(throws: FPNASError.self) { try two.takeBool() }
    }

    @Test func bytesRoundTripAndEveryTruncationIsRefused() throws {
        var writer = ByteWriter()
        writer.put(UInt8(7))
        writer.put(UInt32(0xDEAD_BEEF))
        writer.put(-5)
        writer.put(true)
        writer.put(Double.pi)
        writer.put("größe")
        writer.put([1.5, -.infinity])
        writer.put([Int32(-1), 2])
        func read(_ bytes: [UInt8]) throws {
            var reader = ByteReader(bytes[...], name: "test")
            #expect(try reader.take(UInt8.self) == 7)
            #expect(try reader.take(UInt32.self) == 0xDEAD_BEEF)
            #expect(try reader.takeInt() == -5)
            #expect(try reader.takeBool())
            #expect(try reader.takeDouble() == .pi)
            #expect(try reader.takeString() == "größe")
            #expect(try reader.takeDoubles() == [1.5, -.infinity])
            #expect(try reader.takeInt32s() == [-1, 2])
            try reader.finish()
        }
        try read(writer.bytes)
        #expect(throws: FPNASError.self) { try read(writer.bytes + [0]) }
        for count in 0..<writer.bytes.count {
            var reader = ByteReader(writer.bytes[..<count], name: "test")
            #expect(throws: FPNASError.self) {
                _ = try reader.take(UInt8.self)
                _ = try reader.take(UInt32.self)
                _ = try reader.takeInt()
                _ = try reader.takeBool()
                _ = try reader.takeDouble()
                _ = try reader.takeString()
                _ = try reader.takeDoubles()
                _ = try reader.takeInt32s()
            }
        }
    }

    @Test func decimals() {
        #expect(decimal(3.14159, 2) == "3.14")
        #expect(decimal(-0.004, 2) == "0.00")
        #expect(decimal(-1.005, 1) == "-1.0")
        #expect(decimal(0.05, 1) == "0.1")
        #expect(decimal(1234, 0) == "1234")
        #expect(decimal(.infinity, 2) == "inf")
    }
}
