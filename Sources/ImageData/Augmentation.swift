import Support

/// Random changes of training images at the size the networks see; all of them a function of
/// (seed, step, place in the batch).
public struct Augmentation: Sendable, Equatable {
    /// Images move by up to so many pixels in both directions, every shift equally likely, black
    /// moving in; 0 for none. A random crop with so many pixels of black padding is the same.
    public var maximumShift = 0
    /// Images are mirrored left to right with even odds.
    public var flips = false
    /// The side of a square that is set to the mean (0 after normalisation), its centre any pixel
    /// with equal odds, cut off at the borders; 0 for none. [DeVries and Taylor 2017, "Improved
    /// regularization of convolutional neural networks with cutout"]
    public var cutout = 0

    public init() {}

    /// What happens to one image. Row y, column x of the result is row y − shiftY, column
    /// x' − shiftX of the image, where x' is x, or width − 1 − x when mirrored.
    struct Draw: Equatable {
        var shiftY = 0
        var shiftX = 0
        var isMirrored = false
        /// Rows and columns of the square.
        var rows = 0..<0
        var columns = 0..<0
    }

    func draw(_ random: Philox, step: Int, place: Int, height: Int, width: Int) -> Draw {
        var draw = Draw()
        let step = UInt64(truncatingIfNeeded: step)
        let words = random.words(step: step, index: place)
        func pick(_ word: UInt32, below count: Int) -> Int {
            Int((UInt64(word) * UInt64(count)) >> 32)
        }
        draw.shiftY = pick(words.x, below: 2 * maximumShift + 1) - maximumShift
        draw.shiftX = pick(words.y, below: 2 * maximumShift + 1) - maximumShift
        draw.isMirrored = flips && words.z & 1 == 1
        if cutout > 0 {
            let words = random.words(step: step, sample: 1, index: place)
            let top = pick(words.x, below: height) - cutout / 2
            let left = pick(words.y, below: width) - cutout / 2
            draw.rows = max(top, 0)..<min(top + cutout, height)
            draw.columns = max(left, 0)..<min(left + cutout, width)
        }
        return draw
    }
}
