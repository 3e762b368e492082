import ArchitectureCost
import CFPNAS
import Formats
import SearchSpace
import Support

final class LatencyHandle: Handled {
    static let tag: UInt = 11
    static let typeName = "latency table"
    static let isShareable = true
    let table: LatencyTable

    init(_ table: LatencyTable) { self.table = table }
}

private func withTable<R>(
    _ handle: OpaquePointer?, _ body: (LatencyTable) throws(FPNASError) -> R
) throws(FPNASError) -> R {
    try unsafe withHandle(handle, LatencyHandle.self) { (handle) throws(FPNASError) in
        try body(handle.table)
    }
}

private func interpolation(_ value: Int32) throws(FPNASError) -> LatencyInterpolation {
    guard let interpolation = LatencyInterpolation(rawValue: value) else {
        throw .invalid(
            "interpolation must be FPNAS_INTERPOLATE_NONE or FPNAS_INTERPOLATE_MACS, got \(value)")
    }
    return interpolation
}

// MARK: - Making

@_cdecl("fpnas_latency_load") @implementation
public func fpnas_latency_load(
    _ path: UnsafePointer<CChar>?, _ table: UnsafeMutablePointer<OpaquePointer?>?
) -> fpnas_status {
    unsafe clear(table)
    return boundary { () throws(FPNASError) in
        try unsafe putHandle(table, "table") { () throws(FPNASError) in
            LatencyHandle(try LatencyJSON.load(try unsafe string(path, "path")))
        }
    }
}

@_cdecl("fpnas_latency_from_json") @implementation
public func fpnas_latency_from_json(
    _ json: UnsafePointer<CChar>?, _ length: Int, _ table: UnsafeMutablePointer<OpaquePointer?>?
) -> fpnas_status {
    unsafe clear(table)
    return boundary { () throws(FPNASError) in
        try unsafe putHandle(table, "table") { () throws(FPNASError) in
            let bytes = try unsafe array(json, length, "json").map { UInt8(bitPattern: $0) }
            return LatencyHandle(try LatencyJSON.decode(bytes, name: "json"))
        }
    }
}

@_cdecl("fpnas_latency_import") @implementation
public func fpnas_latency_import(
    _ path: UnsafePointer<CChar>?, _ format: UnsafePointer<CChar>?,
    _ device: UnsafePointer<CChar>?, _ table: UnsafeMutablePointer<OpaquePointer?>?
) -> fpnas_status {
    unsafe clear(table)
    return boundary { () throws(FPNASError) in
        try unsafe putHandle(table, "table") { () throws(FPNASError) in
            let format = try LatencyImport.named(try unsafe string(format, "format"))
            return LatencyHandle(
                try format.load(
                    try unsafe string(path, "path"), device: try unsafe string(device, "device")))
        }
    }
}

@_cdecl("fpnas_latency_to_json") @implementation
public func fpnas_latency_to_json(
    _ table: OpaquePointer?, _ out: UnsafeMutablePointer<CChar>?, _ capacity: Int,
    _ needed: UnsafeMutablePointer<Int>?
) -> fpnas_status {
    unsafe clear(needed)
    return boundary { () throws(FPNASError) in
        try unsafe withTable(table) { (table) throws(FPNASError) in
            try unsafe put(text: try LatencyJSON.encode(table), out, capacity, needed)
        }
    }
}

@_cdecl("fpnas_latency_save") @implementation
public func fpnas_latency_save(
    _ table: OpaquePointer?, _ path: UnsafePointer<CChar>?
) -> fpnas_status {
    boundary { () throws(FPNASError) in
        let path = try unsafe string(path, "path")
        try unsafe withTable(table) { (table) throws(FPNASError) in
            try LatencyJSON.save(table, to: path)
        }
    }
}

@_cdecl("fpnas_latency_free") @implementation
public func fpnas_latency_free(_ table: OpaquePointer?) {
    unsafe freeHandle(table, LatencyHandle.self)
}

// MARK: - Using

@_cdecl("fpnas_latency_missing") @implementation
public func fpnas_latency_missing(
    _ table: OpaquePointer?, _ space: OpaquePointer?, _ interpolation: Int32,
    _ out: UnsafeMutablePointer<CChar>?, _ capacity: Int, _ needed: UnsafeMutablePointer<Int>?
) -> fpnas_status {
    unsafe clear(needed)
    return boundary { () throws(FPNASError) in
        let interpolation = try CABI.interpolation(interpolation)
        try unsafe withTable(table) { (table) throws(FPNASError) in
            try unsafe withSpace(space) { (space) throws(FPNASError) in
                let keys = try table.missingKeys(of: space, interpolation)
                try unsafe put(keys.map { $0 + "\n" }.joined(), out, capacity, needed)
            }
        }
    }
}

@_cdecl("fpnas_latency_of") @implementation
public func fpnas_latency_of(
    _ table: OpaquePointer?, _ space: OpaquePointer?, _ interpolation: Int32,
    _ architectures: UnsafePointer<Int32>?, _ count: Int, _ out: UnsafeMutablePointer<Int64>?
) -> fpnas_status {
    boundary { () throws(FPNASError) in
        let interpolation = try CABI.interpolation(interpolation)
        try unsafe withTable(table) { (table) throws(FPNASError) in
            try unsafe withSpace(space) { (space) throws(FPNASError) in
                var values: [Int64] = []
                try unsafe forEachArchitecture(architectures, count, of: space) {
                    (row) throws(FPNASError) in
                    values.append(Int64(try table.latency(of: row, in: space, interpolation)))
                }
                try unsafe put(values, out, count, nil)
            }
        }
    }
}

@_cdecl("fpnas_cost_create_latency") @implementation
public func fpnas_cost_create_latency(
    _ space: OpaquePointer?, _ table: OpaquePointer?, _ interpolation: Int32,
    _ cost: UnsafeMutablePointer<OpaquePointer?>?
) -> fpnas_status {
    unsafe clear(cost)
    return boundary { () throws(FPNASError) in
        try unsafe putHandle(cost, "cost") { () throws(FPNASError) in
            let interpolation = try CABI.interpolation(interpolation)
            return try unsafe withTable(table) { (table) throws(FPNASError) in
                try unsafe withSpace(space) { (space) throws(FPNASError) in
                    CostHandle(try table.chain(of: space, interpolation))
                }
            }
        }
    }
}
