import ArgumentParser
import Experiment

/// The options of images that search and retrain share.
struct DataFlags: ParsableArguments {
    @Option(help: "At most so many training images, the shares of classes kept; 0 for all.")
    var trainingImages = DataOptions().trainingImages
    @Option(help: "Share of the images set aside for the test where the data has no test part.")
    var testShare = DataOptions().testShare
    @Option(help: "Random crop: pixels of black padding.")
    var shift = RunOptions().maximumShift
    @Option(help: "Side of the square cut out of training images; 0 for none.")
    var cutout = DataOptions().cutout
    @Option(help: "Most MiB of images in memory; 0 for half of the machine's memory.")
    var imageMemory = 0
    @Flag(help: "Mirror training images left to right with even odds.") var flip = false
    @Flag(help: "Resize PNG images of unequal size instead of refusing them.")
    var resizeUnequal = false
    @Flag(help: "Decode all PNG files first; refuse damaged ones and twins.") var checkFiles = false

    func validate() throws {
        guard (0...(1 << 30)).contains(imageMemory) else {
            throw ValidationError("--image-memory must be in [0, 2^30] MiB, got \(imageMemory)")
        }
    }

    var options: DataOptions {
        var options = DataOptions()
        options.trainingImages = trainingImages
        options.testShare = testShare
        options.cutout = cutout
        options.imageMemory = imageMemory << 20
        options.flips = flip
        options.resizesUnequal = resizeUnequal
        options.checksFiles = checkFiles
        return options
    }
}
