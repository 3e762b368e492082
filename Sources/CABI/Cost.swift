import ArchitectureCost
import ArchitectureDistribution
import CFPNAS
import SearchSpace
import Support

final class CostHandle: Handled {
    static let tag: UInt = 9
    static let typeName = "cost"
    static let isShareable = true
    let chain: CostChain

    init(_ chain: CostChain) { self.chain = chain }
}

/// Runs the body on a handle's cost.
func withCost<R>(
    _ handle: OpaquePointer?, _ body: (CostChain) throws(FPNASError) -> R
) throws(FPNASError) -> R {
    try unsafe withHandle(handle, CostHandle.self) { (handle) throws(FPNASError) in
        try body(handle.chain)
    }
}

/// The common shape of the queries below: a checked call on a cost.
private func query(
    _ handle: OpaquePointer?, _ body: (CostChain) throws(FPNASError) -> Void
) -> fpnas_status {
    boundary { () throws(FPNASError) in try unsafe withCost(handle, body) }
}

/// A checked call on a cost and a distribution.
private func query(
    _ cost: OpaquePointer?, _ distribution: OpaquePointer?,
    _ body: (CostChain, ArchitectureDistribution) throws(FPNASError) -> Void
) -> fpnas_status {
    unsafe query(cost) { (cost) throws(FPNASError) in
        try unsafe withHandle(distribution, ArchitectureDistribution.self) {
            (distribution) throws(FPNASError) in try body(cost, distribution)
        }
    }
}

/// Rows of architectures in a caller's memory, checked one by one.
func forEachArchitecture(
    _ architectures: UnsafePointer<Int32>?, _ count: Int, of space: SearchSpace,
    _ body: ([Int32]) throws(FPNASError) -> Void
) throws(FPNASError) {
    let width = space.variableCount
    let size = try checkedProduct(count, width, of: "architectures")
    let rows = try unsafe input(architectures, size, "architectures")
    for k in 0..<count { try body(unsafe Array(rows[(k * width)..<((k + 1) * width)])) }
}

// MARK: - Making

@_cdecl("fpnas_cost_create_metric") @implementation
public func fpnas_cost_create_metric(
    _ space: OpaquePointer?, _ metric: Int32, _ cost: UnsafeMutablePointer<OpaquePointer?>?
) -> fpnas_status {
    unsafe clear(cost)
    return boundary { () throws(FPNASError) in
        try unsafe putHandle(cost, "cost") { () throws(FPNASError) in
            let metric = try costMetric(metric)
            return try unsafe withSpace(space) { (space) throws(FPNASError) in
                CostHandle(try CostTable(space).chain(of: metric))
            }
        }
    }
}

@_cdecl("fpnas_cost_create_choices") @implementation
public func fpnas_cost_create_choices(
    _ space: OpaquePointer?, _ values: UnsafePointer<Int64>?, _ count: Int,
    _ cost: UnsafeMutablePointer<OpaquePointer?>?
) -> fpnas_status {
    unsafe clear(cost)
    return boundary { () throws(FPNASError) in
        try unsafe putHandle(cost, "cost") { () throws(FPNASError) in
            let values = try unsafe array(values, count, "values").map(Int.init)
            return try unsafe withSpace(space) { (space) throws(FPNASError) in
                CostHandle(try CostChain(space: space, choiceCosts: values))
            }
        }
    }
}

@_cdecl("fpnas_cost_create_reals") @implementation
public func fpnas_cost_create_reals(
    _ space: OpaquePointer?, _ values: UnsafePointer<Double>?, _ count: Int, _ unit: Double,
    _ cost: UnsafeMutablePointer<OpaquePointer?>?
) -> fpnas_status {
    unsafe clear(cost)
    return boundary { () throws(FPNASError) in
        try unsafe putHandle(cost, "cost") { () throws(FPNASError) in
            let values = try unsafe array(values, count, "values")
            return try unsafe withSpace(space) { (space) throws(FPNASError) in
                CostHandle(try CostChain(space: space, choiceCosts: values, unit: unit))
            }
        }
    }
}

@_cdecl("fpnas_cost_free") @implementation
public func fpnas_cost_free(_ cost: OpaquePointer?) {
    unsafe freeHandle(cost, CostHandle.self)
}

@_cdecl("fpnas_cost_space") @implementation
public func fpnas_cost_space(
    _ cost: OpaquePointer?, _ space: UnsafeMutablePointer<OpaquePointer?>?
) -> fpnas_status {
    unsafe clear(space)
    return unsafe query(cost) { (cost) throws(FPNASError) in
        try unsafe putHandle(space, "space") { SpaceHandle(cost.space) }
    }
}

// MARK: - Queries

@_cdecl("fpnas_cost_of") @implementation
public func fpnas_cost_of(
    _ cost: OpaquePointer?, _ architectures: UnsafePointer<Int32>?, _ count: Int,
    _ out: UnsafeMutablePointer<Int64>?
) -> fpnas_status {
    unsafe query(cost) { (cost) throws(FPNASError) in
        var values: [Int64] = []
        try unsafe forEachArchitecture(architectures, count, of: cost.space) {
            (row) throws(FPNASError) in values.append(Int64(try cost.cost(of: row)))
        }
        try unsafe put(values, out, count, nil)
    }
}

@_cdecl("fpnas_cost_range") @implementation
public func fpnas_cost_range(
    _ cost: OpaquePointer?, _ least: UnsafeMutablePointer<Int64>?,
    _ greatest: UnsafeMutablePointer<Int64>?
) -> fpnas_status {
    unsafe clear(least, greatest)
    return unsafe query(cost) { (cost) throws(FPNASError) in
        let least = try unsafe output(least, "least")
        let greatest = try unsafe output(greatest, "greatest")
        let range = cost.range
        unsafe least.pointee = Int64(range.lowerBound)
        unsafe greatest.pointee = Int64(range.upperBound)
    }
}

@_cdecl("fpnas_cost_moments") @implementation
public func fpnas_cost_moments(
    _ cost: OpaquePointer?, _ distribution: OpaquePointer?, _ mean: UnsafeMutablePointer<Double>?,
    _ variance: UnsafeMutablePointer<Double>?
) -> fpnas_status {
    unsafe clear(mean, variance)
    return unsafe query(cost, distribution) { (cost, distribution) throws(FPNASError) in
        let mean = try unsafe output(mean, "mean")
        let variance = try unsafe output(variance, "variance")
        let moments = try cost.moments(under: distribution)
        unsafe mean.pointee = moments.mean
        unsafe variance.pointee = moments.variance
    }
}

@_cdecl("fpnas_cost_expectation_gradient") @implementation
public func fpnas_cost_expectation_gradient(
    _ cost: OpaquePointer?, _ distribution: OpaquePointer?, _ out: UnsafeMutablePointer<Double>?,
    _ capacity: Int, _ needed: UnsafeMutablePointer<Int>?
) -> fpnas_status {
    unsafe clear(needed)
    return unsafe query(cost, distribution) { (cost, distribution) throws(FPNASError) in
        try unsafe put(
            try cost.expectationGradient(under: distribution), out, capacity, needed)
    }
}

@_cdecl("fpnas_cost_quantiles") @implementation
public func fpnas_cost_quantiles(
    _ cost: OpaquePointer?, _ distribution: OpaquePointer?, _ levels: UnsafePointer<Double>?,
    _ count: Int, _ lower: UnsafeMutablePointer<Int64>?, _ upper: UnsafeMutablePointer<Int64>?,
    _ resolution: UnsafeMutablePointer<Int64>?
) -> fpnas_status {
    unsafe clear(resolution)
    return unsafe query(cost, distribution) { (cost, distribution) throws(FPNASError) in
        let resolution = try unsafe optional(resolution, "resolution")
        let levels = try unsafe array(levels, count, "levels")
        let lower = try unsafe output(lower, "lower")
        let upper = try unsafe output(upper, "upper")
        let found = try cost.quantiles(levels, under: distribution)
        try unsafe put(found.lower.map(Int64.init), lower, count, nil)
        try unsafe put(found.upper.map(Int64.init), upper, count, nil)
        if let resolution = unsafe resolution {
            unsafe resolution.pointee = Int64(found.resolution)
        }
    }
}
