import Glibc
import Support

/// A folder with one subfolder of PNG images for every class.
///
/// Classes and files go by name. Opening it reads the first 33 bytes of every file: an image that
/// is no PNG is named at once, and so is one of another size unless unequal sizes are resized.
/// Images are grey if all are grey, otherwise RGB; a test set follows its training set.
enum PNGFolder {
    /// Opens the folder; with `like`, class numbers and channels follow that set.
    static func open(
        _ folder: String, like other: ImageSet? = nil, _ options: LoadingOptions
    ) throws(FPNASError) -> ImageSet {
        let classes = try classFolders(folder)
        var labels: [Int32] = []
        var folders: [PNGFiles.ClassFolder] = []
        var bytes = 0
        for (index, name) in classes.enumerated() {
            let path = folder + "/" + name
            var label = index
            if let other {
                guard let known = other.classNames.firstIndex(of: name) else {
                    throw FPNASError(
                        .format, "class folder '\(path)' has no counterpart in the training set")
                }
                label = known
            }
            let (count, size) = try measure(path)
            folders.append(.init(path: path, first: labels.count))
            labels += repeatElement(Int32(label), count: count)
            bytes += size
            guard labels.count <= ImageSet.countLimit else {
                throw FPNASError(
                    .format, "'\(folder)' has more than \(ImageSet.countLimit) images")
            }
        }
        let table = try NameTable(names: labels.count, bytes: bytes)
        try fill(table, folders, labels.count)
        let kinds = try Kinds(table, folders, labels.count, folder, options)
        return ImageSet(
            kinds.files, labels: labels, classNames: other?.classNames ?? classes,
            channels: other?.channels ?? (kinds.isColour ? 3 : 1))
    }

    /// The names of the subfolders in byte order.
    private static func classFolders(_ folder: String) throws(FPNASError) -> [String] {
        var names: [String] = []
        var stray: String?
        try unsafe forEachName(folder) { (name, length) throws(FPNASError) in
            let text = unsafe String(cString: name)
            var info = stat()
            guard unsafe stat(folder + "/" + text, &info) == 0 else { return }
            if info.st_mode & S_IFMT == S_IFDIR { names.append(text) }
            if info.st_mode & S_IFMT == S_IFREG, unsafe isPNG(name, length) { stray = text }
        }
        guard !names.isEmpty else {
            throw FPNASError(
                .format,
                "'\(folder)' holds neither IDX files (train-images-idx3-ubyte, "
                    + "train-labels-idx1-ubyte), nor the binary version of CIFAR (data_batch_1.bin "
                    + "or train.bin), nor one folder of PNG images for every class")
        }
        if let stray {
            throw FPNASError(
                .format, "'\(folder)/\(stray)' has no class: it lies outside of the class folders")
        }
        return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    /// Number and bytes (each with a zero) of the names of a class's images.
    private static func measure(_ path: String) throws(FPNASError) -> (count: Int, bytes: Int) {
        var (count, bytes) = (0, 0)
        try unsafe forEachName(path) { (name, length) throws(FPNASError) in
            guard unsafe isPNG(name, length) else {
                guard unsafe !isOtherImage(name, length) else {
                    throw unsafe FPNASError(
                        .format,
                        "'\(path)/\(String(cString: name))' is an image of another kind than PNG")
                }
                return
            }
            count += 1
            bytes += length + 1
        }
        guard count > 0 else {
            throw FPNASError(.format, "class folder '\(path)' has no PNG images")
        }
        return (count, bytes)
    }

    /// Reads the names for good; a folder that has changed since it was measured is refused.
    private static func fill(
        _ table: NameTable, _ folders: [PNGFiles.ClassFolder], _ count: Int
    ) throws(FPNASError) {
        var (next, place) = (0, 0)
        for (i, folder) in folders.enumerated() {
            try unsafe forEachName(folder.path) { (name, length) throws(FPNASError) in
                guard unsafe isPNG(name, length) else { return }
                guard unsafe table.put(next, name, length, at: place) else {
                    throw FPNASError(.io, "'\(folder.path)' changed while it was read")
                }
                next += 1
                place += length + 1
            }
            guard next == (i + 1 < folders.count ? folders[i + 1].first : count) else {
                throw FPNASError(.io, "'\(folder.path)' changed while it was read")
            }
            table.sort(folder.first..<next)
        }
    }

    /// Every name in a folder, without those that begin with a dot; refuses what is not UTF-8.
    private static func forEachName(
        _ folder: String, _ body: (UnsafePointer<UInt8>, Int) throws(FPNASError) -> Void
    ) throws(FPNASError) {
        guard let directory = unsafe opendir(folder) else {
            throw Files.failure("cannot open the folder", folder, errno)
        }
        defer { unsafe closedir(directory) }
        while let entry = unsafe readdir(directory) {
            let offset = MemoryLayout<dirent>.offset(of: \.d_name) ?? 0
            let name = unsafe UnsafeRawPointer(entry).advanced(by: offset)
                .assumingMemoryBound(to: UInt8.self)
            guard unsafe name[0] != UInt8(ascii: ".") else { continue }
            let length = unsafe strlen(UnsafePointer(OpaquePointer(name)))
            guard
                unsafe String(
                    validating: UnsafeBufferPointer(start: name, count: length), as: UTF8.self)
                    != nil
            else {
                throw FPNASError(.utf8, "'\(folder)' has a file whose name is not UTF-8")
            }
            try unsafe body(name, length)
        }
    }

    private static func isPNG(_ name: UnsafePointer<UInt8>, _ length: Int) -> Bool {
        unsafe hasSuffix(name, length, ".png")
    }

    private static func isOtherImage(_ name: UnsafePointer<UInt8>, _ length: Int) -> Bool {
        [".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".webp"].contains {
            unsafe hasSuffix(name, length, $0)
        }
    }

    /// Whether a name ends so, in capitals or not; `suffix` has none.
    private static func hasSuffix(
        _ name: UnsafePointer<UInt8>, _ length: Int, _ suffix: StaticString
    ) -> Bool {
        let count = suffix.utf8CodeUnitCount
        guard length >= count else { return false }
        for i in 0..<count {
            let letter = unsafe name[length - count + i]
            let isCapital = (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(letter)
            guard unsafe (isCapital ? letter | 0x20 : letter) == suffix.utf8Start[i] else {
                return false
            }
        }
        return true
    }
}

/// What the headers of all files say.
private struct Kinds {
    let files: PNGFiles
    let isColour: Bool

    init(
        _ table: NameTable, _ folders: [PNGFiles.ClassFolder], _ count: Int, _ folder: String,
        _ options: LoadingOptions
    ) throws(FPNASError) {
        let names = PNGFiles(table, folders, height: 0, width: 0, fingerprint: 0)
        let scratch = ImageScratch()
        var hash = Fingerprint()
        var size: (height: Int, width: Int)?
        var isEqual = true
        var isColour = false
        var largest = (bytes: 0, index: 0)
        for index in 0..<count {
            let path = names.path(index)
            let file = try PNGFile(path)
            let header = try file.header(scratch)
            let expected = size ?? (header.height, header.width)
            if (header.height, header.width) != expected {
                guard options.resizesUnequal else {
                    throw FPNASError(
                        .format,
                        "'\(path)' has \(header.height)x\(header.width) pixels, the images before "
                            + "it \(expected.height)x\(expected.width); the option resize_unequal "
                            + "resizes them")
                }
                isEqual = false
            }
            size = expected
            isColour = isColour || header.isColour
            let bytes = file.size + header.height * header.width * (header.isColour ? 3 : 1)
            if bytes > largest.bytes { largest = (bytes, index) }
            for value in [file.size, header.height, header.width] { hash.mix(UInt64(value)) }
            for byte in path.utf8.dropFirst(folder.utf8.count) { hash.mix(UInt64(byte)) }
        }
        // Every thread holds one file and its pixels.
        var memory = ImageMemory(options)
        try memory.take(
            largest.bytes * max(options.threads, 1), for: names.path(largest.index))
        self.isColour = isColour
        files = PNGFiles(
            table, folders, height: isEqual ? size?.height ?? 0 : 0,
            width: isEqual ? size?.width ?? 0 : 0, fingerprint: hash.value)
    }
}
