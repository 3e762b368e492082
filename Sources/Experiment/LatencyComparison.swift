import ArchitectureCost
import ArchitectureDistribution
import SearchSpace
import Support

/// A table's predictions beside whole networks measured on this machine.
public struct LatencyComparison: Sendable {
    public struct Row: Sendable {
        public let architecture: [Int32]
        public let predicted: Int
        public let measured: Int
        public var error: Double {
            Double(predicted - measured) / Double(max(measured, 1))
        }
    }

    public let rows: [Row]
    public var rankCorrelation: Double {
        Support.rankCorrelation(
            rows.map { Double($0.predicted) }, rows.map { Double($0.measured) })
    }
    /// Quantile of |predicted / measured − 1|.
    public func error(_ share: Double) -> Double {
        quantile(rows.map { abs($0.error) }, share)
    }

    /// Draws distinct networks uniformly over encodings, prices them, and measures them in turns.
    public init(
        _ table: LatencyTable, _ space: SearchSpace, networks count: Int, seed: UInt64,
        _ options: LatencyOptions
    ) throws(FPNASError) {
        guard (1...10_000).contains(count) else {
            throw .invalid("networks must be in [1, 10000], got \(count)")
        }
        let uniform = try ArchitectureDistribution(space: space, form: .factorised)
        let draws = 4 * count
        let samples = try Buffer<Int32>(
            try checkedProduct(draws, space.variableCount, of: "samples"), of: "the samples")
        unsafe uniform.sample(seed: seed, step: 0, count: draws, into: samples.pointer)
        var architectures: [[Int32]] = []
        for k in 0..<draws where architectures.count < count {
            let start = k * space.variableCount
            var row = (start..<(start + space.variableCount)).map { samples[$0] }
            space.canonicalise(&row)
            if !architectures.contains(row) { architectures.append(row) }
        }
        var predicted: [Int] = []
        var timed: [TimedNetwork] = []
        for row in architectures {
            predicted.append(try table.latency(of: row, in: space))
            timed.append(
                try TimedNetwork(
                    try space.network(row), batch: options.batch, threads: options.threads))
        }
        try TimedNetwork.measure(
            timed, rounds: options.rounds, seconds: options.seconds * Double(count), warming: true)
        rows = architectures.indices.map { i in
            Row(
                architecture: architectures[i], predicted: predicted[i],
                measured: Int(min(timed[i].latency * 1e9, 1e15).rounded()))
        }
    }
}
