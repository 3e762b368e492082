import CFPNAS
import Search
import Support

@_cdecl("fpnas_training_weights") @implementation
public func fpnas_training_weights(
    _ logLikelihoods: UnsafePointer<Double>?, _ multiplicities: UnsafePointer<Int64>?,
    _ count: Int, _ scale: Double, _ out: UnsafeMutablePointer<Double>?
) -> fpnas_status {
    boundary { () throws(FPNASError) in
        try requireFinite(scale, in: 0...1e12, "scale")
        let values = try unsafe array(logLikelihoods, count, "log_likelihoods")
        for (i, value) in values.enumerated() where !(value < .infinity) {
            throw .invalid("log-likelihood \(i) is \(value)")
        }
        var counts = [Int](repeating: 1, count: count)
        if unsafe multiplicities != nil {
            counts = try unsafe array(multiplicities, count, "multiplicities").map(Int.init)
        }
        for (i, n) in counts.enumerated() where n < 1 {
            throw .invalid("multiplicity \(i) must be at least 1, got \(n)")
        }
        try unsafe put(
            SampleCoefficients.weights(values, counts, scale: scale), out, count, nil)
    }
}

extension RescaledSum {
    fileprivate init(_ c: fpnas_weighted_sum) throws(FPNASError) {
        self.init()
        guard try !flag(c.is_empty, "is_empty") else { return }
        guard c.maximum.isFinite, c.total.isFinite, c.total > 0 else {
            throw .invalid(
                "the weighted sum is damaged: maximum \(c.maximum), total \(c.total)")
        }
        maximum = c.maximum
        total = c.total
    }

    fileprivate var raw: fpnas_weighted_sum {
        fpnas_weighted_sum(
            maximum: total > 0 ? maximum : 0, total: total, is_empty: total > 0 ? 0 : 1,
            reserved: 0)
    }
}

@_cdecl("fpnas_weighted_sum_push") @implementation
public func fpnas_weighted_sum_push(
    _ sum: UnsafeMutablePointer<fpnas_weighted_sum>?, _ logLikelihood: Double,
    _ multiplicity: Int64, _ keep: UnsafeMutablePointer<Double>?,
    _ add: UnsafeMutablePointer<Double>?
) -> fpnas_status {
    unsafe clear(keep, add)
    return boundary { () throws(FPNASError) in
        let sum = try unsafe output(sum, "sum")
        let keep = try unsafe output(keep, "keep")
        let add = try unsafe output(add, "add")
        var state = try unsafe RescaledSum(sum.pointee)
        let factors = try state.push(logLikelihood, multiplicity: Int(multiplicity))
        unsafe sum.pointee = state.raw
        unsafe keep.pointee = factors.keep
        unsafe add.pointee = factors.add
    }
}

@_cdecl("fpnas_weighted_sum_merge") @implementation
public func fpnas_weighted_sum_merge(
    _ sum: UnsafeMutablePointer<fpnas_weighted_sum>?, _ other: UnsafePointer<fpnas_weighted_sum>?,
    _ keep: UnsafeMutablePointer<Double>?, _ add: UnsafeMutablePointer<Double>?
) -> fpnas_status {
    unsafe clear(keep, add)
    return boundary { () throws(FPNASError) in
        let sum = try unsafe output(sum, "sum")
        let keep = try unsafe output(keep, "keep")
        let add = try unsafe output(add, "add")
        let values = try unsafe input(other, 1, "other")
        var state = try unsafe RescaledSum(sum.pointee)
        let factors = state.merge(try unsafe RescaledSum(values[0]))
        unsafe sum.pointee = state.raw
        unsafe keep.pointee = factors.keep
        unsafe add.pointee = factors.add
    }
}
