import Support

/// Images with their labels, 8 bits a channel: in memory, or PNG files that are decoded when asked
/// for.
public final class ImageSet: Sendable {
    enum Storage: Sendable {
        /// NHWC: image, row, column, channel.
        case memory(Buffer<UInt8>)
        case files(PNGFiles)
    }

    public let count: Int
    /// Of every image; 0 where their sizes differ.
    public let height: Int
    public let width: Int
    /// 1 for grey, 3 for RGB.
    public let channels: Int
    /// In 0..<classNames.count.
    public let labels: [Int32]
    public let classNames: [String]
    let storage: Storage

    /// Most images of a set: their numbers are kept in 32 bits.
    static let countLimit = 1 << 26

    /// A set in memory; `pixels` holds all images one after the other.
    public init(
        height: Int, width: Int, channels: Int, pixels: Buffer<UInt8>, labels: [Int32],
        classNames: [String]
    ) {
        assert(pixels.count >= labels.count * height * width * channels)
        count = labels.count
        self.height = height
        self.width = width
        self.channels = channels
        self.labels = labels
        self.classNames = classNames
        storage = .memory(pixels)
    }

    init(_ files: PNGFiles, labels: [Int32], classNames: [String], channels: Int) {
        count = labels.count
        height = files.height
        width = files.width
        self.channels = channels
        self.labels = labels
        self.classNames = classNames
        storage = .files(files)
    }

    public var classes: Int { classNames.count }
    /// Whether every image has `height` rows and `width` columns.
    public var hasOneSize: Bool { height > 0 }
    /// Whether images are decoded when asked for.
    public var isLazy: Bool {
        guard case .files = storage else { return false }
        return true
    }

    /// What an image is called in messages: its file where it has one.
    public func name(of index: Int) -> String {
        guard case .files(let files) = storage else { return "image \(index)" }
        return "'\(files.path(index))'"
    }

    /// An image's pixels, NHWC. Errors name the file: it cannot be read, is damaged, or is no
    /// longer the file that was there when the folder was opened.
    public func pixels(
        of index: Int
    ) throws(FPNASError) -> (height: Int, width: Int, pixels: [UInt8]) {
        let view = try image(index, ImageScratch())
        let size = view.height * view.width * channels
        return unsafe (
            view.height, view.width, Array(UnsafeBufferPointer(start: view.pixels, count: size))
        )
    }

    /// A look at an image that lasts until the scratch is used again.
    func image(_ index: Int, _ scratch: ImageScratch) throws(FPNASError) -> ImageView {
        switch storage {
        case .memory(let pixels):
            return unsafe ImageView(
                pixels: pixels.pointer + index * height * width * channels, height: height,
                width: width)
        case .files(let files):
            return try files.decode(index, channels: channels, scratch)
        }
    }

    /// Tells sets apart: of all pixels in memory; of files, their names, sizes and headers.
    public var fingerprint: UInt64 {
        var hash = Fingerprint()
        for value in [count, height, width, channels] { hash.mix(UInt64(value)) }
        for label in labels { hash.mix(UInt64(truncatingIfNeeded: label)) }
        switch storage {
        case .memory(let pixels):
            unsafe hash.mix(pixels.pointer, count * height * width * channels)
        case .files(let files): hash.mix(files.fingerprint)
        }
        return hash.value
    }
}

/// The pixels of one image, rows × columns × channels.
@safe struct ImageView {
    let pixels: UnsafePointer<UInt8>
    let height: Int
    let width: Int
}

/// FNV-1a in 64 bits.
struct Fingerprint {
    private(set) var value: UInt64 = 0xCBF2_9CE4_8422_2325

    mutating func mix(_ word: UInt64) { value = (value ^ word) &* 0x0000_0100_0000_01B3 }

    mutating func mix(_ bytes: UnsafePointer<UInt8>, _ count: Int) {
        for i in 0..<count { unsafe mix(UInt64(bytes[i])) }
    }
}
