import SearchSpace
import Support

/// A distribution's view as independent layers, each with a list of canonical options, prepared
/// once for a space and a form: what dynamic programmes over the layers ask for at every step.
///
/// `options` are by layer, in the order of `space.options(ofLayer:)`. A layer without variables
/// has one option. The distributions given below are of this space and form.
public final class LayerOptions: Sendable {
    public let space: SearchSpace
    public let form: DistributionForm
    public let options: [[[Int32]]]

    // Joint form: the option that every logit stands for; and the logits of every layer ordered
    // by option, `starts` of which is each option's first.
    private let optionOfLogit: Buffer<Int32>
    private let order: Buffer<Int32>
    private let starts: [[Int]]
    /// Joint form: every layer's group, −1 for a layer without variables.
    private let groups: [Int]

    public init(
        _ distribution: ArchitectureDistribution, options: [[[Int32]]]
    ) throws(FPNASError) {
        space = distribution.space
        form = distribution.form
        self.options = options
        guard form == .joint else {
            optionOfLogit = try Buffer(0, of: "options")
            order = try Buffer(0, of: "options")
            starts = []
            groups = []
            return
        }
        optionOfLogit = try Buffer(distribution.logitCount, of: "options")
        order = try Buffer(distribution.logitCount, of: "options")
        var starts: [[Int]] = []
        var groups: [Int] = []
        for layer in options.indices {
            let members = space.variables(of: layer)
            guard !members.isEmpty else {
                groups.append(-1)
                starts.append([0, 0])
                continue
            }
            let group = distribution.group(of: members.lowerBound)
            groups.append(group)
            let range = distribution.groupOffsets[group]..<distribution.groupOffsets[group + 1]
            // The options' canonical indices are looked up, so none is compared choice by choice.
            var places = [Int32](repeating: 0, count: range.count)
            for (o, option) in options[layer].enumerated() {
                places[distribution.index(of: option, members)] = Int32(o)
            }
            let canonical = distribution.canonicalIndices(ofGroup: group)
            var counts = [Int](repeating: 0, count: options[layer].count + 1)
            for (j, index) in canonical.enumerated() {
                unsafe optionOfLogit.pointer[range.lowerBound + j] = places[index]
                counts[Int(places[index]) + 1] += 1
            }
            for o in options[layer].indices { counts[o + 1] += counts[o] }
            starts.append(counts)
            var next = counts
            for (j, index) in canonical.enumerated() {
                let o = Int(places[index])
                unsafe order.pointer[range.lowerBound + next[o]] = Int32(j)
                next[o] += 1
            }
        }
        self.starts = starts
        self.groups = groups
    }

    // MARK: - Probabilities

    /// P of every option. O(logits + Σ options · variables).
    public func probabilities(_ distribution: ArchitectureDistribution) -> [[Double]] {
        options.indices.map { layer in
            var result = [Double](repeating: 0, count: options[layer].count)
            let members = space.variables(of: layer)
            if members.isEmpty { return [1] }
            switch form {
            case .factorised:
                for (o, option) in options[layer].enumerated() {
                    var product = 1.0
                    for (v, c) in zip(members, option) where c >= 0 {
                        unsafe product *=
                            distribution.probabilities.pointer[
                                distribution.groupOffsets[v] + Int(c)]
                    }
                    result[o] = product
                }
            case .joint:
                for i in logits(of: layer, distribution) {
                    unsafe result[Int(optionOfLogit.pointer[i])] +=
                        distribution.probabilities.pointer[i]
                }
            }
            return result
        }
    }

    /// E[log P(encoding) | option] in nats for every option: the raw log-probability, averaged
    /// over the encodings that are this option. 0 where an option has no probability.
    public func logProbabilities(
        _ distribution: ArchitectureDistribution, _ probabilities: [[Double]]
    ) -> [[Double]] {
        // Factorised: −H of every variable, which counts where the variable does not exist.
        let absent = form == .factorised ? negativeEntropies(distribution) : []
        return options.indices.map { layer in
            let members = space.variables(of: layer)
            var result = [Double](repeating: 0, count: options[layer].count)
            if members.isEmpty { return result }
            switch form {
            case .factorised:
                for (o, option) in options[layer].enumerated() where probabilities[layer][o] > 0 {
                    for (v, c) in zip(members, option) {
                        unsafe result[o] +=
                            c < 0
                            ? absent[v]
                            : distribution.logProbabilities.pointer[
                                distribution.groupOffsets[v] + Int(c)]
                    }
                }
            case .joint:
                for i in logits(of: layer, distribution) {
                    let p = unsafe distribution.probabilities.pointer[i]
                    guard p > 0 else { continue }
                    unsafe result[Int(optionOfLogit.pointer[i])] +=
                        p * distribution.logProbabilities.pointer[i]
                }
                for o in result.indices where probabilities[layer][o] > 0 {
                    result[o] /= probabilities[layer][o]
                }
            }
            return result
        }
    }

    private func negativeEntropies(_ distribution: ArchitectureDistribution) -> [Double] {
        (0..<space.variableCount).map { v in
            var sum = 0.0
            for i in distribution.groupOffsets[v]..<distribution.groupOffsets[v + 1] {
                let p = unsafe distribution.probabilities.pointer[i]
                if p > 0 { unsafe sum += p * distribution.logProbabilities.pointer[i] }
            }
            return sum
        }
    }

    // MARK: - Gradient

    /// Adds factor · ∂/∂α Σ_l Σ_o m_l(o), where m_l(o) = P(o)·f_l(o) and f_l does not depend on
    /// layer l's logits. A variable that does not exist under an option keeps its probabilities.
    ///
    ///     factorised: Σ_{o ∋ c} m(o) + p_vc · Σ_{o without v} m(o) − p_vc · Σ_o m(o)
    ///     joint:      p_j · (m(o_j) / P(o_j) − Σ_o m(o))
    public func addGradient(
        ofMasses masses: [[Double]], _ distribution: ArchitectureDistribution,
        _ probabilities: [[Double]], factor: Double, to gradient: UnsafeMutablePointer<Double>
    ) {
        for layer in options.indices {
            let members = space.variables(of: layer)
            guard !members.isEmpty else { continue }
            var total = 0.0
            for mass in masses[layer] { total += mass }
            switch form {
            case .factorised:
                for (i, v) in members.enumerated() {
                    let start = distribution.groupOffsets[v]
                    var absent = 0.0
                    for (o, option) in options[layer].enumerated() {
                        if option[i] < 0 {
                            absent += masses[layer][o]
                        } else {
                            unsafe gradient[start + Int(option[i])] += factor * masses[layer][o]
                        }
                    }
                    for j in start..<distribution.groupOffsets[v + 1] {
                        unsafe gradient[j] +=
                            factor * distribution.probabilities.pointer[j] * (absent - total)
                    }
                }
            case .joint:
                let ratios = zip(masses[layer], probabilities[layer]).map { m, p in
                    p > 0 ? m / p : 0
                }
                for i in logits(of: layer, distribution) {
                    let ratio = unsafe ratios[Int(optionOfLogit.pointer[i])]
                    unsafe gradient[i] +=
                        factor * distribution.probabilities.pointer[i] * (ratio - total)
                }
            }
        }
    }

    // MARK: - Drawing

    /// Draws a raw encoding of an option: variables that do not exist are drawn from what the
    /// distribution says of them. `random` gives a number for every variable.
    public func draw(
        _ option: Int, layer: Int, _ distribution: ArchitectureDistribution,
        into row: UnsafeMutablePointer<Int32>, _ random: (Int) -> Double
    ) {
        let members = space.variables(of: layer)
        guard !members.isEmpty else { return }
        switch form {
        case .factorised:
            for (v, c) in zip(members, options[layer][option]) {
                unsafe row[v] = c >= 0 ? c : Int32(distribution.draw(v, random(v)))
            }
        case .joint:
            let start = distribution.groupOffsets[groups[layer]]
            let own = starts[layer][option]..<starts[layer][option + 1]
            var chosen = unsafe Int(order.pointer[start + own.lowerBound])
            if own.count > 1 {
                var total = 0.0
                for i in own {
                    unsafe total +=
                        distribution.probabilities.pointer[start + Int(order.pointer[start + i])]
                }
                var left = random(members.lowerBound) * total
                for i in own {
                    let j = unsafe Int(order.pointer[start + i])
                    let p = unsafe distribution.probabilities.pointer[start + j]
                    guard p > 0 else { continue }
                    chosen = j
                    left -= p
                    if left < 0 { break }
                }
            }
            for v in members { unsafe row[v] = Int32(distribution.choice(of: v, at: chosen)) }
        }
    }

    private func logits(
        of layer: Int, _ distribution: ArchitectureDistribution
    ) -> Range<Int> {
        let group = groups[layer]
        return distribution.groupOffsets[group]..<distribution.groupOffsets[group + 1]
    }
}
