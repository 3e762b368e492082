import ArchitectureCost
import CFPNAS
import SearchSpace
import Support

@_cdecl("fpnas_space_logit_counts") @implementation
public func fpnas_space_logit_counts(
    _ space: OpaquePointer?, _ factorised: UnsafeMutablePointer<Int64>?,
    _ joint: UnsafeMutablePointer<Int64>?
) -> fpnas_status {
    unsafe clear(factorised, joint)
    return boundary { () throws(FPNASError) in
        let factorised = try unsafe output(factorised, "factorised")
        let joint = try unsafe output(joint, "joint")
        try unsafe withSpace(space) { space in
            unsafe factorised.pointee = Int64(space.factorisedLogitCount)
            unsafe joint.pointee = Int64(space.jointLogitCount ?? -1)
        }
    }
}

@_cdecl("fpnas_space_validate") @implementation
public func fpnas_space_validate(
    _ space: OpaquePointer?, _ architectures: UnsafePointer<Int32>?, _ count: Int
) -> fpnas_status {
    boundary { () throws(FPNASError) in
        try unsafe withSpace(space) { (space) throws(FPNASError) in
            let width = space.variableCount
            let size = try checkedProduct(count, width, of: "architectures")
            let rows = try unsafe input(architectures, size, "architectures")
            for k in 0..<count {
                do throws(FPNASError) {
                    try unsafe space.check(rows[(k * width)..<((k + 1) * width)])
                } catch {
                    throw FPNASError(error.code, "row \(k): \(error.message)")
                }
            }
        }
    }
}

@_cdecl("fpnas_space_network_hash") @implementation
public func fpnas_space_network_hash(
    _ space: OpaquePointer?, _ architecture: UnsafePointer<Int32>?,
    _ hash: UnsafeMutablePointer<UInt64>?
) -> fpnas_status {
    unsafe clear(hash)
    return boundary { () throws(FPNASError) in
        let hash = try unsafe output(hash, "hash")
        try unsafe withSpace(space) { (space) throws(FPNASError) in
            let row = try unsafe CABI.architecture(architecture, of: space)
            unsafe hash.pointee = try space.networkHash(row)
        }
    }
}

@_cdecl("fpnas_space_costs") @implementation
public func fpnas_space_costs(
    _ space: OpaquePointer?, _ architecture: UnsafePointer<Int32>?, _ convention: Int32,
    _ out: UnsafeMutablePointer<Int64>?, _ capacity: Int, _ needed: UnsafeMutablePointer<Int>?
) -> fpnas_status {
    unsafe clear(needed)
    return boundary { () throws(FPNASError) in
        guard let convention = CountingConvention(rawValue: convention) else {
            throw .invalid("convention must be one of FPNAS_COUNT_..., got \(convention)")
        }
        try unsafe withSpace(space) { (space) throws(FPNASError) in
            let row = try unsafe CABI.architecture(architecture, of: space)
            let cost = try space.network(row).cost(convention)
            let values = CostMetric.allCases.map(cost.value(of:))
            guard !values.contains(.max) else {
                throw .invalid("the network of '\(space.name)' costs 2^63 or more")
            }
            try unsafe put(values.map(Int64.init), out, capacity, needed)
        }
    }
}
