import CFPNAS
import SearchSpace
import Support

@_cdecl("fpnas_space_scaled") @implementation
public func fpnas_space_scaled(
    _ space: OpaquePointer?, _ architecture: UnsafePointer<Int32>?, _ depthFactor: Double,
    _ widthFactor: Double, _ height: Int32, _ width: Int32,
    _ scaled: UnsafeMutablePointer<OpaquePointer?>?
) -> fpnas_status {
    unsafe clear(scaled)
    return boundary { () throws(FPNASError) in
        let scaling = NetworkScaling(
            depth: depthFactor, width: widthFactor, height: height == 0 ? nil : Int(height),
            columns: width == 0 ? nil : Int(width))
        try unsafe putHandle(scaled, "scaled") { () throws(FPNASError) in
            SpaceHandle(
                try unsafe withSpace(space) { (space) throws(FPNASError) in
                    try space.scaled(
                        try unsafe CABI.architecture(architecture, of: space), by: scaling)
                })
        }
    }
}

@_cdecl("fpnas_compound_scaling") @implementation
public func fpnas_compound_scaling(
    _ space: OpaquePointer?, _ alpha: Double, _ beta: Double, _ gamma: Double, _ phi: Double,
    _ coefficientStep: Double, _ sizeStep: Int32, _ depthFactor: UnsafeMutablePointer<Double>?,
    _ widthFactor: UnsafeMutablePointer<Double>?, _ height: UnsafeMutablePointer<Int32>?,
    _ width: UnsafeMutablePointer<Int32>?
) -> fpnas_status {
    unsafe clear(depthFactor, widthFactor, height, width)
    return boundary { () throws(FPNASError) in
        let depthFactor = try unsafe output(depthFactor, "depth_factor")
        let widthFactor = try unsafe output(widthFactor, "width_factor")
        let height = try unsafe output(height, "height")
        let width = try unsafe output(width, "width")
        let rule = try CompoundScaling(depth: alpha, width: beta, resolution: gamma)
        try unsafe withSpace(space) { (space) throws(FPNASError) in
            guard let input = space.input else {
                throw .invalid("'\(space.name)' is abstract: only networks are scaled")
            }
            let scaling = try rule.scaling(
                phi: phi, of: input, coefficientStep: coefficientStep, sizeStep: Int(sizeStep))
            unsafe depthFactor.pointee = scaling.depth
            unsafe widthFactor.pointee = scaling.width
            unsafe height.pointee = Int32(clamping: scaling.height ?? 0)
            unsafe width.pointee = Int32(clamping: scaling.columns ?? 0)
        }
    }
}

@_cdecl("fpnas_compound_candidates") @implementation
public func fpnas_compound_candidates(
    _ step: Double, _ product: Double, _ tolerance: Double,
    _ out: UnsafeMutablePointer<Double>?, _ capacity: Int, _ needed: UnsafeMutablePointer<Int>?
) -> fpnas_status {
    unsafe clear(needed)
    return boundary { () throws(FPNASError) in
        let found = try CompoundScaling.candidates(
            step: step, product: product, tolerance: tolerance)
        try unsafe put(
            found.flatMap { [$0.depth, $0.width, $0.resolution] }, out, capacity, needed)
    }
}
