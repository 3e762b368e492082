import CKernels
import COpenBLAS
import Glibc
import SearchSpace
import Support
import Testing

@testable import Supernet

/// What callers get wrong, and what the host must not notice. Serial: these touch the process.
@Suite(.serialized) struct BoundaryTests {
    let space: SearchSpace
    let batch: Buffer<Float>
    let network: Network

    init() throws {
        space = try smallSpace()
        batch = try images(20, ImageShape(height: 8, width: 8, channels: 1))
        network = try space.network(architecture(space, seed: 1))
    }

    func message(_ body: () throws -> Void) -> String {
        do {
            try body()
            return "no error"
        } catch { return "\(error)" }
    }

    @Test func badArgumentsAreNamed() throws {
        let supernet = try Supernet(space: space, capacity: 8, seed: 1)
        func evaluate(_ labels: [Int32], first: Int = 0) -> String {
            message {
                _ = try supernet.evaluate(network, images: batch, first: first, labels: labels)
            }
        }
        #expect(evaluate([]) == "a batch must have 1 to 8 images, got 0")
        #expect(evaluate(labels(9, classes: 4)) == "a batch must have 1 to 8 images, got 9")
        #expect(evaluate([4]) == "a label must be in 0..<4, got 4")
        #expect(evaluate([-1]) == "a label must be in 0..<4, got -1")
        #expect(evaluate([0, 0], first: 19) == "images 19 to 21 are not among the 20 given")
        #expect(evaluate([0], first: -1) == "images -1 to 0 are not among the 20 given")
        let other = try referenceSpace().network([0])
        #expect(
            message { _ = try supernet.evaluate(other, images: batch, labels: [0]) }
                == "the network is not of the supernet's space")
        let alone = try Supernet(networks: [network], capacity: 8, seed: 1)
        let wider = try space.network(space.largestArchitecture())
        #expect(
            message { _ = try alone.evaluate(wider, images: batch, labels: [0]) }
                .contains("is not of the supernet's space"))
        #expect(
            message { _ = try Supernet(space: space, capacity: 0, seed: 1) }
                == "the batch must have 1 to 1048576 images, got 0")
        #expect(
            message { _ = try Supernet(space: space, capacity: 8, seed: 1, threads: 0) }
                == "threads must be in [1, 256], got 0")
    }

    @Test func callsOutOfTurnAreRefused() throws {
        let supernet = try Supernet(space: space, capacity: 8, seed: 1)
        let options = StepOptions(rate: 0.1)
        #expect(throws: FPNASError.self) {
            try supernet.accumulate(network, images: batch, labels: [0])
        }
        #expect(throws: FPNASError.self) { try supernet.finishStep(options) }
        supernet.beginStep()
        #expect(throws: FPNASError.self) { try supernet.finishStep(options) }
        var writer = ByteWriter()
        #expect(throws: FPNASError.self) { try supernet.save(to: &writer) }
        try supernet.accumulate(network, images: batch, labels: [0, 1])
        #expect(
            message { try supernet.finishStep(StepOptions(rate: .nan)) }
                .hasPrefix("learning_rate must be in"))
        try supernet.finishStep(options)
        #expect(throws: FPNASError.self) { try supernet.finishStatistics() }
        #expect(throws: FPNASError.self) {
            try supernet.gatherStatistics(network, images: batch, count: 4)
        }
    }

    @Test func notANumberIsFound() throws {
        let supernet = try Supernet(space: space, capacity: 8, seed: 1)
        supernet.beginStep()
        try supernet.accumulate(network, images: batch, labels: [0, 1])
        let total = supernet.step
        let slot = try #require(supernet.slot("mix.0.conv3"))
        let saved = supernet.parameters[slot.offset]
        supernet.parameters[slot.offset] = .nan
        #expect(
            message { try supernet.accumulate(network, images: batch, labels: [0, 1]) }
                == "the loss is nan, first in layer 'mix'")
        #expect(supernet.step == total)
        supernet.parameters[slot.offset] = saved
        try supernet.accumulate(network, images: batch, labels: [0, 1])
    }

    @Test func blasThreadsAreAsTheyWere() throws {
        let before = openblas_get_num_threads()
        defer { openblas_set_num_threads(before) }
        let supernet = try Supernet(space: space, capacity: 8, seed: 1, threads: 2)
        // The number is the process's, and other suites' calls change it while they last: once
        // undisturbed is enough, and a call that leaves another number never is.
        func keeps(_ threads: Int32, _ call: () throws -> Void) rethrows -> Bool {
            for _ in 0..<20_000 {
                openblas_set_num_threads(threads)
                try call()
                if openblas_get_num_threads() == threads { return true }
                usleep(500)
            }
            return false
        }
        for threads: Int32 in [1, 2, 3] {
            #expect(
                try keeps(threads) {
                    _ = try supernet.evaluate(network, images: batch, labels: [0, 1])
                })
            supernet.parameters[0] = .nan
            #expect(
                keeps(threads) {
                    #expect(throws: FPNASError.self) {
                        try supernet.evaluate(network, images: batch, labels: [0, 1])
                    }
                })
            supernet.parameters[0] = 0
        }
    }

    /// Whichever of two calls at the same time ends first leaves BLAS as the other needs it.
    @Test func blasIsTheHostsAgainAfterTheLastCall() {
        let before = openblas_get_num_threads()
        defer { openblas_set_num_threads(before) }
        openblas_set_num_threads(3)
        BLASThreads.takeOne()
        BLASThreads.takeOne()
        BLASThreads.giveBack()
        #expect(openblas_get_num_threads() == 1)
        BLASThreads.giveBack()
    }

    private func cpuHas(_ flag: String) -> Bool {
        guard let file = fopen("/proc/cpuinfo", "r") else { return false }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 1 << 14)
        while fgets(&line, Int32(line.count), file) != nil {
            let words = String(cString: line).split(whereSeparator: \.isWhitespace)
            if words.first == "flags" { return words.contains(Substring(flag)) }
        }
        return false
    }

    @Test func kernelsAreThoseTheCPUHas() throws {
        var names = ["baseline"]
        if cpuHas("avx2") && cpuHas("fma") { names.append("avx2") }
        if names.count == 2, ["f", "dq", "vl"].allSatisfy({ cpuHas("avx512" + $0) }) {
            names.append("avx512")
        }
        for name in ["baseline", "avx2", "avx512", "none"] {
            let isThere = unsafe fpnas_priv_kernels_named(name) != nil
            #expect(isThere == names.contains(name))
        }
        #expect(try Supernet(space: space, capacity: 20, seed: 1).kernelName == names.last)
        let targets = labels(20, classes: 4)
        let supernets = try names.map { name in
            let supernet = try Supernet(space: space, capacity: 20, seed: 1)
            unsafe supernet.kernels = try #require(fpnas_priv_kernels_named(name))
            supernet.scatter()
            supernet.beginStep()
            return supernet
        }
        let results = try supernets.map {
            try $0.accumulate(network, images: batch, labels: targets)
        }
        let gradients = supernets.map { supernet in
            (0..<supernet.gradient.count).map { supernet.gradient[$0] }
        }
        for (i, name) in names.enumerated() {
            #expect(supernets[i].kernelName == name)
            #expect(abs(results[i].logLikelihood - results[0].logLikelihood) < 1e-5)
            #expect(relativeDistance(gradients[i], gradients[0]) < 1e-4)
        }
        // Only their vectors are longer.
        if names.count == 3 { #expect(gradients[1] == gradients[2]) }
    }

    @Test(arguments: ["baseline", "avx2", "avx512"])
    func exponentialIsAccurate(variant: String) throws {
        // Absent where the CPU has not got it.
        guard let kernels = unsafe fpnas_priv_kernels_named(variant) else { return }
        let count = 175_001
        let x = try buffer((0..<count).map { min(-87 + Float($0) * 1e-3, 88) })
        let y = try Buffer<Float>(count, of: "values")
        unsafe kernels.pointee.exponential(x.pointer, count, y.pointer)
        var worst = 0.0
        for i in 0..<count {
            let exact = Elementary.exp(Double(x[i]))
            worst = max(worst, abs(Double(y[i]) - exact) / Double(Float(exact).ulp))
        }
        #expect(worst < 2)
    }
}
