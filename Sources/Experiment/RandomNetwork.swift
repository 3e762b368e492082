import ArchitectureCost
import ArchitectureDistribution
import SearchSpace
import Support

/// The honest rival: a network drawn uniformly among those of about the same cost.
public enum RandomNetwork {
    /// Draws from the uniform distribution given MACs in [0.9, 1.02] · `macs`; where no network is
    /// known to have so many, given at most 1.02 · `macs`. Exact, by dynamic programming.
    public static func near(
        macs: Int, in space: SearchSpace, seed: UInt64
    ) throws(FPNASError) -> [Int32] {
        let uniform = try ArchitectureDistribution(space: space, form: .factorised)
        let chain = try CostTable(space).chain(of: .macs)
        func draw(least: Double) throws(FPNASError) -> [Int32] {
            // In range: below 2^60.
            let band = try CostBudget(
                chain, least: Int(min(max(least, 0), 1e18)),
                most: Int(min(max(Double(macs) * 1.02, 0), 1e18)))
            let row = try Buffer<Int32>(space.variableCount, of: "an architecture")
            // Steps from 2^63 on are of no search.
            try unsafe BudgetedDistribution(uniform, [band])
                .sample(seed: seed, step: 1 << 63, count: 1, into: row.pointer)
            var architecture = unsafe Array(row.elements)
            space.canonicalise(&architecture)
            return architecture
        }
        do throws(FPNASError) { return try draw(least: Double(macs) * 0.9) } catch {
            return try draw(least: 0)
        }
    }
}
