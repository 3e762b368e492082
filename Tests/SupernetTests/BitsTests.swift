import CKernels
import SearchSpace
import Support
import Testing

@testable import Supernet

/// Training gives the very same numbers on every CPU: these were recorded once. Kernels with fused
/// multiply-add and without differ from each other, and BLAS, which multiplies where convolutions
/// have groups, from itself; so those are left out.
@Suite struct BitsTests {
    static let recorded: [String: (fused: UInt64, baseline: UInt64)] = [
        "darts": (0x7250_31b3_d819_77fa, 0xff84_4992_43b3_8cad),
        "fused": (0xabba_3c41_18c0_e1c3, 0xef44_1098_6c1a_ac21),
        "leading": (0x6d8e_f258_bcb3_f11e, 0x19ff_fdda_78ca_ca33),
        "nas-bench-201-a": (0x7283_c8f6_b052_c7b0, 0x82b3_3d2b_5a47_888e),
        "nas-bench-201-b": (0x2213_b16d_1709_fec1, 0xfd50_2181_e7ec_17b8),
        "pools": (0xb7df_3bfd_ca42_2b25, 0x6fa0_6603_287c_0c4f),
        "splits": (0xf4bd_edff_001b_9190, 0x3d14_b2fd_b256_6882),
    ]

    @Test(arguments: recorded.keys.sorted(), ["baseline", "avx2", "avx512"])
    func threeStepsEndWithTheRecordedBits(name: String, kernels: String) throws {
        guard let named = unsafe fpnas_priv_kernels_named(kernels) else { return }
        let (space, architecture) = try ReferenceNetworks.space(name)
        let network = try space.network(architecture)
        let supernet = try Supernet(networks: [network], capacity: 8, seed: 1, threads: 2)
        unsafe supernet.kernels = named
        let batch = try images(8, try #require(space.input))
        for _ in 0..<3 {
            supernet.beginStep()
            try supernet.accumulate(network, images: batch, labels: labels(8, classes: 3))
            try supernet.finishStep(StepOptions(rate: 0.1, weightDecay: 1e-3))
        }
        // FNV-1a.
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for value in supernet.parameters.elements {
            hash = (hash ^ UInt64(value.bitPattern)) &* 0x100_0000_01b3
        }
        let expected = try #require(BitsTests.recorded[name])
        let own = kernels == "baseline" ? expected.baseline : expected.fused
        #expect(hash == own, "\(name) \(kernels) now 0x\(String(hash, radix: 16))")
    }
}
