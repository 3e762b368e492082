import Support

/// FP-NAS and PARSEC: samples weighted by their likelihoods, equation 7. They differ in K alone,
/// which FP-NAS adapts to the entropy. [Yan et al. 2021; Casale et al. 2019]
final class LikelihoodStrategy: Strategy {
    private let options: SearchOptions

    init(_ options: SearchOptions) { self.options = options }

    func sampleCount(entropy: Double) -> Int { options.sampleCount(entropy: entropy) }

    func tell(_ ask: Ask, _ told: Told, to search: Search) {
        let counts = unsafe told.counts.first(told.count)
        let coefficients = unsafe UnsafeMutableBufferPointer(
            start: told.coefficients.pointer, count: told.count)
        unsafe SampleCoefficients.coefficients(
            weights: told.weights.first(told.count), excesses: told.excesses.first(told.count),
            multiplicities: counts, costWeight: options.costWeight, baseline: options.baseline,
            into: coefficients)
        if search.budgets.all.contains(where: { $0.mode == .soft }) {
            let networks = (0..<ask.networkCount).filter(ask.isTold)
            var perNetwork = unsafe Array(coefficients)
            search.budgets.subtractHinges(
                of: networks.map(ask.architecture), networks.map { ask.counts[$0] },
                options.baseline, from: &perNetwork)
            for i in 0..<told.count { told.coefficients[i] = perNetwork[i] }
        }
        unsafe search.budgets.addGradient(
            total: coefficients.reduce(0, +),
            hasPreference: (0..<told.count).contains { told.weights[$0] > 0 },
            options.budgetObjective, to: search.adam.pull.pointer)
        // Every draw moves the logits of its own raw encoding: 0 for those not told.
        var next = 0
        for network in 0..<ask.networkCount {
            let isTold = ask.isTold(network)
            told.shares[network] =
                isTold ? told.coefficients[next] / Double(ask.counts[network]) : 0
            next += isTold ? 1 : 0
        }
        for k in 0..<ask.sampleCount {
            told.draws[k] = told.shares[Int(ask.networkOfSample[k])]
        }
        search.descend(ask)
    }
}
