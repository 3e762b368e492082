/// Builds a little-endian byte sequence.
public struct ByteWriter {
    public private(set) var bytes: [UInt8] = []

    public init() {}

    public mutating func put<T: FixedWidthInteger>(_ value: T) {
        var rest = value
        for _ in 0..<MemoryLayout<T>.size {
            bytes.append(UInt8(truncatingIfNeeded: rest))
            rest = T.bitWidth > 8 ? rest >> 8 : 0
        }
    }

    public mutating func put(_ value: Int) { put(Int64(value)) }
    public mutating func put(_ value: Bool) { put(UInt8(value ? 1 : 0)) }
    public mutating func put(_ value: Double) { put(value.bitPattern) }

    /// A count, then the bytes.
    public mutating func put(_ values: [UInt8]) {
        put(values.count)
        bytes += values
    }

    public mutating func put(_ text: String) { put(Array(text.utf8)) }

    public mutating func put(_ values: [Double]) {
        put(values.count)
        for value in values { put(value) }
    }

    public mutating func put(_ values: [Int32]) {
        put(values.count)
        for value in values { put(value) }
    }

    /// A count, then the memory as it lies, on the little-endian machines this library is for.
    public mutating func put<T: BitwiseCopyable>(_ values: UnsafeBufferPointer<T>) {
        put(values.count)
        unsafe bytes.append(contentsOf: UnsafeRawBufferPointer(values))
    }
}

/// Reads what `ByteWriter` wrote, trusting nothing.
public struct ByteReader {
    private let bytes: ArraySlice<UInt8>
    private var place: Int
    private let name: String

    /// `name` is the file or buffer that messages speak of.
    public init(_ bytes: ArraySlice<UInt8>, name: String) {
        self.bytes = bytes
        place = bytes.startIndex
        self.name = name
    }

    public var remaining: Int { bytes.endIndex - place }

    public func damaged(_ what: String) -> FPNASError {
        FPNASError(.format, "'\(name)' is damaged: \(what)")
    }

    public mutating func take<T: FixedWidthInteger>(_ type: T.Type) throws(FPNASError) -> T {
        let size = MemoryLayout<T>.size
        guard remaining >= size else { throw damaged("it ends early") }
        var value: T = 0
        for i in (0..<size).reversed() {
            value = (T.bitWidth > 8 ? value << 8 : 0) | T(truncatingIfNeeded: bytes[place + i])
        }
        place += size
        return value
    }

    public mutating func takeInt(_ range: ClosedRange<Int> = .min ... .max) throws(FPNASError)
        -> Int
    {
        let value = Int(try take(Int64.self))
        guard range.contains(value) else { throw damaged("\(value) is out of range") }
        return value
    }

    public mutating func takeBool() throws(FPNASError) -> Bool {
        let value = try take(UInt8.self)
        guard value <= 1 else { throw damaged("\(value) is not 0 or 1") }
        return value == 1
    }

    public mutating func takeDouble() throws(FPNASError) -> Double {
        Double(bitPattern: try take(UInt64.self))
    }

    public mutating func takeBytes() throws(FPNASError) -> ArraySlice<UInt8> {
        let count = try takeInt()
        guard count >= 0, count <= remaining else { throw damaged("it ends early") }
        defer { place += count }
        return bytes[place..<(place + count)]
    }

    public mutating func takeString() throws(FPNASError) -> String {
        guard let text = String(validating: try takeBytes(), as: UTF8.self) else {
            throw damaged("a text is not UTF-8")
        }
        return text
    }

    public mutating func takeDoubles() throws(FPNASError) -> [Double] {
        let count = try takeInt()
        guard count >= 0, count <= remaining / 8 else { throw damaged("it ends early") }
        var values: [Double] = []
        values.reserveCapacity(count)
        for _ in 0..<count { values.append(try takeDouble()) }
        return values
    }

    public mutating func takeInt32s() throws(FPNASError) -> [Int32] {
        let count = try takeInt()
        guard count >= 0, count <= remaining / 4 else { throw damaged("it ends early") }
        var values: [Int32] = []
        values.reserveCapacity(count)
        for _ in 0..<count { values.append(try take(Int32.self)) }
        return values
    }

    /// Fills memory of exactly the size that was written.
    public mutating func fill<T: BitwiseCopyable>(
        _ target: UnsafeMutableBufferPointer<T>
    ) throws(FPNASError) {
        let count = try takeInt()
        guard count == target.count, remaining / MemoryLayout<T>.stride >= count else {
            throw damaged("\(count) values where \(target.count) belong")
        }
        let size = count * MemoryLayout<T>.stride
        unsafe UnsafeMutableRawBufferPointer(target).copyBytes(from: bytes[place..<(place + size)])
        place += size
    }

    public func finish() throws(FPNASError) {
        guard remaining == 0 else { throw damaged("\(remaining) bytes too many") }
    }
}
