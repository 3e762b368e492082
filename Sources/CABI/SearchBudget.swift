import ArchitectureCost
import CFPNAS
import Search
import Support

@_cdecl("fpnas_search_add_budget") @implementation
public func fpnas_search_add_budget(
    _ search: OpaquePointer?, _ cost: OpaquePointer?,
    _ budget: UnsafePointer<fpnas_search_budget>?
) -> fpnas_status {
    boundary { () throws(FPNASError) in
        guard let budget = unsafe budget else { throw .invalid("budget is NULL") }
        var c = fpnas_search_budget()
        try unsafe copyStruct(
            budget, into: &c, minimum: MemoryLayout<fpnas_search_budget>.size,
            "fpnas_search_budget")
        guard let mode = SearchBudget.Mode(rawValue: c.mode) else {
            throw .invalid("mode must be FPNAS_BUDGET_SOFT or FPNAS_BUDGET_HARD, got \(c.mode)")
        }
        let chain = try unsafe withCost(cost) { $0 }
        let demand = try SearchBudget(
            mode, chain, least: Int(c.least), most: Int(c.most), weight: c.weight,
            resolution: Int(c.resolution))
        try unsafe withHandle(search, Search.self) { (search) throws(FPNASError) in
            try search.add(demand)
        }
    }
}

@_cdecl("fpnas_search_result") @implementation
public func fpnas_search_result(
    _ search: OpaquePointer?, _ architecture: UnsafeMutablePointer<Int32>?, _ capacity: Int,
    _ logProbability: UnsafeMutablePointer<Double>?, _ isExact: UnsafeMutablePointer<Int32>?
) -> fpnas_status {
    unsafe clear(logProbability, isExact)
    return boundary { () throws(FPNASError) in
        try unsafe withHandle(search, Search.self) { (search) throws(FPNASError) in
            let logProbability = try unsafe output(logProbability, "log_probability")
            let isExact = try unsafe optional(isExact, "is_exact")
            let result = try search.result()
            try unsafe put(result.best.architecture, architecture, capacity, nil)
            unsafe logProbability.pointee = result.best.logProbability
            if let isExact = unsafe isExact { unsafe isExact.pointee = result.isExact ? 1 : 0 }
        }
    }
}
