import Support

/// One axis of bilinear resizing without aligned corners, antialiased when it shrinks: every new
/// place is a weighted mean of neighbouring old ones.
///
///     scale = old / new      centre(i) = (i + 1/2)·scale      radius = max(scale, 1)
///     weight(i, j) ∝ max(0, 1 − |j + 1/2 − centre(i)| / radius),  of sum 1 over the old places j
///
/// As PyTorch's `interpolate(mode="bilinear", align_corners=False, antialias=True)` and Pillow's
/// BILINEAR; when it enlarges, also as PyTorch's without antialiasing.
struct ResizingAxis: Sendable {
    let oldSize: Int
    let newSize: Int
    /// Of every new place, the first old one and how many follow, and their weights.
    private let firsts: [Int32]
    private let counts: [Int32]
    private let weights: [Float]
    /// Weights of one new place.
    private let room: Int

    /// Sizes are at least 1 and at most 2^15.
    init(from oldSize: Int, to newSize: Int) {
        self.oldSize = oldSize
        self.newSize = newSize
        let scale = Double(oldSize) / Double(newSize)
        let radius = max(scale, 1)
        // At most 2·radius + 1 places are nearer than the radius; in range: scale is below 2^15.
        room = min(oldSize, Int((2 * radius).rounded(.up)) + 1)
        var firsts: [Int32] = []
        var counts: [Int32] = []
        var weights: [Float] = []
        for i in 0..<newSize {
            let centre = (Double(i) + 0.5) * scale
            let first = max(Int((centre - radius + 0.5).rounded(.towardZero)), 0)
            let end = min(Int((centre + radius + 0.5).rounded(.towardZero)), oldSize)
            let shares = (first..<end).map { max(0, 1 - abs(Double($0) + 0.5 - centre) / radius) }
            let sum = shares.reduce(0, +)
            firsts.append(Int32(first))
            counts.append(Int32(shares.count))
            weights += shares.map { Float($0 / sum) }
            weights += repeatElement(0, count: room - shares.count)
        }
        self.firsts = firsts
        self.counts = counts
        self.weights = weights
    }

    /// `lines` rows of `oldSize` pixels become rows of `newSize` pixels.
    func resizeRows(
        _ source: UnsafePointer<UInt8>, lines: Int, channels: Int,
        into target: UnsafeMutablePointer<Float>
    ) {
        guard oldSize != newSize else {
            for i in 0..<(lines * newSize * channels) { unsafe target[i] = Float(source[i]) }
            return
        }
        for line in 0..<lines {
            let row = unsafe source + line * oldSize * channels
            let out = unsafe target + line * newSize * channels
            for x in 0..<newSize {
                let first = unsafe row + Int(firsts[x]) * channels
                for c in 0..<channels {
                    var sum: Float = 0
                    for k in 0..<Int(counts[x]) {
                        unsafe sum += weights[x * room + k] * Float(first[k * channels + c])
                    }
                    unsafe out[x * channels + c] = sum
                }
            }
        }
    }

    /// `oldSize` rows of `width` floats become `newSize` rows.
    func resizeColumns(
        _ source: UnsafePointer<Float>, width: Int, into target: UnsafeMutablePointer<Float>
    ) {
        for y in 0..<newSize {
            let out = unsafe target + y * width
            unsafe out.update(repeating: 0, count: width)
            for k in 0..<Int(counts[y]) {
                let row = unsafe source + (Int(firsts[y]) + k) * width
                let weight = weights[y * room + k]
                for x in 0..<width { unsafe out[x] += weight * row[x] }
            }
        }
    }
}

/// Both axes.
struct Resizing: Sendable {
    private let rows: ResizingAxis
    private let columns: ResizingAxis

    init(height: Int, width: Int, to newHeight: Int, _ newWidth: Int) {
        rows = ResizingAxis(from: height, to: newHeight)
        columns = ResizingAxis(from: width, to: newWidth)
    }

    func fits(_ view: ImageView) -> Bool {
        view.height == rows.oldSize && view.width == columns.oldSize
    }

    /// The image at its new size, values in [0, 255], in the scratch's memory.
    func apply(
        _ view: ImageView, channels: Int, _ scratch: ImageScratch
    ) throws(FPNASError) -> UnsafePointer<Float> {
        let width = columns.newSize * channels
        let narrow = try unsafe scratch.rows(view.height * width)
        unsafe columns.resizeRows(
            view.pixels, lines: view.height, channels: channels, into: narrow)
        guard rows.oldSize != rows.newSize else { return unsafe UnsafePointer(narrow) }
        let image = try unsafe scratch.image(rows.newSize * width)
        unsafe rows.resizeColumns(narrow, width: width, into: image)
        return unsafe UnsafePointer(image)
    }
}
