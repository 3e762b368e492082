import Support

/// How a network is made larger: more blocks, wider, on larger images.
public struct NetworkScaling: Hashable, Sendable {
    /// Factor on the number of blocks of every residual layer, rounded up.
    public var depth: Double
    /// Factor on every width, rounded to a multiple of 8, not below 0.9 of the value.
    public var width: Double
    /// The images' new rows and columns; nil keeps them.
    public var height: Int?
    public var columns: Int?

    public init(depth: Double = 1, width: Double = 1, height: Int? = nil, columns: Int? = nil) {
        self.depth = depth
        self.width = width
        self.height = height
        self.columns = columns
    }
}

/// Compound scaling: depth α^φ, width β^φ, resolution γ^φ. [Tan & Le 2019, §3.3]
public struct CompoundScaling: Hashable, Sendable {
    public let depth: Double
    public let width: Double
    public let resolution: Double

    /// α, β, γ, each in [1, 4].
    public init(depth: Double, width: Double, resolution: Double) throws(FPNASError) {
        try requireFinite(depth, in: 1...4, "alpha")
        try requireFinite(width, in: 1...4, "beta")
        try requireFinite(resolution, in: 1...4, "gamma")
        self.depth = depth
        self.width = width
        self.resolution = resolution
    }

    /// α·β²·γ², the factor on MACs at φ = 1.
    public var costFactor: Double { depth * width * width * resolution * resolution }

    /// What φ makes of images of the given shape. Factors are rounded to multiples of
    /// `coefficientStep`, sizes to multiples of `sizeStep`: EfficientNet's are 0.1 and 20, which
    /// from 1.2, 1.1, 1.15 and 224 make B1 of φ = 0.5 and B2 of φ = 1. 0 rounds no factor, and
    /// sizes to whole pixels.
    public func scaling(
        phi: Double, of input: ImageShape, coefficientStep: Double = 0.1, sizeStep: Int = 20
    ) throws(FPNASError) -> NetworkScaling {
        try requireFinite(phi, in: -8...8, "phi")
        try requireFinite(coefficientStep, in: 0...1, "coefficient_step")
        guard (0...1024).contains(sizeStep) else {
            throw .invalid("size_step must be in [0, 1024], got \(sizeStep)")
        }
        func power(_ base: Double) -> Double { Elementary.exp(phi * Elementary.log(base)) }
        func factor(_ base: Double) -> Double {
            guard coefficientStep > 0 else { return power(base) }
            // As tenths are counted, so that 11 of them are 1.1; the smallest is one step.
            let count = max(1, (power(base) / coefficientStep).rounded())
            let steps = 1 / coefficientStep
            return abs(steps - steps.rounded()) < 1e-9
                ? count / steps.rounded() : count * coefficientStep
        }
        func size(_ pixels: Int) -> Int {
            let unit = Double(max(1, sizeStep))
            // Below 4096 · 4^8.
            return Int(max(1, (Double(pixels) * power(resolution) / unit).rounded()) * unit)
        }
        return NetworkScaling(
            depth: factor(depth), width: factor(width), height: size(input.height),
            columns: size(input.width))
    }

    /// The candidates of the grid search at φ = 1: all α, β, γ ≥ 1 in steps of `step` with
    /// |α·β²·γ² − product| ≤ tolerance, α slowest. The caller evaluates the networks they make of
    /// the base, and keeps the best.
    ///
    /// EfficientNet's 1.2, 1.1, 1.15 have the product 1.92.
    public static func candidates(
        step: Double, product: Double = 2, tolerance: Double = 0.1
    ) throws(FPNASError) -> [CompoundScaling] {
        try requireFinite(step, in: 0.001...1, "step")
        try requireFinite(product, in: 1...16, "product")
        try requireFinite(tolerance, in: 0...16, "tolerance")
        // Sums of steps are off by some 1e-16.
        let most = product + tolerance + 1e-12
        let least = product - tolerance - 1e-12
        var found: [CompoundScaling] = []
        // A value in steps, with the digits it is written with.
        func value(_ i: Int) -> Double { ((1 + Double(i) * step) * 1e6).rounded() / 1e6 }
        var a = 0
        while value(a) <= min(most, 4) {
            var b = 0
            while value(a) * value(b) * value(b) <= most, value(b) <= 4 {
                var c = 0
                while value(c) <= 4 {
                    let factor = value(a) * value(b) * value(b) * value(c) * value(c)
                    guard factor <= most else { break }
                    if factor >= least {
                        guard found.count < 1 << 20 else {
                            throw .invalid("a step of \(step) makes more than 2^20 candidates")
                        }
                        found.append(
                            try CompoundScaling(
                                depth: value(a), width: value(b), resolution: value(c)))
                    }
                    c += 1
                }
                b += 1
            }
            a += 1
        }
        return found
    }
}

extension Operation {
    /// Whether a deeper network has more of such blocks.
    fileprivate var scalesInDepth: Bool {
        switch self {
        case .mbconv, .fusedMBConv, .basic, .bottleneck: return true
        default: return false
        }
    }
}

extension SearchSpace {
    /// One network of a chain of layers, made larger: a space without variables. Depth is that of
    /// residual layers, width that of all layers, stem and head included, as EfficientNet scales.
    ///
    /// Errors: INVALID for an abstract space, a space of cells, a layer whose blocks choose for
    /// themselves, factors outside of [0.01, 100], and what then cannot be built.
    public func scaled(
        _ architecture: [Int32], by scaling: NetworkScaling
    ) throws(FPNASError) -> SearchSpace {
        guard let input, cells == nil else {
            throw .invalid(
                cells == nil
                    ? "'\(name)' is abstract: only networks are scaled"
                    : "'\(name)' is a space of cells, which are not scaled")
        }
        try check(architecture)
        try requireFinite(scaling.depth, in: 0.01...100, "depth")
        try requireFinite(scaling.width, in: 0.01...100, "width")
        var canonical = architecture
        canonicalise(&canonical)
        let active = activity(canonical)
        var layers: [Layer] = []
        for index in self.layers.indices {
            layers.append(try scaled(index, canonical, active, scaling))
        }
        let shape = ImageShape(
            height: scaling.height ?? input.height, width: scaling.columns ?? input.width,
            channels: input.channels)
        return try SearchSpace(
            name: "\(name) depth \(scaling.depth) width \(scaling.width) "
                + "\(shape.height)x\(shape.width)",
            layers: layers, input: shape, classes: classes)
    }

    private func scaled(
        _ index: Int, _ architecture: [Int32], _ active: [Bool], _ scaling: NetworkScaling
    ) throws(FPNASError) -> Layer {
        let layer = layers[index]
        guard let block = layer.block else { return layer }
        var operation = block.operation
        var fixed = block.fixed
        var repeats = block.repeats
        var ready: [Attribute: Choice] = [:]
        for (variable, v) in zip(layer.variables, variables(of: index)) where active[v] {
            let choice = variable.choices[Int(architecture[v])]
            if variable.name == Block.repeatsName {
                repeats = Int(choice.number ?? 1)
            } else if variable.name == Block.alternativeName {
                operation = block.alternatives[Int(architecture[v])].operation
                ready = block.alternatives[Int(architecture[v])].fixed
            } else if let (attribute, position) = Block.attribute(named: variable.name) {
                guard position == nil || repeats == 1 else {
                    throw .invalid(
                        "layer '\(layer.name)' cannot be scaled: its blocks choose for themselves")
                }
                fixed[attribute] = choice
            }
        }
        fixed.merge(ready) { $1 }
        // Of alternatives some attributes are of the others.
        fixed = fixed.filter { operation.attributes.contains($0.key) }
        if case .integer(let channels) = fixed[.channels] {
            let width = Double(channels) * scaling.width
            fixed[.channels] = .integer(WidthRounding.multiple(of: 8, least: 0.9).round(width))
        }
        if operation.scalesInDepth {
            // At most 100 · 1024; what is too much is refused with the space.
            let count = (Double(repeats) * scaling.depth - 1e-9).rounded(.up)
            repeats = max(1, Int(count))
        }
        return Layer(
            layer.name, [],
            block: Block(operation, fixed: fixed, stride: block.stride, repeats: repeats))
    }
}
