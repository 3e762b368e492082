import Supernet
import Support

extension RetrainRun {
    /// The network as `test` measures it: the weights as they are now, or their average where one
    /// is kept, with statistics re-estimated on the training images.
    public func trained() throws(FPNASError) -> TrainedNetwork {
        try measuring { () throws(FPNASError) in
            try estimateStatistics()
            return try TrainedNetwork(
                architecture, of: space, in: supernet, pipeline, threads: options.threadCount)
        }
    }

    /// From now on learns from a network too, be it of another space or image size; see
    /// `distil(logits:weight:temperature:)`. Errors: its classes or channels are others.
    public func distil(
        _ teacher: TrainedNetwork, weight: Double, temperature: Double
    ) throws(FPNASError) {
        guard teacher.classes == pipeline.classes else {
            throw .invalid(
                "the teacher tells \(teacher.classes) classes apart, the images have "
                    + "\(pipeline.classes)")
        }
        try distil(
            logits: try teacher.predict(pipeline.train), weight: weight, temperature: temperature)
    }
}
