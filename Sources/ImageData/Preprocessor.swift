import Support

/// Turns 8-bit images into normalised NHWC Float32 batches of a chosen size.
///
/// Bilinear resizing without aligned corners, as PyTorch's `interpolate(align_corners=False)`;
/// then (x / 255 − mean) / deviation by channel, both measured on the training images.
public struct Preprocessor: Sendable {
    public let height: Int
    public let width: Int
    public let channels: Int
    public let means: [Float]
    public let deviations: [Float]
    /// Images are shifted by up to this many pixels of the result in both directions, black
    /// moving in; 0 for none.
    public var maximumShift = 0
    /// Images are mirrored with even odds.
    public var mirrors = false
    private let random: Philox

    /// Measures the statistics on the given images of a set.
    public init(
        height: Int, width: Int, measuring images: ImageSet, _ indices: [Int], seed: UInt64
    ) throws(FPNASError) {
        guard (1...4096).contains(height), (1...4096).contains(width) else {
            throw .invalid("image size must be in [1, 4096], got \(height)x\(width)")
        }
        self.height = height
        self.width = width
        channels = images.channels
        random = Philox(seed: seed, stream: .augmentation)
        var means: [Float] = []
        var deviations: [Float] = []
        let size = images.imageSize
        for channel in 0..<images.channels {
            // Sums of bytes are exact in integers.
            var sum = 0
            var squares = 0
            for image in indices {
                for p in stride(from: channel, to: size, by: images.channels) {
                    let value = unsafe Int(images.pixels.pointer[image * size + p])
                    sum += value
                    squares += value * value
                }
            }
            let count = Double(max(indices.count * images.height * images.width, 1))
            let mean = Double(sum) / count
            let variance = max(Double(squares) / count - mean * mean, 0)
            means.append(Float(mean / 255))
            deviations.append(Float(max(variance.squareRoot() / 255, 1e-3)))
        }
        self.means = means
        self.deviations = deviations
    }

    /// Floats of one image in a batch.
    public var imageSize: Int { height * width * channels }

    /// Writes `indices.count` images; memory holds at least so many.
    ///
    /// `step` is nil for no augmentation; otherwise shift and mirror are a function of
    /// (seed, step, place in the batch).
    public func fill(
        _ batch: UnsafeMutablePointer<Float>, from images: ImageSet,
        _ indices: some Collection<Int>, augmentation step: Int?
    ) {
        for (place, index) in indices.enumerated() {
            var shift = (y: 0, x: 0)
            var isMirrored = false
            if let step {
                let words = random.words(
                    step: UInt64(truncatingIfNeeded: step), index: place)
                let span = UInt64(2 * maximumShift + 1)
                shift.y = Int((UInt64(words.x) * span) >> 32) - maximumShift
                shift.x = Int((UInt64(words.y) * span) >> 32) - maximumShift
                isMirrored = mirrors && words.z & 1 == 1
            }
            unsafe fill(
                batch + place * imageSize, images.pixels.pointer + index * images.imageSize,
                images, shift, isMirrored)
        }
    }

    private func fill(
        _ target: UnsafeMutablePointer<Float>, _ source: UnsafePointer<UInt8>, _ images: ImageSet,
        _ shift: (y: Int, x: Int), _ isMirrored: Bool
    ) {
        let scaleY = Float(images.height) / Float(height)
        let scaleX = Float(images.width) / Float(width)
        for y in 0..<height {
            let sourceY = Preprocessor.sourceCoordinate(y - shift.y, scaleY, images.height)
            for x in 0..<width {
                let column = isMirrored ? width - 1 - x : x
                let sourceX = Preprocessor.sourceCoordinate(column - shift.x, scaleX, images.width)
                let isInside =
                    (0..<height).contains(y - shift.y) && (0..<width).contains(column - shift.x)
                for c in 0..<channels {
                    var value: Float = 0
                    if isInside {
                        let top = unsafe Preprocessor.mix(
                            source, sourceY.low, sourceX, images, c)
                        let bottom = unsafe Preprocessor.mix(
                            source, sourceY.high, sourceX, images, c)
                        value = (top + (bottom - top) * sourceY.share) / 255
                    }
                    unsafe target[(y * width + x) * channels + c] =
                        (value - means[c]) / deviations[c]
                }
            }
        }
    }

    /// The two source rows (or columns) of a target place and the share of the second.
    private static func sourceCoordinate(
        _ place: Int, _ scale: Float, _ size: Int
    ) -> (low: Int, high: Int, share: Float) {
        let position = max((Float(place) + 0.5) * scale - 0.5, 0)
        let low = min(Int(position), size - 1)  // position is below 2^13
        return (low, min(low + 1, size - 1), position - Float(low))
    }

    private static func mix(
        _ source: UnsafePointer<UInt8>, _ row: Int, _ x: (low: Int, high: Int, share: Float),
        _ images: ImageSet, _ channel: Int
    ) -> Float {
        let start = row * images.width
        let left = unsafe Float(source[(start + x.low) * images.channels + channel])
        let right = unsafe Float(source[(start + x.high) * images.channels + channel])
        return left + (right - left) * x.share
    }
}
