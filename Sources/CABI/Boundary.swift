import CSupport
import Support

/// The only place where errors become status codes.
func boundary(_ body: () throws(FPNASError) -> Void) -> Int32 {
    do throws(FPNASError) {
        try body()
        return 0
    } catch {
        unsafe fpnas_priv_error_set(error.message)
        return error.code.rawValue
    }
}

/// Sets outputs of one value to 0 or NULL, which they stay if the call fails. First of all in a
/// function: also a bad handle is a failure.
func clear<each T: BitwiseCopyable>(_ outputs: repeat UnsafeMutablePointer<each T>?) {
    func zero<U: BitwiseCopyable>(_ output: UnsafeMutablePointer<U>?) {
        guard let output = unsafe output else { return }
        // Byte by byte: misaligned memory is refused only later.
        unsafe UnsafeMutableRawPointer(output).initializeMemory(
            as: UInt8.self, repeating: 0, count: MemoryLayout<U>.size)
    }
    repeat unsafe zero(each outputs)
}

/// A caller's array. NULL is allowed for no elements only; misaligned memory is refused.
func input<T>(
    _ pointer: UnsafePointer<T>?, _ count: Int, _ name: String
) throws(FPNASError) -> UnsafeBufferPointer<T> {
    guard count >= 0, count <= Int.max / max(MemoryLayout<T>.stride, 1) else {
        throw .invalid("the count of \(name) is too large: \(UInt(bitPattern: count))")
    }
    guard let pointer = unsafe pointer else {
        guard count == 0 else { throw .invalid("\(name) is NULL, \(count) values are needed") }
        return unsafe UnsafeBufferPointer(start: nil, count: 0)
    }
    guard UInt(bitPattern: pointer) % UInt(MemoryLayout<T>.alignment) == 0 else {
        throw .invalid("\(name) is not aligned to \(MemoryLayout<T>.alignment) bytes")
    }
    return unsafe UnsafeBufferPointer(start: pointer, count: count)
}

/// A copy of a caller's array.
func array<T>(
    _ pointer: UnsafePointer<T>?, _ count: Int, _ name: String
) throws(FPNASError) -> [T] {
    let values = try unsafe input(pointer, count, name)
    return unsafe Array(values)
}

/// A caller's single output, which must be there.
func output<T>(
    _ pointer: UnsafeMutablePointer<T>?, _ name: String
) throws(FPNASError) -> UnsafeMutablePointer<T> {
    guard let pointer = unsafe pointer else { throw .invalid("\(name) is NULL") }
    guard UInt(bitPattern: pointer) % UInt(MemoryLayout<T>.alignment) == 0 else {
        throw .invalid("\(name) is not aligned to \(MemoryLayout<T>.alignment) bytes")
    }
    return unsafe pointer
}

/// Hands a new object out.
func putHandle<T: Handled>(
    _ pointer: UnsafeMutablePointer<OpaquePointer?>?, _ name: String,
    _ make: () throws(FPNASError) -> T
) throws(FPNASError) {
    let pointer = try unsafe output(pointer, name)
    unsafe pointer.pointee = try makeHandle(try make())
}

/// A NUL-terminated UTF-8 string of at most a mebibyte.
func string(_ pointer: UnsafePointer<CChar>?, _ name: String) throws(FPNASError) -> String {
    guard let pointer = unsafe pointer else { throw .invalid("\(name) is NULL") }
    let limit = 1 << 20
    var length = 0
    while unsafe pointer[length] != 0 {
        length += 1
        guard length <= limit else { throw .invalid("\(name) is longer than \(limit) bytes") }
    }
    let bytes = unsafe UnsafeRawBufferPointer(start: pointer, count: length)
    guard let text = unsafe String(validating: bytes, as: UTF8.self) else {
        throw FPNASError(.utf8, "\(name) is not UTF-8")
    }
    return text
}

/// A caller's single output, which may be left out.
func optional<T>(
    _ pointer: UnsafeMutablePointer<T>?, _ name: String
) throws(FPNASError) -> UnsafeMutablePointer<T>? {
    try unsafe pointer.map { (pointer) throws(FPNASError) in try unsafe output(pointer, name) }
}

/// Checks that a caller's buffer of `capacity` elements takes `count`, and says how many are needed.
func requireRoom<T>(
    _ count: Int, _ out: UnsafeMutablePointer<T>?, _ capacity: Int,
    _ needed: UnsafeMutablePointer<Int>?
) throws(FPNASError) {
    let needed = try unsafe optional(needed, "needed")
    if capacity >= count && count > 0 { _ = try unsafe output(out, "out") }
    if let needed = unsafe needed { unsafe needed.pointee = count }
    guard capacity >= count else {
        throw FPNASError(
            .buffer, "the buffer has room for \(capacity) values, \(count) are needed")
    }
}

/// Copies values to a caller's buffer of `capacity` elements, or says how many are needed.
func put<T: BitwiseCopyable>(
    _ values: UnsafeBufferPointer<T>, _ out: UnsafeMutablePointer<T>?, _ capacity: Int,
    _ needed: UnsafeMutablePointer<Int>?
) throws(FPNASError) {
    try unsafe requireRoom(values.count, out, capacity, needed)
    guard let out = unsafe out, let start = values.baseAddress else { return }
    unsafe out.update(from: start, count: values.count)
}

/// As above for an array.
func put<T: BitwiseCopyable>(
    _ values: [T], _ out: UnsafeMutablePointer<T>?, _ capacity: Int,
    _ needed: UnsafeMutablePointer<Int>?
) throws(FPNASError) {
    try unsafe requireRoom(values.count, out, capacity, needed)
    guard let out = unsafe out else { return }
    for (i, value) in values.enumerated() { unsafe out[i] = value }
}

/// Copies a string with its NUL.
func put(
    _ text: String, _ out: UnsafeMutablePointer<CChar>?, _ capacity: Int,
    _ needed: UnsafeMutablePointer<Int>?
) throws(FPNASError) {
    try unsafe put(Array(text.utf8CString), out, capacity, needed)
}

/// Copies bytes as text with a NUL.
func put(
    text: [UInt8], _ out: UnsafeMutablePointer<CChar>?, _ capacity: Int,
    _ needed: UnsafeMutablePointer<Int>?
) throws(FPNASError) {
    try unsafe put(text.map { CChar(bitPattern: $0) } + [0], out, capacity, needed)
}

/// 0 or 1.
func flag(_ value: Int32, _ name: String) throws(FPNASError) -> Bool {
    guard value == 0 || value == 1 else { throw .invalid("\(name) must be 0 or 1, got \(value)") }
    return value == 1
}

/// Copies a caller's struct whose first field is its size: shorter ones of older callers keep the
/// defaults, longer ones of newer callers may hold only zeros where this library knows nothing.
func copyStruct<T: BitwiseCopyable>(
    _ pointer: UnsafePointer<T>, into value: inout T, minimum: Int, _ name: String
) throws(FPNASError) {
    _ = try unsafe input(pointer, 1, name)
    let size = Int(unsafe UnsafeRawPointer(pointer).load(as: UInt32.self))
    guard size >= minimum, size <= 1 << 16 else {
        throw .invalid("struct_size of \(name) must be at least \(minimum), got \(size)")
    }
    let bytes = unsafe UnsafeRawBufferPointer(start: pointer, count: size)
    let known = MemoryLayout<T>.size
    for i in known..<max(known, size) where unsafe bytes[i] != 0 {
        throw .invalid("\(name) has a field at byte \(i) that this library does not know")
    }
    unsafe withUnsafeMutableBytes(of: &value) { target in
        unsafe target.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes.prefix(known)))
    }
}

/// Fills a caller's struct as far as its struct_size says it knows the fields.
func fillStruct<T: BitwiseCopyable>(
    _ pointer: UnsafeMutablePointer<T>?, from value: T, minimum: Int, _ name: String
) throws(FPNASError) {
    let pointer = try unsafe output(pointer, name)
    let size = Int(unsafe UnsafeRawPointer(pointer).load(as: UInt32.self))
    guard size >= minimum, size <= 1 << 16 else {
        throw .invalid("struct_size of \(name) must be at least \(minimum), got \(size)")
    }
    var value = value
    unsafe withUnsafeMutableBytes(of: &value) { source in
        unsafe source.storeBytes(of: UInt32(size), as: UInt32.self)
        let count = min(size, source.count)
        for i in 0..<count {
            unsafe UnsafeMutableRawPointer(pointer).storeBytes(
                of: source[i], toByteOffset: i, as: UInt8.self)
        }
    }
}
