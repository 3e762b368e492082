import SearchSpace
import Supernet
import Support

/// One network with weights of its own and random images, run for its time alone: inference, with
/// the statistics of those images.
final class TimedNetwork {
    private let network: Network
    private let supernet: Supernet
    private let images: Buffer<Float>
    private let labels: [Int32]
    /// Seconds of every run that counts.
    private(set) var seconds: [Double] = []
    /// Runs that are timed as one, so that the clock is no part of what is measured.
    private var repeats = 1

    init(_ network: Network, batch: Int, threads: Int) throws(FPNASError) {
        self.network = network
        supernet = try Supernet(networks: [network], capacity: batch, seed: 1, threads: threads)
        let shape = network.input
        images = try Buffer(
            try checkedProduct(batch, shape.height, shape.width, shape.channels, of: "images"),
            of: "the images")
        for i in 0..<images.count {
            // Any numbers will do that no kernel can profit from.
            let mixed = UInt32(truncatingIfNeeded: i) &* 2_654_435_761
            images[i] = Float((mixed ^ mixed >> 15) & 0xFFFF) / 32768 - 1
        }
        labels = [Int32](repeating: 0, count: batch)
        try supernet.beginStatistics()
        try supernet.gatherStatistics(network, images: images, count: batch)
        try supernet.finishStatistics()
        // Warm-up, after which the caches hold what they hold in a running program.
        _ = try once()
        let second = try once()
        repeats = min(max(Int(20e-6 / max(second, 1e-9)), 1), 100)
    }

    private func once() throws(FPNASError) -> Double {
        let start = Process.seconds
        _ = try supernet.evaluate(network, images: images, labels: labels, statistics: .running)
        return Process.seconds - start
    }

    /// Runs and remembers; the first run after others had the caches does not count.
    func visit(warming: Bool) throws(FPNASError) {
        if warming { _ = try once() }
        let start = Process.seconds
        for _ in 0..<repeats {
            _ = try supernet.evaluate(
                network, images: images, labels: labels, statistics: .running)
        }
        seconds.append((Process.seconds - start) / Double(repeats))
    }

    /// What a run takes when nothing else disturbs it: the lower quartile.
    var latency: Double { quantile(seconds, 0.25) }

    var deviation: Double {
        let mean = seconds.reduce(0, +) / Double(max(seconds.count, 1))
        let squares = seconds.reduce(0.0) { $0 + ($1 - mean) * ($1 - mean) }
        return (squares / Double(max(seconds.count - 1, 1))).squareRoot()
    }

    /// Visits networks in turns, so that all see the same weather, for at least so many rounds
    /// and then as long as there is time.
    static func measure(
        _ networks: [TimedNetwork], rounds: Int, seconds: Double, warming: Bool
    ) throws(FPNASError) {
        let start = Process.seconds
        var round = 0
        while round < rounds || (Process.seconds - start < seconds && round < 10_000) {
            for network in networks { try network.visit(warming: warming) }
            round += 1
        }
    }
}
