import CKernels
import SearchSpace
import Support

/// Sums from which the running statistics are made, in the layout of the statistics buffer: means,
/// and mean squares, each times its number of images.
struct GatheredStatistics {
    var images = 0.0
    let sums: Buffer<Double>
}

extension Supernet {
    /// Begins to gather batch-normalisation statistics for `.running` evaluation.
    public func beginStatistics() throws(FPNASError) {
        gathered = GatheredStatistics(
            sums: try Buffer(weights.statistics.count, of: "the gathered statistics"))
    }

    /// Adds a batch of the network whose statistics are wanted.
    public func gatherStatistics(
        _ network: Network, images: Buffer<Float>, first: Int = 0, count: Int
    ) throws(FPNASError) {
        guard var gathered else {
            throw FPNASError(.state, "gathering statistics has to begin before it takes a batch")
        }
        _ = try run(network, images, first, nil, .batch, count: count) {
            (pass, team) throws(FPNASError) in
            for b in self.bound.operators where b.s.hasNorm {
                let norm = b.norm
                for c in 0..<norm.channels {
                    let mean = unsafe Double(pass.at(norm.row(.mean))[c])
                    let variance = unsafe Double(pass.at(norm.row(.variance))[c])
                    gathered.sums[norm.statistics + c] += Double(count) * mean
                    gathered.sums[norm.statistics + norm.line + c] +=
                        Double(count) * (variance + mean * mean)
                }
            }
            return BatchResult(logLikelihood: 0, correct: 0, count: count)
        }
        gathered.images += Double(count)
        self.gathered = gathered
    }

    /// Turns what was gathered into running statistics: mean, and variance over all batches.
    public func finishStatistics() throws(FPNASError) {
        guard let gathered, gathered.images > 0 else {
            throw FPNASError(.state, "no batch was gathered for the running statistics")
        }
        for norm in weights.norms {
            for c in norm.statistics..<(norm.statistics + norm.line) {
                let mean = gathered.sums[c] / gathered.images
                let square = gathered.sums[c + norm.line] / gathered.images
                weights.statistics[c] = Float(mean)
                weights.statistics[c + norm.line] = Float(max(0, square - mean * mean))
            }
        }
        self.gathered = nil
    }
}
