import ArchitectureDistribution
import Support

/// Adam on the logits. [Kingma & Ba 2015]
struct Adam {
    let first: Buffer<Double>
    let second: Buffer<Double>
    /// Updates so far.
    var updates = 0
    // β^updates for the bias correction, kept as products so that no power function is needed.
    var decay1 = 1.0
    var decay2 = 1.0

    init(_ count: Int) throws(FPNASError) {
        first = try Buffer(count, of: "Adam's first moments")
        second = try Buffer(count, of: "Adam's second moments")
    }

    /// Moves the logits against the gradient, never beyond the range they may have, and returns
    /// the gradient's Euclidean norm.
    mutating func update(
        _ logits: Buffer<Double>, _ gradient: Buffer<Double>, _ options: SearchOptions
    ) -> Double {
        let (beta1, beta2) = (options.adamBeta1, options.adamBeta2)
        updates += 1
        decay1 *= beta1
        decay2 *= beta2
        let m = unsafe first.pointer
        let v = unsafe second.pointer
        let g = unsafe gradient.pointer
        let z = unsafe logits.pointer
        let limit = ArchitectureDistribution.largestLogit
        var squares = 0.0
        for i in 0..<logits.count {
            unsafe m[i] = beta1 * m[i] + (1 - beta1) * g[i]
            unsafe v[i] = beta2 * v[i] + (1 - beta2) * g[i] * g[i]
            let mean = unsafe m[i] / (1 - decay1)
            let variance = unsafe v[i] / (1 - decay2)
            let step =
                options.learningRate * mean / (variance.squareRoot() + options.adamEpsilon)
            // In this order a value that is no number becomes the bound.
            unsafe z[i] = min(limit, max(-limit, z[i] - step))
            unsafe squares += g[i] * g[i]
        }
        return squares.squareRoot()
    }
}
