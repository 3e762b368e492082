import ImageData
import Support

/// How a run reads, splits and augments its images; the same for a search and a retraining.
public struct DataOptions: Sendable, Equatable {
    /// At most so many training images, the shares of classes kept; 0 for all.
    public var trainingImages = 0
    /// Of data without a test part: the share of every class that is set aside for the test.
    public var testShare = 1.0 / 3
    /// γ of `ClassWeights`, in [0, 1]: 0 weighs images equally, 1 classes.
    public var classBalance = 0.0
    /// The side of the square that is cut out of training images, in pixels; 0 for none.
    public var cutout = 0
    /// Most bytes of images in memory; 0 for half of the machine's memory.
    public var imageMemory = 0
    /// Training images are mirrored left to right with even odds.
    public var flips = false
    /// PNG images of unequal size are resized to `imageSize`, otherwise refused.
    public var resizesUnequal = false
    /// Every PNG file is decoded before the run begins; twins are refused.
    public var checksFiles = false

    public init() {}

    func check() throws(FPNASError) {
        try require(trainingImages, in: 0...1_000_000_000, "training_images")
        try requireFinite(testShare, in: 0.001...0.999, "test_share")
        try requireFinite(classBalance, in: 0...1, "class_balance")
        try require(cutout, in: 0...4096, "cutout")
        try require(imageMemory, in: 0...(1 << 50), "image_memory")
    }

    /// What reading the folder needs to know.
    func loading(threads: Int) -> LoadingOptions {
        var options = LoadingOptions()
        options.resizesUnequal = resizesUnequal
        options.checksFiles = checksFiles
        options.memoryLimit = imageMemory
        options.threads = threads
        return options
    }

    func augmentation(maximumShift: Int) -> Augmentation {
        var augmentation = Augmentation()
        augmentation.maximumShift = maximumShift
        augmentation.flips = flips
        augmentation.cutout = cutout
        return augmentation
    }

    func encode(into writer: inout ByteWriter) {
        for value in [trainingImages, cutout, imageMemory] { writer.put(value) }
        writer.put([testShare, classBalance])
        for value in [flips, resizesUnequal, checksFiles] { writer.put(value) }
    }

    init(from reader: inout ByteReader) throws(FPNASError) {
        trainingImages = try reader.takeInt()
        cutout = try reader.takeInt()
        imageMemory = try reader.takeInt()
        let values = try reader.takeDoubles()
        guard values.count == 2 else { throw reader.damaged("the options of the data") }
        testShare = values[0]
        classBalance = values[1]
        flips = try reader.takeBool()
        resizesUnequal = try reader.takeBool()
        checksFiles = try reader.takeBool()
        try check()
    }
}
