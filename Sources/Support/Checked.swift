/// The product of sizes, or an error that names what is too large.
public func checkedProduct(_ factors: Int..., of what: String) throws(FPNASError) -> Int {
    var product = 1
    for factor in factors {
        let (value, overflow) = product.multipliedReportingOverflow(by: factor)
        guard factor >= 0, !overflow else {
            throw .invalid("\(what) is too large: \(factors)")
        }
        product = value
    }
    return product
}

/// Refuses NaN, infinities and values outside of `range`.
public func requireFinite(
    _ value: Double, in range: ClosedRange<Double>, _ name: String
) throws(FPNASError) {
    guard value.isFinite, range.contains(value) else {
        throw .invalid(
            "\(name) must be in [\(range.lowerBound), \(range.upperBound)], got \(value)")
    }
}

/// Refuses values outside of `range`.
public func require(
    _ value: Int, in range: ClosedRange<Int>, _ name: String
) throws(FPNASError) {
    guard range.contains(value) else {
        throw .invalid(
            "\(name) must be in [\(range.lowerBound), \(range.upperBound)], got \(value)")
    }
}
