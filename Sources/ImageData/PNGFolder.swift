import Glibc
import Support

/// A folder with one subfolder of PNG images for every class.
///
/// Classes and files go by name. All images must have one size; they are grey if all are grey,
/// otherwise RGB. 16-bit images are reduced to 8 bits, palettes resolved, alpha composed on black.
public enum PNGFolder {
    /// Loads the folder; with `like`, class numbers follow that set's names.
    public static func load(_ folder: String, like other: ImageSet? = nil) throws(FPNASError)
        -> ImageSet
    {
        let classes = try entries(folder).filter { isFolder(folder + "/" + $0) }
        guard !classes.isEmpty else {
            throw FPNASError(
                .format,
                "'\(folder)' holds neither IDX files (train-images-idx3-ubyte, "
                    + "train-labels-idx1-ubyte) nor one folder of PNG images for every class")
        }
        var paths: [(path: String, label: Int)] = []
        for (index, name) in classes.enumerated() {
            let path = folder + "/" + name
            let files = try entries(path).filter { $0.lowercased().hasSuffix(".png") }
            guard !files.isEmpty else {
                throw FPNASError(.format, "class folder '\(path)' has no PNG images")
            }
            var label = index
            if let other {
                guard let known = other.classNames.firstIndex(of: name) else {
                    throw FPNASError(
                        .format, "class folder '\(path)' has no counterpart in the training set")
                }
                label = known
            }
            paths += files.map { (path + "/" + $0, label) }
        }
        return try load(paths, classNames: other?.classNames ?? classes, channels: other?.channels)
    }

    private static func load(
        _ paths: [(path: String, label: Int)], classNames: [String], channels wanted: Int?
    ) throws(FPNASError) -> ImageSet {
        // Twice over the files: kinds and sizes first, so that nothing is allocated in vain.
        var size: (height: Int, width: Int)?
        var isColour = false
        for (path, _) in paths {
            let header = try PNG.header(try Files.read(path, limit: 1 << 30), name: path)
            let expected = size ?? (header.height, header.width)
            guard expected.height == header.height, expected.width == header.width else {
                throw FPNASError(
                    .format,
                    "'\(path)' has \(header.height)x\(header.width) pixels, the images before it "
                        + "\(expected.height)x\(expected.width)")
            }
            size = expected
            isColour = isColour || header.isColour
        }
        let (height, width) = size ?? (0, 0)
        let channels = wanted ?? (isColour ? 3 : 1)
        let imageSize = height * width * channels
        let pixels = try Buffer<UInt8>(
            try checkedProduct(paths.count, imageSize, of: "images"), of: "images")
        for (i, (path, _)) in paths.enumerated() {
            try unsafe PNG.decode(
                try Files.read(path, limit: 1 << 30), channels: channels,
                into: pixels.pointer + i * imageSize, name: path)
        }
        return ImageSet(
            height: height, width: width, channels: channels, pixels: pixels,
            labels: paths.map { Int32($0.label) }, classNames: classNames)
    }

    /// Names in a folder in byte order, without those that begin with a dot.
    private static func entries(_ folder: String) throws(FPNASError) -> [String] {
        guard let directory = unsafe opendir(folder) else {
            throw Files.failure("cannot open the folder", folder, errno)
        }
        defer { unsafe closedir(directory) }
        var names: [String] = []
        while let entry = unsafe readdir(directory) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { tuple in
                unsafe tuple.withMemoryRebound(to: CChar.self, capacity: 256) {
                    unsafe String(validatingCString: $0)
                }
            }
            guard let name else {
                throw FPNASError(.utf8, "'\(folder)' has a file whose name is not UTF-8")
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    private static func isFolder(_ path: String) -> Bool {
        var info = stat()
        return unsafe stat(path, &info) == 0 && info.st_mode & S_IFMT == S_IFDIR
    }
}
