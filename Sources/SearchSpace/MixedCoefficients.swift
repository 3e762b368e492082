import Support

/// One layer's members: pairs of an option and a width that comes in, option after option.
struct MixedLayer: Sendable {
    let widthsIn: Int
    var widthsOut = 1
    /// The coefficients every option is the product of.
    var options: [[Int]] = []
    /// By member, the place of the width it gives out.
    var out: [Int] = []

    init(widthsIn: Int) { self.widthsIn = widthsIn }
}

/// Factors of the channels of one operator's input: of channel c the sum of the probabilities of
/// those members of a layer that are wider than c.
public struct MixedRow: Sendable {
    let layer: Int
    /// Whether they are divided by the probability of all its members.
    let isShare: Bool
    public let channels: Int
    /// Its first factor among those of all rows.
    public let offset: Int
    let members: [Int32]
    let widths: [Int32]
}

/// The factors of a mixed network's rows for some coefficients, and the way back from the gradient
/// of a loss with respect to them. O(members of all rows).
public struct MixedCoefficients {
    private let network: MixedNetwork
    private let coefficients: [Double]
    /// Of every layer: probabilities of its options, of the widths that come in, and of members.
    private var options: [[Double]] = []
    private var incoming: [[Double]] = []
    private var members: [[Double]] = []
    private var totals: [Double] = []
    /// All rows, one behind the other.
    public private(set) var factors: [Double]

    /// `coefficients` has one value a choice, variable after variable; those of a variable need not
    /// add up to 1, as far as the factors are concerned.
    public init(
        _ network: MixedNetwork, _ coefficients: some Collection<Double>
    ) throws(FPNASError) {
        guard coefficients.count == network.coefficientCount else {
            throw .invalid(
                "there must be \(network.coefficientCount) coefficients, got \(coefficients.count)")
        }
        for value in coefficients where !(abs(value) <= 1e6) {
            throw .invalid("a coefficient must be within ±1e6, got \(value)")
        }
        self.network = network
        self.coefficients = Array(coefficients)
        factors = [Double](repeating: 0, count: network.rowLength)
        makeMembers()
        for row in network.rows { makeRow(row) }
    }

    private mutating func makeMembers() {
        var widths = [1.0]
        for layer in network.layers {
            let own = layer.options.map { $0.reduce(1) { $0 * coefficients[$1] } }
            var probabilities: [Double] = []
            probabilities.reserveCapacity(layer.out.count)
            for option in own { for width in widths { probabilities.append(option * width) } }
            options.append(own)
            incoming.append(widths)
            members.append(probabilities)
            widths = [Double](repeating: 0, count: layer.widthsOut)
            for (member, out) in layer.out.enumerated() { widths[out] += probabilities[member] }
            // There is no choice among one.
            if widths.count == 1 { widths = [1] }
        }
    }

    private mutating func makeRow(_ row: MixedRow) {
        let p = members[row.layer]
        var steps = [Double](repeating: 0, count: row.channels + 1)
        var total = 0.0
        for (member, width) in zip(row.members, row.widths) {
            total += p[Int(member)]
            steps[min(Int(width), row.channels)] += p[Int(member)]
        }
        totals.append(total)
        let scale = row.isShare ? (total != 0 ? 1 / total : 0) : 1
        var sum = 0.0
        for c in (0..<row.channels).reversed() {
            sum += steps[c + 1]
            factors[row.offset + c] = sum * scale
        }
    }

    // MARK: - Backward

    /// ∂L/∂coefficients from ∂L/∂factors.
    public func gradient(of factorGradient: [Double]) -> [Double] {
        var result = [Double](repeating: 0, count: coefficients.count)
        var pulls = members.map { [Double](repeating: 0, count: $0.count) }
        for (number, row) in network.rows.enumerated() {
            pull(row, totals[number], factorGradient, &pulls[row.layer])
        }
        /// ∂L/∂ the probabilities of the widths a layer gives out.
        var widths: [Double] = []
        for (index, layer) in network.layers.enumerated().reversed() {
            var own = [Double](repeating: 0, count: layer.options.count)
            var before = [Double](repeating: 0, count: layer.widthsIn)
            for (member, out) in layer.out.enumerated() {
                let (option, width) = (member / layer.widthsIn, member % layer.widthsIn)
                let pull = pulls[index][member] + (layer.widthsOut > 1 ? widths[out] : 0)
                own[option] += pull * incoming[index][width]
                before[width] += pull * options[index][option]
            }
            for (option, factors) in layer.options.enumerated() {
                spread(own[option], over: factors, &result)
            }
            widths = before
        }
        return result
    }

    private func pull(
        _ row: MixedRow, _ total: Double, _ gradient: [Double], _ pulls: inout [Double]
    ) {
        guard !row.isShare || total != 0 else { return }
        // Σ gradient over the first w channels, and what normalising takes away.
        var sums = [0.0]
        var mean = 0.0
        for c in 0..<row.channels {
            sums.append(sums[c] + gradient[row.offset + c])
            mean += gradient[row.offset + c] * factors[row.offset + c]
        }
        for (member, width) in zip(row.members, row.widths) {
            let sum = sums[min(Int(width), row.channels)]
            pulls[Int(member)] += row.isShare ? (sum - mean) / total : sum
        }
    }

    /// Adds the derivatives of a product, without dividing by factors that may be 0.
    private func spread(_ pull: Double, over factors: [Int], _ result: inout [Double]) {
        guard pull != 0 else { return }
        var before = pull
        for (i, factor) in factors.enumerated() {
            var after = 1.0
            for other in factors[(i + 1)...] { after *= coefficients[other] }
            result[factor] += before * after
            before *= coefficients[factor]
        }
    }
}
