import Support

/// The binary versions of CIFAR-10 and CIFAR-100, plain or gzip: records of one label (CIFAR-100:
/// a coarse and a fine one, of which the fine counts) and 32·32 red, green and blue bytes.
/// [Krizhevsky 2009, "Learning multiple layers of features from tiny images"]
struct CIFAR {
    let classes: Int
    let labelBytes: Int
    let trainFiles: [String]
    let testFile: String
    let namesFile: String

    static let ten = CIFAR(
        classes: 10, labelBytes: 1, trainFiles: (1...5).map { "data_batch_\($0).bin" },
        testFile: "test_batch.bin", namesFile: "batches.meta.txt")
    static let hundred = CIFAR(
        classes: 100, labelBytes: 2, trainFiles: ["train.bin"], testFile: "test.bin",
        namesFile: "fine_label_names.txt")

    private static let side = 32
    private static let plane = side * side

    /// Whether a folder holds this data set.
    func isIn(_ folder: String) -> Bool { IDX.find(trainFiles[0], in: folder) != nil }

    func load(_ folder: String, _ memory: inout ImageMemory) throws(FPNASError) -> Dataset {
        var paths: [String] = []
        for name in trainFiles {
            guard let path = IDX.find(name, in: folder) else {
                throw FPNASError(.io, "'\(folder)' has '\(trainFiles[0])', but no '\(name)'")
            }
            paths.append(path)
        }
        let names = try classNames(folder)
        let train = try read(paths, names, &memory)
        let test = IDX.find(testFile, in: folder)
        return Dataset(
            train: train,
            test: try test.map { (path) throws(FPNASError) in try read([path], names, &memory) })
    }

    private func read(
        _ paths: [String], _ names: [String], _ memory: inout ImageMemory
    ) throws(FPNASError) -> ImageSet {
        let record = labelBytes + 3 * CIFAR.plane
        // What a packed file holds is known only after unpacking it, so files are read twice.
        var counts: [Int] = []
        for path in paths {
            let file = try PackedFile(path)
            let bytes = try file.isPacked ? file.skip() : file.size
            guard bytes > 0, bytes % record == 0 else {
                throw FPNASError(
                    .format, "'\(path)' has \(bytes) bytes, not a multiple of a record's \(record)")
            }
            counts.append(bytes / record)
            try memory.take(bytes, for: path)
        }
        let count = counts.reduce(0, +)
        guard count <= ImageSet.countLimit else {
            throw FPNASError(.format, "'\(paths[0])' and its like have \(count) images, too many")
        }
        let pixels = try Buffer<UInt8>(
            try checkedProduct(count, 3 * CIFAR.plane, of: "images"), of: "images")
        let bytes = try Buffer<UInt8>(record, of: "a record")
        var labels: [Int32] = []
        for (path, count) in zip(paths, counts) {
            let file = try PackedFile(path)
            for i in 0..<count {
                try unsafe file.read(into: bytes.pointer, record)
                let label = bytes[labelBytes - 1]
                guard label < classes else {
                    throw FPNASError(
                        .format,
                        "'\(path)' has label \(label) in record \(i), it must be below \(classes)")
                }
                let start = labels.count * 3 * CIFAR.plane
                for p in 0..<CIFAR.plane {
                    for c in 0..<3 {
                        pixels[start + 3 * p + c] = bytes[labelBytes + c * CIFAR.plane + p]
                    }
                }
                labels.append(Int32(label))
            }
            try file.finish()
        }
        return ImageSet(
            height: CIFAR.side, width: CIFAR.side, channels: 3, pixels: pixels, labels: labels,
            classNames: names)
    }

    /// Lines of the file that lies beside the data, or numbers where it is missing.
    private func classNames(_ folder: String) throws(FPNASError) -> [String] {
        let path = folder + "/" + namesFile
        guard Files.exists(path) else { return (0..<classes).map { String($0) } }
        let text = String(decoding: try Files.read(path, limit: 1 << 16), as: UTF8.self)
        let lines = text.split(whereSeparator: \.isNewline).map(String.init)
        guard lines.count == classes else {
            throw FPNASError(
                .format, "'\(path)' has \(lines.count) class names, \(classes) are needed")
        }
        return lines
    }
}
