/// A number with a fixed count of decimals, 0 to 9: `decimal(3.14159, 2)` is "3.14".
///
/// Rounds half away from zero; values beyond 10^9 and those that are not finite are written as
/// Swift writes them.
public func decimal(_ value: Double, _ decimals: Int) -> String {
    guard value.isFinite, abs(value) < 1e9 else { return "\(value)" }
    let decimals = min(max(decimals, 0), 9)
    var power = 1
    for _ in 0..<decimals { power *= 10 }
    let scaled = Int((abs(value) * Double(power)).rounded())  // below 10^18
    let sign = value < 0 && scaled > 0 ? "-" : ""
    guard decimals > 0 else { return sign + String(scaled) }
    let fraction = String(scaled % power)
    return sign + "\(scaled / power)."
        + String(repeating: "0", count: decimals - fraction.count) + fraction
}
