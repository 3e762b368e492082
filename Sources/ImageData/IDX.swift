import Support

/// The IDX format of MNIST: big-endian magic and sizes, then bytes; plain or gzip.
enum IDX {
    /// The file of that name in a folder, plain or with .gz.
    static func find(_ name: String, in folder: String) -> String? {
        let plain = folder + "/" + name
        if Files.exists(plain) { return plain }
        return Files.exists(plain + ".gz") ? plain + ".gz" : nil
    }

    /// Images and their labels from two files of equal count.
    static func load(
        images: String, labels: String, _ memory: inout ImageMemory
    ) throws(FPNASError) -> ImageSet {
        let imageFile = try PackedFile(images)
        let labelFile = try PackedFile(labels)
        let sizes = try header(imageFile, dimensions: 3)
        let labelCount = try header(labelFile, dimensions: 1)[0]
        guard sizes[0] == labelCount else {
            throw FPNASError(
                .format, "'\(images)' has \(sizes[0]) images, '\(labels)' has \(labelCount) labels")
        }
        guard (1...ImageSet.countLimit).contains(sizes[0]), (1...4096).contains(sizes[1]),
            (1...4096).contains(sizes[2])
        else {
            throw FPNASError(
                .format, "'\(images)' has \(sizes[0]) images of \(sizes[1])x\(sizes[2]) pixels")
        }
        let total = try checkedProduct(sizes[0], sizes[1], sizes[2], of: "'\(images)'")
        try memory.take(total, for: images)
        let pixels = try Buffer<UInt8>(total, of: "images")
        try unsafe imageFile.read(into: pixels.pointer, total)
        try imageFile.finish()
        let values = try labelFile.bytes(labelCount)
        try labelFile.finish()
        return ImageSet(
            height: sizes[1], width: sizes[2], channels: 1, pixels: pixels,
            labels: values.map(Int32.init),
            classNames: (0...(values.max() ?? 0)).map { String($0) })
    }

    private static func header(
        _ file: PackedFile, dimensions: Int
    ) throws(FPNASError) -> [Int] {
        let magic = try file.bytes(4)
        guard magic[0] == 0, magic[1] == 0, magic[2] == 8, Int(magic[3]) == dimensions else {
            throw FPNASError(
                .format, "'\(file.path)' is not an IDX file of bytes with \(dimensions) dimensions")
        }
        let sizes = try file.bytes(4 * dimensions)
        return (0..<dimensions).map { d in
            sizes[(4 * d)..<(4 * d + 4)].reduce(0) { $0 << 8 | Int($1) }
        }
    }
}
