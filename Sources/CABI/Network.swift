import CFPNAS
import Experiment
import Supernet
import Support

extension TrainedNetwork: Handled {
    static let tag: UInt = 13
    static let typeName = "network"
}

private func call(
    _ handle: OpaquePointer?, _ body: (TrainedNetwork) throws(FPNASError) -> Void
) -> fpnas_status {
    boundary { () throws(FPNASError) in try unsafe withHandle(handle, TrainedNetwork.self, body) }
}

extension TrainedNetwork {
    fileprivate func tensor(_ index: Int) throws(FPNASError) -> NetworkTensor {
        guard inference.tensors.indices.contains(index) else {
            throw .invalid(
                "tensor must be below \(inference.tensors.count), got \(UInt(bitPattern: index))")
        }
        return inference.tensors[index]
    }

    /// Bytes of a caller's images, after a check of their number and size.
    fileprivate func pixels(
        _ images: UnsafePointer<UInt8>?, _ count: Int, _ height: Int32, _ width: Int32
    ) throws(FPNASError) -> UnsafePointer<UInt8>? {
        for (value, name) in [(height, "height"), (width, "width")]
        where !(1...32768).contains(value) {
            throw .invalid("\(name) must be in [1, 32768], got \(value)")
        }
        let bytes = try size(count, Int(height) * Int(width) * input.channels, "images")
        return try unsafe CABI.input(images, bytes, "images").baseAddress
    }

    /// Elements of `count` rows; the count is a caller's.
    fileprivate func size(_ count: Int, _ row: Int, _ what: String) throws(FPNASError) -> Int {
        guard count >= 0, count <= Int.max / 4 / row else {
            throw .invalid("count is too large: \(UInt(bitPattern: count)) \(what)")
        }
        return count * row
    }

    fileprivate var inputSize: Int { input.height * input.width * input.channels }
}

// MARK: - Making

@_cdecl("fpnas_retrain_network") @implementation
public func fpnas_retrain_network(
    _ retrain: OpaquePointer?, _ network: UnsafeMutablePointer<OpaquePointer?>?
) -> fpnas_status {
    unsafe clear(network)
    return boundary { () throws(FPNASError) in
        try unsafe withHandle(retrain, RetrainRun.self) { (retrain) throws(FPNASError) in
            try unsafe putHandle(network, "network") { () throws(FPNASError) in
                try retrain.trained()
            }
        }
    }
}

@_cdecl("fpnas_retrain_distil_network") @implementation
public func fpnas_retrain_distil_network(
    _ retrain: OpaquePointer?, _ teacher: OpaquePointer?, _ weight: Double, _ temperature: Double
) -> fpnas_status {
    boundary { () throws(FPNASError) in
        try unsafe withHandle(retrain, RetrainRun.self) { (retrain) throws(FPNASError) in
            try unsafe withHandle(teacher, TrainedNetwork.self) { (teacher) throws(FPNASError) in
                try retrain.distil(teacher, weight: weight, temperature: temperature)
            }
        }
    }
}

@_cdecl("fpnas_network_load") @implementation
public func fpnas_network_load(
    _ path: UnsafePointer<CChar>?, _ threads: Int64,
    _ network: UnsafeMutablePointer<OpaquePointer?>?
) -> fpnas_status {
    unsafe clear(network)
    return boundary { () throws(FPNASError) in
        try unsafe putHandle(network, "network") { () throws(FPNASError) in
            try TrainedNetwork(
                loading: try unsafe string(path, "path"), threads: Int(threads))
        }
    }
}

@_cdecl("fpnas_network_save") @implementation
public func fpnas_network_save(
    _ network: OpaquePointer?, _ path: UnsafePointer<CChar>?
) -> fpnas_status {
    unsafe call(network) { (network) throws(FPNASError) in
        try network.save(try unsafe string(path, "path"))
    }
}

@_cdecl("fpnas_network_free") @implementation
public func fpnas_network_free(_ network: OpaquePointer?) {
    unsafe freeHandle(network, TrainedNetwork.self)
}

// MARK: - Taking apart

@_cdecl("fpnas_network_to_json") @implementation
public func fpnas_network_to_json(
    _ network: OpaquePointer?, _ out: UnsafeMutablePointer<CChar>?, _ capacity: Int,
    _ needed: UnsafeMutablePointer<Int>?
) -> fpnas_status {
    unsafe clear(needed)
    return unsafe call(network) { (network) throws(FPNASError) in
        try unsafe put(text: try network.json(), out, capacity, needed)
    }
}

@_cdecl("fpnas_network_tensor_count") @implementation
public func fpnas_network_tensor_count(
    _ network: OpaquePointer?, _ count: UnsafeMutablePointer<Int>?
) -> fpnas_status {
    unsafe clear(count)
    return unsafe call(network) { (network) throws(FPNASError) in
        unsafe try output(count, "count").pointee = network.inference.tensors.count
    }
}

@_cdecl("fpnas_network_tensor_name") @implementation
public func fpnas_network_tensor_name(
    _ network: OpaquePointer?, _ tensor: Int, _ out: UnsafeMutablePointer<CChar>?,
    _ capacity: Int, _ needed: UnsafeMutablePointer<Int>?
) -> fpnas_status {
    unsafe clear(needed)
    return unsafe call(network) { (network) throws(FPNASError) in
        try unsafe put(try network.tensor(tensor).name, out, capacity, needed)
    }
}

@_cdecl("fpnas_network_tensor_shape") @implementation
public func fpnas_network_tensor_shape(
    _ network: OpaquePointer?, _ tensor: Int, _ out: UnsafeMutablePointer<Int64>?,
    _ capacity: Int, _ needed: UnsafeMutablePointer<Int>?
) -> fpnas_status {
    unsafe clear(needed)
    return unsafe call(network) { (network) throws(FPNASError) in
        try unsafe put(try network.tensor(tensor).shape.map { Int64($0) }, out, capacity, needed)
    }
}

@_cdecl("fpnas_network_tensor_values") @implementation
public func fpnas_network_tensor_values(
    _ network: OpaquePointer?, _ tensor: Int, _ out: UnsafeMutablePointer<Float>?,
    _ capacity: Int, _ needed: UnsafeMutablePointer<Int>?
) -> fpnas_status {
    unsafe clear(needed)
    return unsafe call(network) { (network) throws(FPNASError) in
        try unsafe requireRoom(try network.tensor(tensor).count, out, capacity, needed)
        guard let out = unsafe out else { return }
        unsafe network.inference.read(tensor, into: out)
    }
}

// MARK: - Inference

/// Checks a caller's images and room for `row` floats of each, then does what is to be done.
private func call(
    _ network: OpaquePointer?, _ images: UnsafePointer<UInt8>?, _ count: Int, _ height: Int32,
    _ width: Int32, _ out: UnsafeMutablePointer<Float>?, _ capacity: Int,
    _ needed: UnsafeMutablePointer<Int>?, _ row: (TrainedNetwork) -> Int,
    _ body: (
        TrainedNetwork, UnsafePointer<UInt8>, UnsafeMutablePointer<Float>
    ) throws(FPNASError) -> Void
) -> fpnas_status {
    unsafe clear(needed)
    return unsafe call(network) { (network) throws(FPNASError) in
        let pixels = try unsafe network.pixels(images, count, height, width)
        let size = try network.size(count, row(network), "images")
        try unsafe requireRoom(size, out, capacity, needed)
        guard let pixels = unsafe pixels, let out = unsafe out else { return }
        try unsafe body(network, pixels, out)
    }
}

@_cdecl("fpnas_network_prepare") @implementation
public func fpnas_network_prepare(
    _ network: OpaquePointer?, _ images: UnsafePointer<UInt8>?, _ count: Int, _ height: Int32,
    _ width: Int32, _ out: UnsafeMutablePointer<Float>?, _ capacity: Int,
    _ needed: UnsafeMutablePointer<Int>?
) -> fpnas_status {
    unsafe call(network, images, count, height, width, out, capacity, needed, { $0.inputSize }) {
        (network, pixels, out) throws(FPNASError) in
        try unsafe network.prepare(
            pixels, count: count, height: Int(height), width: Int(width), into: out)
    }
}

@_cdecl("fpnas_network_predict") @implementation
public func fpnas_network_predict(
    _ network: OpaquePointer?, _ images: UnsafePointer<UInt8>?, _ count: Int, _ height: Int32,
    _ width: Int32, _ out: UnsafeMutablePointer<Float>?, _ capacity: Int,
    _ needed: UnsafeMutablePointer<Int>?
) -> fpnas_status {
    unsafe call(network, images, count, height, width, out, capacity, needed, { $0.classes }) {
        (network, pixels, out) throws(FPNASError) in
        try unsafe network.predict(
            pixels, count: count, height: Int(height), width: Int(width), into: out)
    }
}

@_cdecl("fpnas_network_predict_prepared") @implementation
public func fpnas_network_predict_prepared(
    _ network: OpaquePointer?, _ images: UnsafePointer<Float>?, _ count: Int,
    _ out: UnsafeMutablePointer<Float>?, _ capacity: Int, _ needed: UnsafeMutablePointer<Int>?
) -> fpnas_status {
    unsafe clear(needed)
    return unsafe call(network) { (network) throws(FPNASError) in
        let size = try network.size(count, network.inputSize, "images")
        let values = try unsafe input(images, size, "images")
        let images = values.baseAddress
        if let place = unsafe values.firstIndex(where: { !$0.isFinite }) {
            throw .invalid(
                "value \(place % network.inputSize) of image \(place / network.inputSize) is "
                    + "\(unsafe values[place])")
        }
        try unsafe requireRoom(
            try network.size(count, network.classes, "images"), out, capacity, needed)
        guard let images = unsafe images, let out = unsafe out else { return }
        try unsafe network.inference.logits(of: images, count: count, into: out)
    }
}
