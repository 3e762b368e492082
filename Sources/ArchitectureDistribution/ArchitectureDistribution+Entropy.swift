extension ArchitectureDistribution {
    /// Adds factor · ∂H/∂α to a gradient of `logitCount` values, H being the raw entropy in nats.
    ///
    ///     ∂H/∂α_gj = −p_gj · (ln p_gj + H_g)
    public func addEntropyGradient(factor: Double, to gradient: UnsafeMutablePointer<Double>) {
        let p = unsafe probabilities.pointer
        let logs = unsafe logProbabilities.pointer
        for g in 0..<groupCount {
            var own = 0.0
            for i in groupOffsets[g]..<groupOffsets[g + 1] { unsafe own -= p[i] * logs[i] }
            for i in groupOffsets[g]..<groupOffsets[g + 1] {
                unsafe gradient[i] -= factor * p[i] * (logs[i] + own)
            }
        }
    }
}
