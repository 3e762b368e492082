import Support

/// A training set, and a test set where the data has one of its own.
public struct Dataset: Sendable {
    public let train: ImageSet
    public let test: ImageSet?

    public init(train: ImageSet, test: ImageSet?) {
        self.train = train
        self.test = test
    }

    /// Opens a folder: IDX files under MNIST's names or the binary version of CIFAR-10 or
    /// CIFAR-100, plain or .gz; or one subfolder of PNGs a class, directly or under `train` and
    /// `test`. IDX and CIFAR are held in memory; PNG files are decoded when they are needed.
    public static func load(
        folder: String, _ options: LoadingOptions = LoadingOptions()
    ) throws(FPNASError) -> Dataset {
        let data = try open(folder, options)
        try data.check(folder, options)
        if options.checksFiles { try ImageCheck.run(data, threads: options.threads) }
        return data
    }

    private static func open(
        _ folder: String, _ options: LoadingOptions
    ) throws(FPNASError) -> Dataset {
        var memory = ImageMemory(options)
        if let images = IDX.findImages("train", in: folder) {
            let train = try IDX.load(
                images: images, labels: try require("train-labels-idx1-ubyte", in: folder), &memory)
            guard let testImages = IDX.findImages("t10k", in: folder) else {
                return Dataset(train: train, test: nil)
            }
            let test = try IDX.load(
                images: testImages, labels: try require("t10k-labels-idx1-ubyte", in: folder),
                &memory)
            return Dataset(train: train, test: test)
        }
        for cifar in [CIFAR.ten, CIFAR.hundred] where cifar.isIn(folder) {
            return try cifar.load(folder, &memory)
        }
        if Files.exists(folder + "/train") {
            let train = try PNGFolder.open(folder + "/train", options)
            let test =
                Files.exists(folder + "/test")
                ? try PNGFolder.open(folder + "/test", like: train, options) : nil
            return Dataset(train: train, test: test)
        }
        guard Files.exists(folder) else {
            throw FPNASError(.io, "there is no folder '\(folder)'")
        }
        return Dataset(train: try PNGFolder.open(folder, options), test: nil)
    }

    private static func require(_ name: String, in folder: String) throws(FPNASError) -> String {
        guard let path = IDX.find(name, in: folder) else {
            throw FPNASError(.io, "'\(folder)' has images, but no labels '\(name)' (or .gz)")
        }
        return path
    }

    private func check(_ folder: String, _ options: LoadingOptions) throws(FPNASError) {
        guard train.classes >= 2 else {
            throw FPNASError(.format, "'\(folder)' has one class, at least 2 are needed")
        }
        var counts = [Int](repeating: 0, count: train.classes)
        for label in train.labels { counts[Int(label)] += 1 }
        if let empty = counts.firstIndex(of: 0) {
            throw FPNASError(
                .format,
                "'\(folder)' has \(train.classes) classes, but no image of class "
                    + "'\(train.classNames[empty])': labels must count from 0 without gaps")
        }
        guard let test else { return }
        guard test.classes <= train.classes else {
            throw FPNASError(
                .format,
                "'\(folder)': the test set has class '\(test.classNames[train.classes])', which "
                    + "the training set lacks")
        }
        guard test.channels == train.channels,
            options.resizesUnequal || (test.height == train.height && test.width == train.width)
        else {
            throw FPNASError(
                .format,
                "'\(folder)': test images are \(test.height)x\(test.width)x\(test.channels), "
                    + "training images \(train.height)x\(train.width)x\(train.channels)")
        }
    }
}
