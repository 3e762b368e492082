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
    /// Every layer's first option, and their number at the end.
    public let offsets: [Int]
    /// All options' choices one after the other, and every layer's first.
    private let choices: Buffer<Int32>
    private let choiceOffsets: [Int]

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
        var offsets = [0]
        var choiceOffsets = [0]
        for (layer, own) in options.enumerated() {
            let width = space.variables(of: layer).count
            offsets.append(offsets[layer] + own.count)
            choiceOffsets.append(choiceOffsets[layer] + own.count * width)
        }
        self.offsets = offsets
        self.choiceOffsets = choiceOffsets
        choices = try Buffer(choiceOffsets[options.count], of: "options")
        for (layer, own) in options.enumerated() {
            var place = choiceOffsets[layer]
            for option in own {
                for choice in option {
                    choices[place] = choice
                    place += 1
                }
            }
        }
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

    /// P of every option o, in the order of `offsets`, and P(o)·E[log P(encoding) | o] in nats: the
    /// raw log-probability averaged over the encodings that are this option; 0 where P is 0.
    /// O(logits + Σ options · variables), no allocation.
    public func evaluate(
        _ distribution: ArchitectureDistribution,
        probabilities: UnsafeMutablePointer<Double>, logMasses: UnsafeMutablePointer<Double>
    ) {
        let p = unsafe distribution.probabilities.pointer
        let logP = unsafe distribution.logProbabilities.pointer
        for layer in options.indices {
            let count = offsets[layer + 1] - offsets[layer]
            let product = unsafe probabilities + offsets[layer]
            let mass = unsafe logMasses + offsets[layer]
            let members = space.variables(of: layer)
            guard !members.isEmpty else {
                unsafe product.pointee = 1
                unsafe mass.pointee = 0
                continue
            }
            switch form {
            case .factorised:
                for o in 0..<count {
                    unsafe product[o] = 1
                    unsafe mass[o] = 0
                }
                for (i, v) in members.enumerated() {
                    let range = distribution.groupOffsets[v]..<distribution.groupOffsets[v + 1]
                    // −H of the variable, which counts where it does not exist.
                    var absent = 0.0
                    for j in range where unsafe p[j] > 0 { unsafe absent += p[j] * logP[j] }
                    var place = choiceOffsets[layer] + i
                    for o in 0..<count {
                        let c = unsafe Int(choices.pointer[place])
                        place += members.count
                        if c >= 0 {
                            unsafe product[o] *= p[range.lowerBound + c]
                            unsafe mass[o] += logP[range.lowerBound + c]
                        } else {
                            unsafe mass[o] += absent
                        }
                    }
                }
                for o in 0..<count {
                    unsafe mass[o] = product[o] > 0 ? product[o] * mass[o] : 0
                }
            case .joint:
                for o in 0..<count {
                    unsafe product[o] = 0
                    unsafe mass[o] = 0
                }
                for j in logits(of: layer, distribution) where unsafe p[j] > 0 {
                    let o = unsafe Int(optionOfLogit.pointer[j])
                    unsafe product[o] += p[j]
                    unsafe mass[o] += p[j] * logP[j]
                }
            }
        }
    }

    // MARK: - Gradient

    /// Adds factor · ∂/∂α Σ_l Σ_o m_l(o), where m_l(o) = P(o)·f_l(o) and f_l does not depend on
    /// layer l's logits. A variable that does not exist under an option keeps its probabilities.
    ///
    ///     factorised: Σ_{o ∋ c} m(o) + p_vc · Σ_{o without v} m(o) − p_vc · Σ_o m(o)
    ///     joint:      p_j · (m(o_j) / P(o_j) − Σ_o m(o))
    public func addGradient(
        ofMasses masses: UnsafePointer<Double>, _ distribution: ArchitectureDistribution,
        _ probabilities: UnsafePointer<Double>, factor: Double,
        to gradient: UnsafeMutablePointer<Double>
    ) {
        let p = unsafe distribution.probabilities.pointer
        for layer in options.indices {
            let members = space.variables(of: layer)
            guard !members.isEmpty else { continue }
            let count = offsets[layer + 1] - offsets[layer]
            let mass = unsafe masses + offsets[layer]
            let whole = unsafe probabilities + offsets[layer]
            var total = 0.0
            for o in 0..<count { unsafe total += mass[o] }
            switch form {
            case .factorised:
                for (i, v) in members.enumerated() {
                    let start = distribution.groupOffsets[v]
                    var absent = 0.0
                    var place = choiceOffsets[layer] + i
                    for o in 0..<count {
                        let c = unsafe Int(choices.pointer[place])
                        place += members.count
                        if c < 0 {
                            unsafe absent += mass[o]
                        } else {
                            unsafe gradient[start + c] += factor * mass[o]
                        }
                    }
                    for j in start..<distribution.groupOffsets[v + 1] {
                        unsafe gradient[j] += factor * p[j] * (absent - total)
                    }
                }
            case .joint:
                for j in logits(of: layer, distribution) {
                    let o = unsafe Int(optionOfLogit.pointer[j])
                    let ratio = unsafe whole[o] > 0 ? mass[o] / whole[o] : 0
                    unsafe gradient[j] += factor * p[j] * (ratio - total)
                }
            }
        }
    }

    /// The same of masses by layer and option.
    public func addGradient(
        ofMasses masses: [[Double]], _ distribution: ArchitectureDistribution,
        _ probabilities: [[Double]], factor: Double, to gradient: UnsafeMutablePointer<Double>
    ) {
        let flat = [Double](masses.joined())
        let whole = [Double](probabilities.joined())
        unsafe flat.withUnsafeBufferPointer { flat in
            unsafe whole.withUnsafeBufferPointer { whole in
                guard let masses = flat.baseAddress, let whole = whole.baseAddress else { return }
                unsafe addGradient(
                    ofMasses: masses, distribution, whole, factor: factor, to: gradient)
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
            let own = unsafe choices.pointer + (choiceOffsets[layer] + option * members.count)
            for (i, v) in members.enumerated() {
                let c = unsafe own[i]
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
