import Support

/// Images of one size with their labels, 8 bits a channel.
public final class ImageSet: Sendable {
    public let count: Int
    public let height: Int
    public let width: Int
    /// 1 for grey, 3 for RGB.
    public let channels: Int
    /// NHWC: image, row, column, channel.
    public let pixels: Buffer<UInt8>
    /// In 0..<classNames.count.
    public let labels: [Int32]
    public let classNames: [String]

    public init(
        height: Int, width: Int, channels: Int, pixels: Buffer<UInt8>, labels: [Int32],
        classNames: [String]
    ) {
        assert(pixels.count >= labels.count * height * width * channels)
        count = labels.count
        self.height = height
        self.width = width
        self.channels = channels
        self.pixels = pixels
        self.labels = labels
        self.classNames = classNames
    }

    public var classes: Int { classNames.count }
    public var imageSize: Int { height * width * channels }
}

/// A training set, and a test set where the data has one of its own.
public struct Dataset: Sendable {
    public let train: ImageSet
    public let test: ImageSet?

    public init(train: ImageSet, test: ImageSet?) {
        self.train = train
        self.test = test
    }

    /// Loads a folder: IDX files under MNIST's names (plain or .gz), or one subfolder of PNGs a
    /// class, directly or under `train` and `test`.
    public static func load(folder: String) throws(FPNASError) -> Dataset {
        if let images = IDX.find("train-images-idx3-ubyte", in: folder) {
            let train = try IDX.load(
                images: images, labels: try require("train-labels-idx1-ubyte", in: folder))
            guard let testImages = IDX.find("t10k-images-idx3-ubyte", in: folder) else {
                return try Dataset(train: train, test: nil).checked(folder)
            }
            let test = try IDX.load(
                images: testImages, labels: try require("t10k-labels-idx1-ubyte", in: folder))
            return try Dataset(train: train, test: test).checked(folder)
        }
        if Files.exists(folder + "/train") {
            let train = try PNGFolder.load(folder + "/train")
            let test =
                Files.exists(folder + "/test")
                ? try PNGFolder.load(folder + "/test", like: train) : nil
            return try Dataset(train: train, test: test).checked(folder)
        }
        guard Files.exists(folder) else {
            throw FPNASError(.io, "there is no folder '\(folder)'")
        }
        return try Dataset(train: try PNGFolder.load(folder), test: nil).checked(folder)
    }

    private static func require(_ name: String, in folder: String) throws(FPNASError) -> String {
        guard let path = IDX.find(name, in: folder) else {
            throw FPNASError(.io, "'\(folder)' has images, but no labels '\(name)' (or .gz)")
        }
        return path
    }

    private func checked(_ folder: String) throws(FPNASError) -> Dataset {
        guard train.classes >= 2 else {
            throw FPNASError(.format, "'\(folder)' has one class, at least 2 are needed")
        }
        guard let test else { return self }
        guard test.height == train.height, test.width == train.width,
            test.channels == train.channels
        else {
            throw FPNASError(
                .format,
                "'\(folder)': test images are \(test.height)x\(test.width)x\(test.channels), "
                    + "training images \(train.height)x\(train.width)x\(train.channels)")
        }
        guard test.classes <= train.classes else {
            throw FPNASError(
                .format,
                "'\(folder)': the test set has class '\(test.classNames[train.classes])', which "
                    + "the training set lacks")
        }
        return self
    }
}
