import SearchSpace
import Support

/// The networks a method that learns no distribution chooses its result from: those that had the
/// highest log-likelihoods of the batch they met, each measured anew on all validation images when
/// the weights are trained. One batch alone would reward the luck of having met an easy one.
struct Finalists: Equatable {
    struct Finalist: Equatable {
        let architecture: [Int32]
        /// Nats per image, of the best batch it has met.
        let logLikelihood: Double
    }

    /// Steps behind the last epoch, one a finalist.
    static let most = 16

    /// By the batches' likelihoods, highest first; of equal ones the earlier.
    private(set) var ranked: [Finalist] = []
    /// Log-likelihoods of all validation images, of the first of them.
    private(set) var measured: [Double] = []

    /// A canonical network after it met a batch.
    mutating func offer(_ architecture: [Int32], _ logLikelihood: Double) {
        if let known = ranked.firstIndex(where: { $0.architecture == architecture }) {
            guard logLikelihood > ranked[known].logLikelihood else { return }
            ranked.remove(at: known)
        }
        let place = ranked.firstIndex { $0.logLikelihood < logLikelihood } ?? ranked.count
        guard place < Finalists.most else { return }
        ranked.insert(Finalist(architecture: architecture, logLikelihood: logLikelihood), at: place)
        if ranked.count > Finalists.most { ranked.removeLast() }
    }

    /// The next one to measure.
    var next: [Int32]? {
        measured.count < ranked.count ? ranked[measured.count].architecture : nil
    }

    /// What was measured of it.
    mutating func record(_ logLikelihood: Double) { measured.append(logLikelihood) }

    /// The best of those measured, the first where none is; nil without finalists.
    var best: [Int32]? {
        let best = measured.indices.max { measured[$0] < measured[$1] } ?? 0
        return ranked.indices.contains(best) ? ranked[best].architecture : nil
    }

    // MARK: - Checkpoints

    func encode(into writer: inout ByteWriter) {
        writer.put(ranked.count)
        for finalist in ranked {
            writer.put(finalist.architecture)
            writer.put(finalist.logLikelihood)
        }
        writer.put(measured)
    }

    init() {}

    init(from reader: inout ByteReader, _ space: SearchSpace) throws(FPNASError) {
        for _ in 0..<(try reader.takeInt(0...Finalists.most)) {
            let architecture = try reader.takeInt32s()
            try space.check(architecture)
            ranked.append(
                Finalist(architecture: architecture, logLikelihood: try reader.takeDouble()))
        }
        measured = try reader.takeDoubles()
        guard measured.count <= ranked.count else { throw reader.damaged("the finalists") }
    }
}
