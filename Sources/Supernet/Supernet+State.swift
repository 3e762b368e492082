import Support

extension Supernet {
    /// Parameters, the optimiser's state and running statistics, bit-exactly. Between steps only: a step's
    /// gradient is not part of it.
    public func save(to writer: inout ByteWriter) throws(FPNASError) {
        guard step == nil else {
            throw FPNASError(.state, "weights cannot be saved inside a training step")
        }
        writer.put(steps)
        weights.save(to: &writer)
    }

    /// Takes the state another supernet of the same space saved. After an error it is half taken
    /// and has to be restored again.
    public func restore(from reader: inout ByteReader) throws(FPNASError) {
        steps = try reader.takeInt(0...Int.max)
        try weights.restore(from: &reader)
        step = nil
        gathered = nil
    }
}
