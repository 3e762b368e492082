import SearchSpace
import Support

/// Where everything one network needs during a pass lies in one block of memory.
///
/// Sized once for the largest network of a space and a batch of `capacity`. Operators keep their
/// result as it is before normalisation and activation, one behind the other; whoever reads it
/// applies these on the way. Gradients live in slots that are used again.
struct ActivationPlan {
    /// Most chunks a batch is cut into. Fixed: sums over chunks depend on it.
    static let maximumChunks = 16
    /// Fewest pixels of a chunk where there are more than four: each chunk has a gradient of an
    /// operator's weights of its own, whose memory is to be worth its traffic.
    static let chunkPixels = 512

    let capacity: Int
    let chunks: Int
    /// The batch's images with aligned pixels.
    let images: Int
    let imagePixels: Int
    let imageChannels: Int
    /// Memory for gradients that wait where networks branch off one another.
    let branches: [Int]
    /// Rows of the widest line: of zeros, and of ones.
    let zeros: Int
    let ones: Int
    /// Gradient slots.
    let slots: [Int]
    let slotSizes: [Int]
    /// Per thread.
    let scratch: Int
    let scratchStep: Int
    /// Where scratch memory for the images of a chunk begins in it.
    let scratchRows: Int
    /// Per chunk: gradients of one operator's weights.
    let weightParts: Int
    let weightStep: Int
    /// Per chunk: sums of normalisations; first a place for sums nobody wants.
    let sumParts: Int
    let sumStep: Int
    let wantedSums: Int
    /// The weights of the operator that runs, packed for its products or gathered.
    let packed: Int
    /// Results of the operators, to the end of the arena.
    let activations: Int
    let line: Int
    let count: Int

    init(_ extent: SpaceExtent, capacity: Int, threads: Int) throws(FPNASError) {
        var layout = Layout()
        self.capacity = capacity
        let pixels = try checkedProduct(
            capacity, extent.input.height, extent.input.width, of: "the images")
        let worthwhile = pixels / ActivationPlan.chunkPixels
        chunks = min(capacity, max(4, min(ActivationPlan.maximumChunks, worthwhile)))
        line = extent.line
        zeros = try layout.take(1, line)
        ones = try layout.take(1, line)
        images = try layout.take(
            capacity,
            try checkedProduct(
                extent.input.height, extent.input.width, laneAligned(extent.input.channels),
                of: "the images"))
        imagePixels = extent.input.height * extent.input.width
        imageChannels = extent.input.channels
        branches = try (0..<extent.branches).map { _ throws(FPNASError) in
            try layout.take(capacity, extent.slots[0])
        }
        slots = try extent.slots.map { size throws(FPNASError) in
            try layout.take(capacity, size)
        }
        slotSizes = extent.slots
        // Whole cache lines, so that chunks do not share any.
        let chunkImages = (capacity + chunks - 1) / chunks
        scratchRows = (extent.scratch + 15) & ~15
        scratchStep =
            (scratchRows
                + (try checkedProduct(chunkImages, extent.scratchPerImage, of: "scratch memory"))
                + 15) & ~15
        scratch = try layout.take(threads, scratchStep)
        weightStep = (extent.parts + 15) & ~15
        weightParts = try layout.take(chunks, weightStep)
        wantedSums = 2 * line
        sumStep = (wantedSums + max(extent.sums, 3 * line) + 15) & ~15
        sumParts = try layout.take(chunks, sumStep)
        packed = try layout.take(1, extent.packed)
        activations = layout.count
        _ = try layout.take(capacity, extent.activations.perImage, limited: false)
        _ = try layout.take(1, extent.activations.fixed, limited: false)
        count = layout.count
    }
}

extension ActivationPlan {
    struct Layout {
        private(set) var count = 0

        mutating func take(
            _ rows: Int, _ size: Int, limited: Bool = true
        ) throws(FPNASError) -> Int {
            let offset = count
            let floats = try checkedProduct(rows, size, of: "the activations")
            // BLAS counts in 32 bits, so no region may be longer.
            guard floats < 1 << (limited ? 31 : 40) else {
                throw .invalid("the activations are too large: \(rows) x \(size) floats")
            }
            count += (floats + 15) & ~15
            return offset
        }
    }
}
