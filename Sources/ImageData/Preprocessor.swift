import Support

/// Turns 8-bit images into normalised NHWC Float32 batches of a chosen size.
///
/// Images are resized (`ResizingAxis`; their aspect ratio is not kept), changed by augmentation,
/// then (x / 255 − mean) / deviation by channel, both measured on the training images.
public struct Preprocessor: Sendable {
    public let height: Int
    public let width: Int
    public let channels: Int
    public let means: [Float]
    public let deviations: [Float]
    public let augmentation: Augmentation
    private let random: Philox
    /// For images of the training set's size.
    private let resizing: Resizing?

    /// Most files that are decoded to measure mean and deviation.
    static let measuredFiles = 2048

    /// Measures the statistics over the pixels of the given images of a set, at their own size; of
    /// PNG files, on `measuredFiles` of them at even distances in the order of `indices`.
    public init(
        height: Int, width: Int, measuring images: ImageSet, _ indices: [Int32],
        augmentation: Augmentation = Augmentation(), seed: UInt64,
        workers: ImageWorkers = ImageWorkers(threads: 1)
    ) throws(FPNASError) {
        guard (1...4096).contains(height), (1...4096).contains(width) else {
            throw .invalid("image size must be in [1, 4096], got \(height)x\(width)")
        }
        self.height = height
        self.width = width
        self.augmentation = augmentation
        channels = images.channels
        random = Philox(seed: seed, stream: .augmentation)
        resizing =
            images.hasOneSize
            ? Resizing(height: images.height, width: images.width, to: height, width) : nil
        (means, deviations) = try Preprocessor.measure(images, indices, workers)
    }

    /// With means and deviations that are known, one for every channel; without augmentation.
    public init(
        height: Int, width: Int, means: [Float], deviations: [Float]
    ) throws(FPNASError) {
        guard means.count == deviations.count, means.count == 1 || means.count == 3 else {
            throw .invalid(
                "\(means.count) means and \(deviations.count) deviations of 1 or 3 channels")
        }
        for (mean, deviation) in zip(means, deviations)
        where !(mean.isFinite && deviation.isFinite && deviation > 0) {
            throw .invalid("a channel has the mean \(mean) and the deviation \(deviation)")
        }
        self.height = height
        self.width = width
        self.means = means
        self.deviations = deviations
        channels = means.count
        augmentation = Augmentation()
        random = Philox(seed: 0, stream: .augmentation)
        resizing = nil
    }

    private static func measure(
        _ images: ImageSet, _ indices: [Int32], _ workers: ImageWorkers
    ) throws(FPNASError) -> (means: [Float], deviations: [Float]) {
        let channels = images.channels
        let number = images.isLazy ? min(indices.count, measuredFiles) : indices.count
        // Of every worker: pixels, then sums and squares by channel. Sums of bytes are exact in
        // integers, in any order.
        let line = 1 + 2 * channels
        let sums = try Buffer<Int>(workers.scratches.count * line, of: "sums")
        try workers.forEach(number, isSmall: !images.isLazy) {
            (k, worker) throws(FPNASError) in
            let index = Int(indices[k * indices.count / number])
            let view = try images.image(index, workers.scratches[worker])
            let pixels = view.height * view.width
            let mine = unsafe sums.pointer + worker * line
            unsafe mine[0] += pixels
            for c in 0..<channels {
                var sum = 0
                var squares = 0
                for p in stride(from: c, to: pixels * channels, by: channels) {
                    let value = unsafe Int(view.pixels[p])
                    sum += value
                    squares += value * value
                }
                unsafe mine[1 + 2 * c] += sum
                unsafe mine[2 + 2 * c] += squares
            }
        }
        func total(_ k: Int) -> Double {
            Double((0..<workers.scratches.count).reduce(0) { $0 + sums[$1 * line + k] })
        }
        let count = max(total(0), 1)
        var means: [Float] = []
        var deviations: [Float] = []
        for c in 0..<channels {
            let mean = total(1 + 2 * c) / count
            let variance = max(total(2 + 2 * c) / count - mean * mean, 0)
            means.append(Float(mean / 255))
            deviations.append(Float(max(variance.squareRoot() / 255, 1e-3)))
        }
        return (means, deviations)
    }

    /// Floats of one image in a batch.
    public var imageSize: Int { height * width * channels }

    /// Writes `indices.count` images; memory holds at least so many. Errors name the file that
    /// cannot be decoded; the memory then holds nothing of use.
    ///
    /// `step` is nil for no augmentation.
    public func fill(
        _ batch: UnsafeMutablePointer<Float>, from images: ImageSet, _ indices: ArraySlice<Int32>,
        augmentation step: Int?, _ workers: ImageWorkers
    ) throws(FPNASError) {
        // Starting threads takes as long as copying a few thousand pixels.
        let isSmall = !images.isLazy && indices.count * imageSize < 1 << 18
        try workers.forEach(indices.count, isSmall: isSmall) {
            (place, worker) throws(FPNASError) in
            let scratch = workers.scratches[worker]
            let view = try images.image(Int(indices[indices.startIndex + place]), scratch)
            var resizing =
                self.resizing
                ?? Resizing(height: view.height, width: view.width, to: height, width)
            if !resizing.fits(view) {
                resizing = Resizing(height: view.height, width: view.width, to: height, width)
            }
            let image = try unsafe resizing.apply(view, channels: channels, scratch)
            let draw = step.map {
                augmentation.draw(random, step: $0, place: place, height: height, width: width)
            }
            unsafe put(image, draw ?? Augmentation.Draw(), into: batch + place * imageSize)
        }
    }

    /// Writes `count` images that lie one after the other, rows × columns × channels, all of one
    /// size in [1, 2^15].
    public func fill(
        _ batch: UnsafeMutablePointer<Float>, from pixels: UnsafePointer<UInt8>, count: Int,
        height: Int, width: Int, _ workers: ImageWorkers
    ) throws(FPNASError) {
        let resizing = Resizing(height: height, width: width, to: self.height, self.width)
        let size = height * width * channels
        try workers.forEach(count, isSmall: count * imageSize < 1 << 18) {
            (place, worker) throws(FPNASError) in
            let view = unsafe ImageView(
                pixels: pixels + place * size, height: height, width: width)
            let image = try unsafe resizing.apply(
                view, channels: channels, workers.scratches[worker])
            unsafe put(image, Augmentation.Draw(), into: batch + place * imageSize)
        }
    }

    private func put(
        _ image: UnsafePointer<Float>, _ draw: Augmentation.Draw,
        into target: UnsafeMutablePointer<Float>
    ) {
        for y in 0..<height {
            let row = y - draw.shiftY
            let isRowInside = (0..<height).contains(row)
            for x in 0..<width {
                let column = (draw.isMirrored ? width - 1 - x : x) - draw.shiftX
                let isInside = isRowInside && (0..<width).contains(column)
                for c in 0..<channels {
                    let value =
                        isInside ? unsafe image[(row * width + column) * channels + c] / 255 : 0
                    unsafe target[(y * width + x) * channels + c] =
                        (value - means[c]) / deviations[c]
                }
            }
        }
        for y in draw.rows {
            unsafe (target + (y * width + draw.columns.lowerBound) * channels).update(
                repeating: 0, count: draw.columns.count * channels)
        }
    }
}
