import SearchSpace
import Support

/// What a mixed network made of a batch.
public struct MixedResult: Sendable {
    public let batch: BatchResult
    /// ∂ mean loss / ∂ coefficients, one a choice; empty where no gradient was asked for.
    public let coefficientGradient: [Double]
}

extension Supernet {
    /// Runs a mixed network with these coefficients on a batch, adds the gradient of the mean loss
    /// to the step, and returns its derivatives with respect to the coefficients.
    ///
    /// The supernet was made for the network. After an error the step has to be abandoned.
    public func accumulate(
        _ mixed: MixedNetwork, coefficients: some Collection<Double>, images: Buffer<Float>,
        first: Int = 0, labels: [Int32], loss: Loss = Loss()
    ) throws(FPNASError) -> MixedResult {
        guard var sum = step else {
            throw FPNASError(.state, "a training step has to begin before it takes gradients")
        }
        let weighted = try MixedCoefficients(mixed, coefficients)
        try check(loss, labels.count)
        let result = try run(mixed, weighted, images, first, labels, trains: true) {
            (pass, team) throws(FPNASError) in
            let result = try self.likelihood(pass, loss)
            // Every pass of a step weighs the same.
            _ = try sum.push(0, multiplicity: 1)
            self.step = sum
            self.blockCounts.evaluated += mixed.candidateCount
            self.blockCounts.drawn += mixed.candidateCount
            self.backward(pass, team)
            return result
        }
        return MixedResult(
            batch: result, coefficientGradient: weighted.gradient(of: factorGradient))
    }

    /// The likelihood of a batch under a mixed network, with no gradient.
    public func evaluate(
        _ mixed: MixedNetwork, coefficients: some Collection<Double>, images: Buffer<Float>,
        first: Int = 0, labels: [Int32], weights: [Float]? = nil
    ) throws(FPNASError) -> BatchResult {
        let loss = Loss(weights: weights)
        try check(loss, labels.count)
        let weighted = try MixedCoefficients(mixed, coefficients)
        return try run(mixed, weighted, images, first, labels, trains: false) {
            (pass, team) throws(FPNASError) in try self.likelihood(pass, loss)
        }
    }

    private func run(
        _ mixed: MixedNetwork, _ weighted: MixedCoefficients, _ images: Buffer<Float>,
        _ first: Int, _ labels: [Int32], trains: Bool,
        _ body: (Pass, ThreadTeam) throws(FPNASError) -> BatchResult
    ) throws(FPNASError) -> BatchResult {
        guard mixed.input == input, mixed.classes == classes else {
            throw .invalid("the mixed network is not of the supernet's space")
        }
        let prepared = try prepare(LiveOperators(mixed.operators), mixed.blocks)
        factorGradient = [Double](repeating: 0, count: weighted.factors.count)
        factorOffsets = mixed.rows.map(\.offset)
        return try run(
            prepared, images, first, labels, .batch, trains: trains,
            bound: { self.placeRows(mixed, weighted.factors) }, body)
    }

    /// Writes the factors where the operators read them.
    private func placeRows(_ mixed: MixedNetwork, _ factors: [Double]) {
        for b in bound.operators where b.row >= 0 {
            let line = b.s.code == .mixture ? b.s.outLine : b.s.squeezeLine
            for i in 0..<(b.s.rowsNeed / max(line, 1)) {
                let row = mixed.rows[b.row + i]
                for c in 0..<line {
                    arena[b.rows + i * line + c] =
                        c < row.channels ? Float(factors[row.offset + c]) : 0
                }
            }
        }
    }

    /// Adds the chunks' derivatives by an operator's factors, in their order.
    func reduceRows(_ b: BoundOperator, _ pass: Pass) {
        let isMixture = b.s.code == .mixture
        let line = isMixture ? b.s.outLine : b.s.squeezeLine
        let start = isMixture ? 0 : AttentionParts(b.s).mask
        for i in 0..<(b.s.rowsNeed / max(line, 1)) {
            let offset = factorOffsets[b.row + i]
            let end =
                b.row + i + 1 < factorOffsets.count
                ? factorOffsets[b.row + i + 1] : factorGradient.count
            for chunk in 0..<pass.chunks {
                let sums = unsafe pass.arena + plan.weightParts + chunk * plan.weightStep + start
                for c in 0..<(end - offset) {
                    unsafe factorGradient[offset + c] += Double(sums[i * line + c])
                }
            }
        }
    }
}
