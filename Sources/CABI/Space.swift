import ArchitectureCost
import CFPNAS
import Formats
import SearchSpace
import Support

final class SpaceHandle: Handled {
    static let tag: UInt = 2
    static let typeName = "space"
    static let isShareable = true
    let space: SearchSpace

    init(_ space: SearchSpace) { self.space = space }
}

/// Runs the body on a handle's space.
func withSpace<R>(
    _ handle: OpaquePointer?, _ body: (SearchSpace) throws(FPNASError) -> R
) throws(FPNASError) -> R {
    try unsafe withHandle(handle, SpaceHandle.self) { (handle) throws(FPNASError) in
        try body(handle.space)
    }
}

/// One checked architecture from the caller's memory.
func architecture(
    _ pointer: UnsafePointer<Int32>?, of space: SearchSpace
) throws(FPNASError) -> [Int32] {
    let row = try unsafe array(pointer, space.variableCount, "architecture")
    try space.check(row)
    return row
}

private func checkIndex(_ index: Int, _ count: Int, _ name: String) throws(FPNASError) {
    guard (0..<count).contains(index) else {
        throw .invalid("\(name) must be in 0..<\(count), got \(UInt(bitPattern: index))")
    }
}

// MARK: - Making

@_cdecl("fpnas_space_preset") @implementation
public func fpnas_space_preset(
    _ name: UnsafePointer<CChar>?, _ height: Int32, _ width: Int32, _ channels: Int32,
    _ classes: Int32, _ space: UnsafeMutablePointer<OpaquePointer?>?
) -> fpnas_status {
    unsafe clear(space)
    return boundary { () throws(FPNASError) in
        try unsafe putHandle(space, "space") { () throws(FPNASError) in
            let shape = ImageShape(
                height: Int(height), width: Int(width), channels: Int(channels))
            let preset = try Preset.named(try unsafe string(name, "name"))
            return SpaceHandle(try preset.space(input: shape, classes: Int(classes)))
        }
    }
}

@_cdecl("fpnas_space_preset_names") @implementation
public func fpnas_space_preset_names(
    _ out: UnsafeMutablePointer<CChar>?, _ capacity: Int, _ needed: UnsafeMutablePointer<Int>?
) -> fpnas_status {
    unsafe clear(needed)
    return boundary { () throws(FPNASError) in
        let names = Preset.allCases.map(\.rawValue).joined(separator: "\n")
        try unsafe put(names, out, capacity, needed)
    }
}

@_cdecl("fpnas_space_cells") @implementation
public func fpnas_space_cells(
    _ network: UnsafePointer<CChar>?, _ channels: Int32, _ cells: Int32, _ height: Int32,
    _ width: Int32, _ imageChannels: Int32, _ classes: Int32,
    _ space: UnsafeMutablePointer<OpaquePointer?>?
) -> fpnas_status {
    unsafe clear(space)
    return boundary { () throws(FPNASError) in
        try unsafe putHandle(space, "space") { () throws(FPNASError) in
            let name = try unsafe string(network, "network")
            let shape = ImageShape(
                height: Int(height), width: Int(width), channels: Int(imageChannels))
            let cells = try CellNetwork.named(name, channels: Int(channels), cells: Int(cells))
            return SpaceHandle(
                try SearchSpace(name: name, cells: cells, input: shape, classes: Int(classes)))
        }
    }
}

@_cdecl("fpnas_space_from_json") @implementation
public func fpnas_space_from_json(
    _ json: UnsafePointer<CChar>?, _ length: Int, _ space: UnsafeMutablePointer<OpaquePointer?>?
) -> fpnas_status {
    unsafe clear(space)
    return boundary { () throws(FPNASError) in
        try unsafe putHandle(space, "space") { () throws(FPNASError) in
            let text = try unsafe input(json, length, "json")
            // Before so much is copied.
            guard text.count <= SpaceJSON.sizeLimit else {
                throw FPNASError(
                    .format,
                    "json has \(text.count) bytes, more than the limit of \(SpaceJSON.sizeLimit)")
            }
            let bytes = unsafe text.map { UInt8(bitPattern: $0) }
            return SpaceHandle(try SpaceJSON.decode(bytes, name: "json"))
        }
    }
}

@_cdecl("fpnas_space_load") @implementation
public func fpnas_space_load(
    _ path: UnsafePointer<CChar>?, _ space: UnsafeMutablePointer<OpaquePointer?>?
) -> fpnas_status {
    unsafe clear(space)
    return boundary { () throws(FPNASError) in
        try unsafe putHandle(space, "space") { () throws(FPNASError) in
            SpaceHandle(try SpaceJSON.load(try unsafe string(path, "path")))
        }
    }
}

@_cdecl("fpnas_space_to_json") @implementation
public func fpnas_space_to_json(
    _ space: OpaquePointer?, _ out: UnsafeMutablePointer<CChar>?, _ capacity: Int,
    _ needed: UnsafeMutablePointer<Int>?
) -> fpnas_status {
    unsafe clear(needed)
    return boundary { () throws(FPNASError) in
        try unsafe withSpace(space) { (space) throws(FPNASError) in
            try unsafe put(text: try SpaceJSON.encode(space), out, capacity, needed)
        }
    }
}

@_cdecl("fpnas_space_free") @implementation
public func fpnas_space_free(_ space: OpaquePointer?) {
    unsafe freeHandle(space, SpaceHandle.self)
}

// MARK: - Names and sizes

@_cdecl("fpnas_space_name") @implementation
public func fpnas_space_name(
    _ space: OpaquePointer?, _ out: UnsafeMutablePointer<CChar>?, _ capacity: Int,
    _ needed: UnsafeMutablePointer<Int>?
) -> fpnas_status {
    unsafe clear(needed)
    return boundary { () throws(FPNASError) in
        try unsafe withSpace(space) { (space) throws(FPNASError) in
            try unsafe put(space.name, out, capacity, needed)
        }
    }
}

@_cdecl("fpnas_space_layer_count") @implementation
public func fpnas_space_layer_count(
    _ space: OpaquePointer?, _ count: UnsafeMutablePointer<Int>?
) -> fpnas_status {
    unsafe clear(count)
    return boundary { () throws(FPNASError) in
        let count = try unsafe output(count, "count")
        unsafe count.pointee = try withSpace(space) { $0.layerCount }
    }
}

@_cdecl("fpnas_space_layer_name") @implementation
public func fpnas_space_layer_name(
    _ space: OpaquePointer?, _ layer: Int, _ out: UnsafeMutablePointer<CChar>?, _ capacity: Int,
    _ needed: UnsafeMutablePointer<Int>?
) -> fpnas_status {
    unsafe clear(needed)
    return boundary { () throws(FPNASError) in
        try unsafe withSpace(space) { (space) throws(FPNASError) in
            try checkIndex(layer, space.layerCount, "layer")
            try unsafe put(space.layers[layer].name, out, capacity, needed)
        }
    }
}

@_cdecl("fpnas_space_variable_count") @implementation
public func fpnas_space_variable_count(
    _ space: OpaquePointer?, _ count: UnsafeMutablePointer<Int>?
) -> fpnas_status {
    unsafe clear(count)
    return boundary { () throws(FPNASError) in
        let count = try unsafe output(count, "count")
        unsafe count.pointee = try withSpace(space) { $0.variableCount }
    }
}

@_cdecl("fpnas_space_variable_name") @implementation
public func fpnas_space_variable_name(
    _ space: OpaquePointer?, _ variable: Int, _ out: UnsafeMutablePointer<CChar>?,
    _ capacity: Int, _ needed: UnsafeMutablePointer<Int>?
) -> fpnas_status {
    unsafe clear(needed)
    return boundary { () throws(FPNASError) in
        try unsafe withSpace(space) { (space) throws(FPNASError) in
            try checkIndex(variable, space.variableCount, "variable")
            try unsafe put(space.variable(variable).name, out, capacity, needed)
        }
    }
}

@_cdecl("fpnas_space_variable_layer") @implementation
public func fpnas_space_variable_layer(
    _ space: OpaquePointer?, _ variable: Int, _ layer: UnsafeMutablePointer<Int>?
) -> fpnas_status {
    unsafe clear(layer)
    return boundary { () throws(FPNASError) in
        let layer = try unsafe output(layer, "layer")
        try unsafe withSpace(space) { (space) throws(FPNASError) in
            try checkIndex(variable, space.variableCount, "variable")
            unsafe layer.pointee = space.layer(of: variable)
        }
    }
}

@_cdecl("fpnas_space_choice_count") @implementation
public func fpnas_space_choice_count(
    _ space: OpaquePointer?, _ variable: Int, _ count: UnsafeMutablePointer<Int>?
) -> fpnas_status {
    unsafe clear(count)
    return boundary { () throws(FPNASError) in
        let count = try unsafe output(count, "count")
        try unsafe withSpace(space) { (space) throws(FPNASError) in
            try checkIndex(variable, space.variableCount, "variable")
            unsafe count.pointee = space.choiceCounts[variable]
        }
    }
}

@_cdecl("fpnas_space_choice_label") @implementation
public func fpnas_space_choice_label(
    _ space: OpaquePointer?, _ variable: Int, _ choice: Int, _ out: UnsafeMutablePointer<CChar>?,
    _ capacity: Int, _ needed: UnsafeMutablePointer<Int>?
) -> fpnas_status {
    unsafe clear(needed)
    return boundary { () throws(FPNASError) in
        try unsafe withSpace(space) { (space) throws(FPNASError) in
            try checkIndex(variable, space.variableCount, "variable")
            try checkIndex(choice, space.choiceCounts[variable], "choice")
            try unsafe put(space.variable(variable).choices[choice].label, out, capacity, needed)
        }
    }
}

@_cdecl("fpnas_space_count") @implementation
public func fpnas_space_count(
    _ space: OpaquePointer?, _ canonical: Int32, _ out: UnsafeMutablePointer<CChar>?,
    _ capacity: Int, _ needed: UnsafeMutablePointer<Int>?
) -> fpnas_status {
    unsafe clear(needed)
    return boundary { () throws(FPNASError) in
        try unsafe withSpace(space) { (space) throws(FPNASError) in
            let count = try flag(canonical, "canonical") ? space.canonicalCount : space.rawCount
            try unsafe put(count.description, out, capacity, needed)
        }
    }
}

// MARK: - Architectures

@_cdecl("fpnas_space_canonicalise") @implementation
public func fpnas_space_canonicalise(
    _ space: OpaquePointer?, _ architectures: UnsafeMutablePointer<Int32>?, _ count: Int
) -> fpnas_status {
    boundary { () throws(FPNASError) in
        try unsafe withSpace(space) { (space) throws(FPNASError) in
            let size = try checkedProduct(count, space.variableCount, of: "architectures")
            let rows = try unsafe input(UnsafePointer(architectures), size, "architectures")
            for k in 0..<count { try unsafe space.check(row(k, of: rows, space)) }
            for k in 0..<count {
                var canonical = unsafe Array(row(k, of: rows, space))
                space.canonicalise(&canonical)
                for (v, choice) in canonical.enumerated() {
                    unsafe architectures?[k * space.variableCount + v] = choice
                }
            }
        }
    }
}

private func row(
    _ k: Int, of rows: UnsafeBufferPointer<Int32>, _ space: SearchSpace
) -> Slice<UnsafeBufferPointer<Int32>> {
    let start = k * space.variableCount
    return unsafe rows[start..<(start + space.variableCount)]
}

@_cdecl("fpnas_space_architecture_to_json") @implementation
public func fpnas_space_architecture_to_json(
    _ space: OpaquePointer?, _ architecture: UnsafePointer<Int32>?,
    _ out: UnsafeMutablePointer<CChar>?, _ capacity: Int, _ needed: UnsafeMutablePointer<Int>?
) -> fpnas_status {
    unsafe clear(needed)
    return boundary { () throws(FPNASError) in
        try unsafe withSpace(space) { (space) throws(FPNASError) in
            let row = try unsafe CABI.architecture(architecture, of: space)
            try unsafe put(text: ArchitectureJSON.encode(row, of: space), out, capacity, needed)
        }
    }
}

@_cdecl("fpnas_architecture_load") @implementation
public func fpnas_architecture_load(
    _ path: UnsafePointer<CChar>?, _ space: UnsafeMutablePointer<OpaquePointer?>?,
    _ architecture: UnsafeMutablePointer<Int32>?, _ capacity: Int,
    _ needed: UnsafeMutablePointer<Int>?
) -> fpnas_status {
    unsafe clear(space, needed)
    return boundary { () throws(FPNASError) in
        try unsafe putHandle(space, "space") { () throws(FPNASError) in
            let loaded = try ArchitectureJSON.load(try unsafe string(path, "path"))
            try unsafe put(loaded.architecture, architecture, capacity, needed)
            return SpaceHandle(loaded.space)
        }
    }
}

// MARK: - Cost

func costMetric(_ value: Int32) throws(FPNASError) -> CostMetric {
    guard let metric = CostMetric(rawValue: value) else {
        throw .invalid("metric must be one of FPNAS_COST_..., got \(value)")
    }
    return metric
}

@_cdecl("fpnas_space_layer_costs") @implementation
public func fpnas_space_layer_costs(
    _ space: OpaquePointer?, _ architecture: UnsafePointer<Int32>?,
    _ macs: UnsafeMutablePointer<Int64>?, _ parameters: UnsafeMutablePointer<Int64>?,
    _ capacity: Int, _ needed: UnsafeMutablePointer<Int>?
) -> fpnas_status {
    unsafe clear(needed)
    return boundary { () throws(FPNASError) in
        try unsafe withSpace(space) { (space) throws(FPNASError) in
            let row = try unsafe CABI.architecture(architecture, of: space)
            let costs = try space.network(row).costPerLayer(layerCount: space.layerCount)
            if capacity >= costs.count { _ = try unsafe output(parameters, "parameters") }
            try unsafe put(costs.map { Int64($0.macs) }, macs, capacity, needed)
            try unsafe put(costs.map { Int64($0.parameters) }, parameters, capacity, nil)
        }
    }
}

@_cdecl("fpnas_space_cost_range") @implementation
public func fpnas_space_cost_range(
    _ space: OpaquePointer?, _ metric: Int32, _ least: UnsafeMutablePointer<Int64>?,
    _ greatest: UnsafeMutablePointer<Int64>?
) -> fpnas_status {
    unsafe clear(least, greatest)
    return boundary { () throws(FPNASError) in
        let least = try unsafe output(least, "least")
        let greatest = try unsafe output(greatest, "greatest")
        try unsafe withSpace(space) { (space) throws(FPNASError) in
            let range = try CostTable(space).chain(of: try costMetric(metric)).range
            unsafe least.pointee = Int64(range.lowerBound)
            unsafe greatest.pointee = Int64(range.upperBound)
        }
    }
}
