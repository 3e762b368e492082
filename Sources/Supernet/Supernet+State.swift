import Support

extension Supernet {
    /// Parameters, momentum and running statistics, bit-exactly. Between steps only: a step's
    /// gradient is not part of it.
    public func save(to writer: inout ByteWriter) throws(FPNASError) {
        guard step == nil else {
            throw FPNASError(.state, "weights cannot be saved inside a training step")
        }
        for buffer in [weights.parameters, weights.momentum, weights.statistics] {
            unsafe writer.put(UnsafeBufferPointer(buffer.elements))
        }
    }

    /// Takes the state another supernet of the same space saved. After an error it is half taken
    /// and has to be restored again.
    public func restore(from reader: inout ByteReader) throws(FPNASError) {
        for buffer in [weights.parameters, weights.momentum, weights.statistics] {
            unsafe try reader.fill(buffer.elements)
        }
        step = nil
        gathered = nil
    }
}
