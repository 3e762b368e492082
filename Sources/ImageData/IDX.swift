import Support

/// The IDX format of MNIST: big-endian magic and sizes, then bytes; plain or gzip. A fourth size of
/// images is their number of channels, which lie side by side.
enum IDX {
    /// The file of that name in a folder, plain or with .gz.
    static func find(_ name: String, in folder: String) -> String? {
        let plain = folder + "/" + name
        if Files.exists(plain) { return plain }
        return Files.exists(plain + ".gz") ? plain + ".gz" : nil
    }

    /// A part's images in a folder, grey (three dimensions) or with channels (four).
    static func findImages(_ part: String, in folder: String) -> String? {
        find("\(part)-images-idx3-ubyte", in: folder)
            ?? find("\(part)-images-idx4-ubyte", in: folder)
    }

    /// Images and their labels from two files of equal count.
    static func load(
        images: String, labels: String, _ memory: inout ImageMemory
    ) throws(FPNASError) -> ImageSet {
        let imageFile = try PackedFile(images)
        let labelFile = try PackedFile(labels)
        let sizes = try header(imageFile, dimensions: 3...4)
        let labelCount = try header(labelFile, dimensions: 1...1)[0]
        let channels = sizes.count == 4 ? sizes[3] : 1
        guard sizes[0] == labelCount else {
            throw FPNASError(
                .format, "'\(images)' has \(sizes[0]) images, '\(labels)' has \(labelCount) labels")
        }
        guard (1...ImageSet.countLimit).contains(sizes[0]), (1...4096).contains(sizes[1]),
            (1...4096).contains(sizes[2]), channels == 1 || channels == 3
        else {
            throw FPNASError(
                .format,
                "'\(images)' has \(sizes[0]) images of \(sizes[1])x\(sizes[2])x\(channels)")
        }
        let total = try checkedProduct(
            sizes[0], sizes[1], sizes[2] * channels, of: "'\(images)'")
        try memory.take(total, for: images)
        let pixels = try Buffer<UInt8>(total, of: "images")
        try unsafe imageFile.read(into: pixels.pointer, total)
        try imageFile.finish()
        let values = try labelFile.bytes(labelCount)
        try labelFile.finish()
        return ImageSet(
            height: sizes[1], width: sizes[2], channels: channels, pixels: pixels,
            labels: values.map(Int32.init),
            classNames: (0...(values.max() ?? 0)).map { String($0) })
    }

    private static func header(
        _ file: PackedFile, dimensions: ClosedRange<Int>
    ) throws(FPNASError) -> [Int] {
        let magic = try file.bytes(4)
        guard magic[0] == 0, magic[1] == 0, magic[2] == 8, dimensions.contains(Int(magic[3]))
        else {
            let wanted = dimensions.map { String($0) }.joined(separator: " or ")
            throw FPNASError(
                .format, "'\(file.path)' is not an IDX file of bytes with \(wanted) dimensions")
        }
        let sizes = try file.bytes(4 * Int(magic[3]))
        return stride(from: 0, to: sizes.count, by: 4).map { d in
            sizes[d..<(d + 4)].reduce(0) { $0 << 8 | Int($1) }
        }
    }
}
