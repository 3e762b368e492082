/// The value below which a share of the values lies, between the two nearest of them; NaN of none.
public func quantile(_ values: [Double], _ share: Double) -> Double {
    let sorted = values.sorted()
    guard let last = sorted.last, share >= 0 else { return .nan }
    let place = share * Double(sorted.count - 1)
    guard place < Double(sorted.count - 1) else { return last }
    let low = Int(place)
    return sorted[low] + (place - Double(low)) * (sorted[low + 1] - sorted[low])
}

/// Spearman's rank correlation of two lists of equal length: Pearson's of the ranks, ties at their
/// mean rank. NaN where a list is constant or of fewer than two.
public func rankCorrelation(_ a: [Double], _ b: [Double]) -> Double {
    guard a.count == b.count, a.count > 1 else { return .nan }
    let (x, y) = (ranks(a), ranks(b))
    let mean = Double(a.count - 1) / 2
    var (xy, xx, yy) = (0.0, 0.0, 0.0)
    for i in a.indices {
        xy += (x[i] - mean) * (y[i] - mean)
        xx += (x[i] - mean) * (x[i] - mean)
        yy += (y[i] - mean) * (y[i] - mean)
    }
    return xy / (xx * yy).squareRoot()
}

private func ranks(_ values: [Double]) -> [Double] {
    let order = values.indices.sorted { (values[$0], $0) < (values[$1], $1) }
    var ranks = [Double](repeating: 0, count: values.count)
    var first = 0
    while first < order.count {
        var last = first
        while last + 1 < order.count, values[order[last + 1]] == values[order[first]] { last += 1 }
        for place in first...last { ranks[order[place]] = Double(first + last) / 2 }
        first = last + 1
    }
    return ranks
}
