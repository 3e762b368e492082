import SearchSpace
import Support

/// Which categorical variables hold the logits.
public enum DistributionForm: Int32, Sendable {
    /// One categorical per variable: Σ |D_m| logits. [FP-NAS §3.3]
    case factorised = 0
    /// One categorical per layer over the product of its variables: Π |D_m| logits a layer.
    case joint = 1
}

/// A probability distribution over the architectures of a space, P(A|α) = Π_g softmax(α_g).
///
/// The groups g are the variables in the factorised form and the layers in the joint form. A
/// joint index counts a layer's choices in mixed radix, its last variable fastest. Logits lie in
/// one contiguous array; everything derived from them (log-probabilities, probabilities,
/// cumulative sums, entropy) is recomputed by `normalise()`, O(number of logits).
///
/// Probabilities, entropy and log p are those of raw encodings unless a name says canonical
/// (method of the paper: K counts the raw entropy).
@safe public final class ArchitectureDistribution {
    public let space: SearchSpace
    public let form: DistributionForm
    /// Every group's first logit, and their number at the end.
    public let groupOffsets: [Int]

    public let logits: Buffer<Double>
    public let logProbabilities: Buffer<Double>
    public let probabilities: Buffer<Double>
    /// Running sums within every group, for sampling.
    let cumulative: Buffer<Double>
    /// H(P(A|α)) of raw encodings in nats.
    public private(set) var entropy = 0.0

    /// What one step of a variable's choice adds to its group's index.
    let strides: [Int]
    /// Every group's first variable, and V at the end.
    let groupStarts: [Int]

    /// The uniform distribution: all logits 0.
    public init(space: SearchSpace, form: DistributionForm) throws(FPNASError) {
        self.space = space
        self.form = form
        var offsets = [0]
        var strides = [Int](repeating: 1, count: space.variableCount)
        var starts = [0]
        switch form {
        case .factorised:
            offsets = space.factorisedOffsets
            starts = Array(0...space.variableCount)
        case .joint:
            guard space.jointLogitCount != nil else {
                throw .invalid(
                    "the joint form of '\(space.name)' would need more than \(1 << 26) logits")
            }
            for layer in 0..<space.layerCount where !space.variables(of: layer).isEmpty {
                var product = 1
                for v in space.variables(of: layer).reversed() {
                    strides[v] = product
                    product *= space.choiceCounts[v]
                }
                starts.append(space.layerStarts[layer + 1])
                offsets.append((offsets.last ?? 0) + product)
            }
        }
        groupOffsets = offsets
        self.strides = strides
        groupStarts = starts
        let count = offsets.last ?? 0
        logits = try Buffer(count, of: "logits")
        logProbabilities = try Buffer(count, of: "log-probabilities")
        probabilities = try Buffer(count, of: "probabilities")
        cumulative = try Buffer(count, of: "cumulative probabilities")
        normalise()
    }

    /// Logits lie within ± this; a gap of 746 already makes a probability 0.
    public static let largestLogit = 1e6

    public var groupCount: Int { groupOffsets.count - 1 }
    public var logitCount: Int { logits.count }

    // MARK: - Logits

    /// Replaces all logits; refuses a wrong count and values that are not finite.
    public func setLogits(_ values: UnsafeBufferPointer<Double>) throws(FPNASError) {
        guard values.count == logitCount else {
            throw .invalid("logits must have \(logitCount) values, got \(values.count)")
        }
        for i in 0..<values.count
        where unsafe !(abs(values[i]) <= ArchitectureDistribution.largestLogit) {
            throw unsafe .invalid("logit \(i) must be finite and within ±1e6, got \(values[i])")
        }
        for i in 0..<values.count { unsafe logits.pointer[i] = values[i] }
        normalise()
    }

    /// Recomputes everything that depends on the logits; called after they were changed in place.
    public func normalise() {
        let z = unsafe logits.pointer
        let logp = unsafe logProbabilities.pointer
        let p = unsafe probabilities.pointer
        let running = unsafe cumulative.pointer
        var total = 0.0
        for g in 0..<groupCount {
            let range = groupOffsets[g]..<groupOffsets[g + 1]
            var peak = -Double.infinity
            for i in range where unsafe z[i] > peak { unsafe peak = z[i] }
            var sum = 0.0
            for i in range {
                let e = unsafe Elementary.exp(z[i] - peak)
                unsafe p[i] = e
                sum += e
            }
            let shift = Elementary.log(sum)
            let scale = 1 / sum
            var entropy = 0.0
            var mass = 0.0
            for i in range {
                unsafe p[i] *= scale
                unsafe logp[i] = (z[i] - peak) - shift  // keeps the digits of large logits
                unsafe entropy -= p[i] * logp[i]
                unsafe mass += p[i]
                unsafe running[i] = mass
            }
            // A uniform number may exceed the rounded sum: it then falls to the last choice that
            // can be drawn at all.
            var last = range.upperBound - 1
            while last > range.lowerBound, unsafe p[last] == 0 { last -= 1 }
            for i in last..<range.upperBound { unsafe running[i] = 2 }
            total += max(entropy, 0)
        }
        entropy = total
    }

    /// An independent copy.
    public func snapshot() throws(FPNASError) -> ArchitectureDistribution {
        let copy = try ArchitectureDistribution(space: space, form: form)
        unsafe copy.logits.pointer.update(from: logits.pointer, count: logitCount)
        copy.normalise()
        return copy
    }

    // MARK: - Coarse to fine

    /// The same distribution in joint form: joint logit = Σ_m log P_m. [FP-NAS §3.3]
    ///
    /// Every architecture keeps its log p to about 1e-15 per variable; entropy and K stay.
    public func joint() throws(FPNASError) -> ArchitectureDistribution {
        guard form == .factorised else { return try snapshot() }
        let joint = try ArchitectureDistribution(space: space, form: .joint)
        joint.setJoint(of: self)
        return joint
    }

    /// Makes this joint form the same distribution as a factorised one of the same space.
    public func setJoint(of factorised: ArchitectureDistribution) {
        assert(form == .joint && factorised.form == .factorised && space == factorised.space)
        for g in 0..<groupCount {
            for i in groupOffsets[g]..<groupOffsets[g + 1] {
                var sum = 0.0
                for v in variables(ofGroup: g) {
                    let c = choice(of: v, at: i - groupOffsets[g])
                    unsafe sum +=
                        factorised.logProbabilities.pointer[
                            factorised.groupOffsets[v] + c]
                }
                unsafe logits.pointer[i] = sum
            }
        }
        normalise()
    }

    // MARK: - Indices

    /// The choice of a variable that a group index stands for.
    @inline(__always)
    func choice(of variable: Int, at index: Int) -> Int {
        index / strides[variable] % space.choiceCounts[variable]
    }

    /// The variables of a group: groups share the variables out in space order.
    @inline(__always)
    func variables(ofGroup group: Int) -> Range<Int> {
        groupStarts[group]..<groupStarts[group + 1]
    }
}
