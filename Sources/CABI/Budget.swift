import ArchitectureCost
import ArchitectureDistribution
import CFPNAS
import SearchSpace
import Support

extension BudgetedDistribution: Handled {
    static let tag: UInt = 10
    static let typeName = "budget"
}

/// The common shape of the queries below: a checked call on a budget.
private func query(
    _ handle: OpaquePointer?, _ body: (BudgetedDistribution) throws(FPNASError) -> Void
) -> fpnas_status {
    boundary { () throws(FPNASError) in
        try unsafe withHandle(handle, BudgetedDistribution.self, body)
    }
}

@_cdecl("fpnas_budget_create") @implementation
public func fpnas_budget_create(
    _ distribution: OpaquePointer?, _ costs: UnsafePointer<OpaquePointer?>?,
    _ least: UnsafePointer<Int64>?, _ most: UnsafePointer<Int64>?,
    _ resolutions: UnsafePointer<Int64>?, _ count: Int,
    _ budget: UnsafeMutablePointer<OpaquePointer?>?
) -> fpnas_status {
    unsafe clear(budget)
    return boundary { () throws(FPNASError) in
        try unsafe putHandle(budget, "budget") { () throws(FPNASError) in
            // Before any array is read.
            guard (1...8).contains(count) else {
                throw .invalid("count must be in [1, 8], got \(UInt(bitPattern: count))")
            }
            let costs = try unsafe array(costs, count, "costs")
            let most = try unsafe array(most, count, "most")
            var lowest = [Int64](repeating: 0, count: count)
            if unsafe least != nil { lowest = try unsafe array(least, count, "least") }
            var units = [Int64](repeating: 0, count: count)
            if unsafe resolutions != nil {
                units = try unsafe array(resolutions, count, "resolutions")
            }
            var budgets: [CostBudget] = []
            for d in 0..<count {
                let chain = try unsafe withCost(costs[d]) { $0 }
                budgets.append(
                    try CostBudget(
                        chain, least: Int(lowest[d]), most: Int(most[d]),
                        resolution: Int(units[d])))
            }
            return try unsafe withHandle(distribution, ArchitectureDistribution.self) {
                (distribution) throws(FPNASError) in
                try BudgetedDistribution(try distribution.snapshot(), budgets)
            }
        }
    }
}

@_cdecl("fpnas_budget_free") @implementation
public func fpnas_budget_free(_ budget: OpaquePointer?) {
    unsafe freeHandle(budget, BudgetedDistribution.self)
}

@_cdecl("fpnas_budget_space") @implementation
public func fpnas_budget_space(
    _ budget: OpaquePointer?, _ space: UnsafeMutablePointer<OpaquePointer?>?
) -> fpnas_status {
    unsafe clear(space)
    return unsafe query(budget) { (budget) throws(FPNASError) in
        try unsafe putHandle(space, "space") { SpaceHandle(budget.space) }
    }
}

@_cdecl("fpnas_budget_resolutions") @implementation
public func fpnas_budget_resolutions(
    _ budget: OpaquePointer?, _ out: UnsafeMutablePointer<Int64>?, _ capacity: Int,
    _ needed: UnsafeMutablePointer<Int>?
) -> fpnas_status {
    unsafe clear(needed)
    return unsafe query(budget) { (budget) throws(FPNASError) in
        try unsafe put(budget.resolutions.map(Int64.init), out, capacity, needed)
    }
}

@_cdecl("fpnas_budget_log_probability") @implementation
public func fpnas_budget_log_probability(
    _ budget: OpaquePointer?, _ value: UnsafeMutablePointer<Double>?
) -> fpnas_status {
    unsafe clear(value)
    return unsafe query(budget) { (budget) throws(FPNASError) in
        let value = try unsafe output(value, "value")
        unsafe value.pointee = budget.logProbability
    }
}

@_cdecl("fpnas_budget_bounds") @implementation
public func fpnas_budget_bounds(
    _ budget: OpaquePointer?, _ lower: UnsafeMutablePointer<Double>?,
    _ upper: UnsafeMutablePointer<Double>?
) -> fpnas_status {
    unsafe clear(lower, upper)
    return unsafe query(budget) { (budget) throws(FPNASError) in
        let lower = try unsafe output(lower, "lower")
        let upper = try unsafe output(upper, "upper")
        let bounds = try budget.probabilityBounds()
        unsafe lower.pointee = bounds.lower
        unsafe upper.pointee = bounds.upper
    }
}

@_cdecl("fpnas_budget_entropy") @implementation
public func fpnas_budget_entropy(
    _ budget: OpaquePointer?, _ entropy: UnsafeMutablePointer<Double>?
) -> fpnas_status {
    unsafe clear(entropy)
    return unsafe query(budget) { (budget) throws(FPNASError) in
        let entropy = try unsafe output(entropy, "entropy")
        unsafe entropy.pointee = budget.entropy
    }
}

@_cdecl("fpnas_budget_marginals") @implementation
public func fpnas_budget_marginals(
    _ budget: OpaquePointer?, _ out: UnsafeMutablePointer<Double>?, _ capacity: Int,
    _ needed: UnsafeMutablePointer<Int>?
) -> fpnas_status {
    unsafe clear(needed)
    return unsafe query(budget) { (budget) throws(FPNASError) in
        try unsafe put(budget.marginals(), out, capacity, needed)
    }
}

@_cdecl("fpnas_budget_log_probabilities") @implementation
public func fpnas_budget_log_probabilities(
    _ budget: OpaquePointer?, _ architectures: UnsafePointer<Int32>?, _ count: Int,
    _ canonical: Int32, _ out: UnsafeMutablePointer<Double>?
) -> fpnas_status {
    unsafe query(budget) { (budget) throws(FPNASError) in
        let canonical = try flag(canonical, "canonical")
        var values: [Double] = []
        try unsafe forEachArchitecture(architectures, count, of: budget.space) {
            (row) throws(FPNASError) in
            values.append(
                canonical
                    ? try budget.canonicalLogProbability(of: row)
                    : try budget.logProbability(of: row))
        }
        try unsafe put(values, out, count, nil)
    }
}

@_cdecl("fpnas_budget_gradient") @implementation
public func fpnas_budget_gradient(
    _ budget: OpaquePointer?, _ out: UnsafeMutablePointer<Double>?, _ capacity: Int,
    _ needed: UnsafeMutablePointer<Int>?
) -> fpnas_status {
    unsafe clear(needed)
    return unsafe query(budget) { (budget) throws(FPNASError) in
        try unsafe put(budget.logProbabilityGradient(), out, capacity, needed)
    }
}

@_cdecl("fpnas_budget_sample") @implementation
public func fpnas_budget_sample(
    _ budget: OpaquePointer?, _ seed: UInt64, _ step: UInt64, _ count: Int,
    _ out: UnsafeMutablePointer<Int32>?, _ capacity: Int, _ needed: UnsafeMutablePointer<Int>?
) -> fpnas_status {
    unsafe clear(needed)
    return unsafe query(budget) { (budget) throws(FPNASError) in
        guard (1...(1 << 24)).contains(count) else {
            throw .invalid("count must be in [1, 2^24], got \(UInt(bitPattern: count))")
        }
        let size = try checkedProduct(count, budget.space.variableCount, of: "samples")
        try unsafe requireRoom(size, out, capacity, needed)
        try unsafe budget.sample(
            seed: seed, step: step, count: count, into: try output(out, "out"))
    }
}

@_cdecl("fpnas_budget_mode") @implementation
public func fpnas_budget_mode(
    _ budget: OpaquePointer?, _ architecture: UnsafeMutablePointer<Int32>?, _ capacity: Int,
    _ logProbability: UnsafeMutablePointer<Double>?, _ isExact: UnsafeMutablePointer<Int32>?
) -> fpnas_status {
    unsafe clear(logProbability, isExact)
    return unsafe query(budget) { (budget) throws(FPNASError) in
        let logProbability = try unsafe output(logProbability, "log_probability")
        let isExact = try unsafe optional(isExact, "is_exact")
        let mode = try budget.mode()
        try unsafe put(mode.best.architecture, architecture, capacity, nil)
        unsafe logProbability.pointee = mode.best.logProbability
        if let isExact = unsafe isExact { unsafe isExact.pointee = mode.isExact ? 1 : 0 }
    }
}
