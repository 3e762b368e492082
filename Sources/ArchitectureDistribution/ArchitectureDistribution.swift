import CSearchKernels
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
/// one contiguous array. What a step of the search needs of them (exponentials, their running
/// sums, the entropy) is recomputed by `normalise()` in C kernels, O(number of logits);
/// probabilities and their logarithms when they are first asked for.
///
/// Probabilities, entropy and log p are those of raw encodings unless a name says canonical
/// (method of the paper: K counts the raw entropy).
@safe public final class ArchitectureDistribution {
    public let space: SearchSpace
    public let form: DistributionForm
    /// Every group's first logit, and their number at the end.
    public let groupOffsets: [Int]

    public let logits: Buffer<Double>
    /// e^(logit − the group's largest).
    let exponentials: Buffer<Double>
    /// Sums of a group's exponentials up to the end of each of its blocks of 16, for sampling.
    let running: Buffer<Double>
    /// Every group's first block, and their number at the end.
    let blockOffsets: Buffer<Int>
    /// Every group's largest logit.
    let peaks: Buffer<Double>
    /// Scratch of an update: one factor a group.
    let factors: Buffer<Double>
    let kernels: UnsafePointer<fpnas_priv_search_kernels>
    /// The same memory as C sees it.
    let softmax: fpnas_priv_softmax
    private let products: Buffer<Double>
    /// How a group's index is made of choices, as C sees it.
    let digits: fpnas_priv_digits
    private let offsetTable: Buffer<Int>
    private let startTable: Buffer<Int>
    private let radices: Buffer<Double>
    private let derivedLogProbabilities: Buffer<Double>
    private let derivedProbabilities: Buffer<Double>
    private var isDerived = false
    /// H(P(A|α)) of raw encodings in nats.
    public private(set) var entropy = 0.0

    /// What one step of a variable's choice adds to its group's index.
    let strides: Buffer<Int>
    /// Every group's first variable, and V at the end.
    let groupStarts: [Int]

    /// The uniform distribution: all logits 0.
    public convenience init(space: SearchSpace, form: DistributionForm) throws(FPNASError) {
        guard let kernels = unsafe fpnas_priv_search_kernels_named(nil) else {
            throw .invalid("FPNAS_KERNELS names kernels this CPU has not got")
        }
        try unsafe self.init(space: space, form: form, kernels: kernels)
    }

    /// As above with given kernels, which decide nothing but the speed.
    init(
        space: SearchSpace, form: DistributionForm,
        kernels: UnsafePointer<fpnas_priv_search_kernels>
    ) throws(FPNASError) {
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
        self.strides = try Buffer(strides.count, of: "strides")
        for v in strides.indices { self.strides[v] = strides[v] }
        groupStarts = starts
        let count = offsets.last ?? 0
        logits = try Buffer(count, of: "logits")
        derivedLogProbabilities = try Buffer(count, of: "log-probabilities")
        derivedProbabilities = try Buffer(count, of: "probabilities")
        exponentials = try Buffer(count, of: "exponentials")
        let groups = offsets.count - 1
        offsetTable = try Buffer(groups + 1, of: "offsets of groups")
        blockOffsets = try Buffer(groups + 1, of: "offsets of blocks")
        let block = Int(FPNAS_PRIV_SEARCH_BLOCK)
        for g in 0...groups {
            offsetTable[g] = offsets[g]
            guard g > 0 else { continue }
            blockOffsets[g] =
                blockOffsets[g - 1] + (offsets[g] - offsets[g - 1] + block - 1) / block
        }
        running = try Buffer(blockOffsets[groups], of: "running sums")
        peaks = try Buffer(groups, of: "peaks of groups")
        products = try Buffer(groups, of: "products of groups")
        factors = try Buffer(groups, of: "factors of groups")
        unsafe self.kernels = unsafe kernels
        unsafe softmax = unsafe fpnas_priv_softmax(
            group_count: groups, offsets: offsetTable.pointer,
            block_offsets: blockOffsets.pointer, logits: logits.pointer,
            exponentials: exponentials.pointer, running: running.pointer, peaks: peaks.pointer,
            products: products.pointer)
        startTable = try Buffer(groups + 1, of: "first variables of groups")
        for g in 0...groups { startTable[g] = starts[g] }
        radices = try Buffer(space.variableCount, of: "radices")
        for v in 0..<space.variableCount { radices[v] = Double(space.choiceCounts[v]) }
        unsafe digits = unsafe fpnas_priv_digits(
            width: space.variableCount, starts: startTable.pointer, radices: radices.pointer)
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
        unsafe withUnsafePointer(to: softmax) { unsafe kernels.pointee.normalise($0) }
        refreshEntropy()
    }

    /// H = Σ_g ln S_g − (Σ e·(z − peak)) / S_g, neither of which is negative.
    func refreshEntropy() {
        isDerived = false
        var total = 0.0
        for g in 0..<groupCount {
            let sum = exponentialSum(ofGroup: g)
            unsafe total += Elementary.log(sum) - products.pointer[g] / sum
        }
        entropy = total
    }

    /// S_g = Σ e over a group, at least 1.
    @inline(__always)
    func exponentialSum(ofGroup group: Int) -> Double {
        unsafe running.pointer[blockOffsets.pointer[group + 1] - 1]
    }

    /// ln P of every choice of every group, as the logits lie.
    public var logProbabilities: Buffer<Double> {
        if !isDerived { derive() }
        return derivedLogProbabilities
    }

    /// P of every choice of every group, as the logits lie.
    public var probabilities: Buffer<Double> {
        if !isDerived { derive() }
        return derivedProbabilities
    }

    private func derive() {
        for g in 0..<groupCount {
            let sum = exponentialSum(ofGroup: g)
            let shift = Elementary.log(sum)
            let scale = 1 / sum
            let peak = unsafe peaks.pointer[g]
            for i in groupOffsets[g]..<groupOffsets[g + 1] {
                unsafe derivedProbabilities.pointer[i] = exponentials.pointer[i] * scale
                // Keeps the digits of large logits.
                unsafe derivedLogProbabilities.pointer[i] = (logits.pointer[i] - peak) - shift
            }
        }
        isDerived = true
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
