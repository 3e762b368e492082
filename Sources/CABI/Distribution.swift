import ArchitectureCost
import ArchitectureDistribution
import CFPNAS
import SearchSpace
import Support

extension ArchitectureDistribution: Handled {
    static let tag: UInt = 3
    static let typeName = "distribution"
}

private func withDistribution<R>(
    _ handle: OpaquePointer?, _ body: (ArchitectureDistribution) throws(FPNASError) -> R
) throws(FPNASError) -> R {
    try unsafe withHandle(handle, ArchitectureDistribution.self, body)
}

/// The common shape of the queries below: a checked call on a distribution.
private func query(
    _ handle: OpaquePointer?, _ body: (ArchitectureDistribution) throws(FPNASError) -> Void
) -> fpnas_status {
    boundary { () throws(FPNASError) in try unsafe withDistribution(handle, body) }
}

@_cdecl("fpnas_distribution_create") @implementation
public func fpnas_distribution_create(
    _ space: OpaquePointer?, _ form: Int32, _ distribution: UnsafeMutablePointer<OpaquePointer?>?
) -> fpnas_status {
    unsafe clear(distribution)
    return boundary { () throws(FPNASError) in
        try unsafe putHandle(distribution, "distribution") { () throws(FPNASError) in
            guard let known = DistributionForm(rawValue: form) else {
                throw .invalid(
                    "form must be FPNAS_FORM_FACTORISED or FPNAS_FORM_JOINT, got \(form)")
            }
            return try unsafe withSpace(space) { (space) throws(FPNASError) in
                try ArchitectureDistribution(space: space, form: known)
            }
        }
    }
}

@_cdecl("fpnas_distribution_copy") @implementation
public func fpnas_distribution_copy(
    _ distribution: OpaquePointer?, _ copy: UnsafeMutablePointer<OpaquePointer?>?
) -> fpnas_status {
    unsafe clear(copy)
    return unsafe query(distribution) { (distribution) throws(FPNASError) in
        try unsafe putHandle(copy, "copy") { () throws(FPNASError) in
            try distribution.snapshot()
        }
    }
}

@_cdecl("fpnas_distribution_to_joint") @implementation
public func fpnas_distribution_to_joint(
    _ distribution: OpaquePointer?, _ joint: UnsafeMutablePointer<OpaquePointer?>?
) -> fpnas_status {
    unsafe clear(joint)
    return unsafe query(distribution) { (distribution) throws(FPNASError) in
        try unsafe putHandle(joint, "joint") { () throws(FPNASError) in try distribution.joint() }
    }
}

@_cdecl("fpnas_distribution_free") @implementation
public func fpnas_distribution_free(_ distribution: OpaquePointer?) {
    unsafe freeHandle(distribution, ArchitectureDistribution.self)
}

@_cdecl("fpnas_distribution_space") @implementation
public func fpnas_distribution_space(
    _ distribution: OpaquePointer?, _ space: UnsafeMutablePointer<OpaquePointer?>?
) -> fpnas_status {
    unsafe clear(space)
    return unsafe query(distribution) { (distribution) throws(FPNASError) in
        try unsafe putHandle(space, "space") { SpaceHandle(distribution.space) }
    }
}

@_cdecl("fpnas_distribution_form") @implementation
public func fpnas_distribution_form(
    _ distribution: OpaquePointer?, _ form: UnsafeMutablePointer<Int32>?
) -> fpnas_status {
    unsafe clear(form)
    return unsafe query(distribution) { (distribution) throws(FPNASError) in
        let form = try unsafe output(form, "form")
        unsafe form.pointee = distribution.form.rawValue
    }
}

@_cdecl("fpnas_distribution_get_logits") @implementation
public func fpnas_distribution_get_logits(
    _ distribution: OpaquePointer?, _ out: UnsafeMutablePointer<Double>?, _ capacity: Int,
    _ needed: UnsafeMutablePointer<Int>?
) -> fpnas_status {
    unsafe clear(needed)
    return unsafe query(distribution) { (distribution) throws(FPNASError) in
        try unsafe put(Array(distribution.logits.elements), out, capacity, needed)
    }
}

@_cdecl("fpnas_distribution_set_logits") @implementation
public func fpnas_distribution_set_logits(
    _ distribution: OpaquePointer?, _ logits: UnsafePointer<Double>?, _ count: Int
) -> fpnas_status {
    unsafe query(distribution) { (distribution) throws(FPNASError) in
        try unsafe distribution.setLogits(try input(logits, count, "logits"))
    }
}

@_cdecl("fpnas_distribution_entropy") @implementation
public func fpnas_distribution_entropy(
    _ distribution: OpaquePointer?, _ canonical: Int32, _ entropy: UnsafeMutablePointer<Double>?
) -> fpnas_status {
    unsafe clear(entropy)
    return unsafe query(distribution) { (distribution) throws(FPNASError) in
        let entropy = try unsafe output(entropy, "entropy")
        let canonical = try flag(canonical, "canonical")
        unsafe entropy.pointee =
            canonical ? try distribution.canonicalEntropy() : distribution.entropy
    }
}

@_cdecl("fpnas_distribution_log_probability") @implementation
public func fpnas_distribution_log_probability(
    _ distribution: OpaquePointer?, _ architectures: UnsafePointer<Int32>?, _ count: Int,
    _ canonical: Int32, _ out: UnsafeMutablePointer<Double>?
) -> fpnas_status {
    unsafe query(distribution) { (distribution) throws(FPNASError) in
        let canonical = try flag(canonical, "canonical")
        let width = distribution.space.variableCount
        let size = try checkedProduct(count, width, of: "architectures")
        let rows = try unsafe input(architectures, size, "architectures")
        var values: [Double] = []
        for k in 0..<count {
            let row = unsafe Array(rows[(k * width)..<((k + 1) * width)])
            values.append(
                canonical
                    ? try distribution.canonicalLogProbability(row)
                    : try distribution.logProbability(row))
        }
        try unsafe put(values, out, count, nil)
    }
}

@_cdecl("fpnas_distribution_marginals") @implementation
public func fpnas_distribution_marginals(
    _ distribution: OpaquePointer?, _ canonical: Int32, _ out: UnsafeMutablePointer<Double>?,
    _ capacity: Int, _ needed: UnsafeMutablePointer<Int>?
) -> fpnas_status {
    unsafe clear(needed)
    return unsafe query(distribution) { (distribution) throws(FPNASError) in
        let canonical = try flag(canonical, "canonical")
        try unsafe put(distribution.marginals(canonical: canonical), out, capacity, needed)
    }
}

@_cdecl("fpnas_distribution_sample") @implementation
public func fpnas_distribution_sample(
    _ distribution: OpaquePointer?, _ seed: UInt64, _ step: UInt64, _ count: Int,
    _ out: UnsafeMutablePointer<Int32>?, _ capacity: Int, _ needed: UnsafeMutablePointer<Int>?
) -> fpnas_status {
    unsafe clear(needed)
    return unsafe query(distribution) { (distribution) throws(FPNASError) in
        guard (1...(1 << 24)).contains(count) else {
            throw .invalid("count must be in [1, 2^24], got \(UInt(bitPattern: count))")
        }
        let size = try checkedProduct(count, distribution.space.variableCount, of: "samples")
        let samples = try Buffer<Int32>(size, of: "samples")
        unsafe distribution.sample(
            seed: seed, step: step, count: count, into: samples.pointer)
        try unsafe put(Array(samples.elements), out, capacity, needed)
    }
}

@_cdecl("fpnas_distribution_top") @implementation
public func fpnas_distribution_top(
    _ distribution: OpaquePointer?, _ count: Int, _ architectures: UnsafeMutablePointer<Int32>?,
    _ logProbabilities: UnsafeMutablePointer<Double>?, _ found: UnsafeMutablePointer<Int>?
) -> fpnas_status {
    unsafe clear(found)
    return unsafe query(distribution) { (distribution) throws(FPNASError) in
        let found = try unsafe output(found, "found")
        unsafe found.pointee = 0
        let architectures = try unsafe output(architectures, "architectures")
        let logProbabilities = try unsafe output(logProbabilities, "log_probabilities")
        let ranked = try distribution.top(count)
        let width = distribution.space.variableCount
        for (k, entry) in ranked.enumerated() {
            try unsafe put(entry.architecture, architectures + k * width, width, nil)
            unsafe logProbabilities[k] = entry.logProbability
        }
        unsafe found.pointee = ranked.count
    }
}

@_cdecl("fpnas_distribution_divergence") @implementation
public func fpnas_distribution_divergence(
    _ distribution: OpaquePointer?, _ other: OpaquePointer?,
    _ divergence: UnsafeMutablePointer<Double>?
) -> fpnas_status {
    unsafe clear(divergence)
    // One handle cannot be used twice in a call.
    let isSame = unsafe distribution == other
    return unsafe query(distribution) { (distribution) throws(FPNASError) in
        let divergence = try unsafe output(divergence, "divergence")
        unsafe divergence.pointee =
            isSame
            ? 0
            : try withDistribution(other) { (other) throws(FPNASError) in
                try distribution.divergence(from: other)
            }
    }
}

@_cdecl("fpnas_distribution_expected_cost") @implementation
public func fpnas_distribution_expected_cost(
    _ distribution: OpaquePointer?, _ metric: Int32, _ expectation: UnsafeMutablePointer<Double>?
) -> fpnas_status {
    unsafe clear(expectation)
    return unsafe query(distribution) { (distribution) throws(FPNASError) in
        let expectation = try unsafe output(expectation, "expectation")
        let metric = try costMetric(metric)
        let chain = try CostTable(distribution.space).chain(of: metric)
        unsafe expectation.pointee = try chain.expectation(under: distribution)
    }
}

@_cdecl("fpnas_distribution_best_within") @implementation
public func fpnas_distribution_best_within(
    _ distribution: OpaquePointer?, _ metric: Int32, _ budget: Int64,
    _ architecture: UnsafeMutablePointer<Int32>?, _ capacity: Int,
    _ logProbability: UnsafeMutablePointer<Double>?
) -> fpnas_status {
    unsafe clear(logProbability)
    return unsafe query(distribution) { (distribution) throws(FPNASError) in
        let metric = try costMetric(metric)
        let logProbability = try unsafe output(logProbability, "log_probability")
        let chain = try CostTable(distribution.space).chain(of: metric)
        let best = try chain.mostProbable(under: distribution, within: Int(budget)).best
        try unsafe put(best.architecture, architecture, capacity, nil)
        unsafe logProbability.pointee = best.logProbability
    }
}
