// swift-tools-version: 6.2
import PackageDescription

// The rooms and the one direction of their arrows are told in docs/architecture.md.
let strict: [SwiftSetting] = [.strictMemorySafety()]

let package = Package(
    name: "fpnas",
    products: [
        .library(name: "fpnas", type: .dynamic, targets: ["CABI"]),
        .executable(name: "fpnas-tool", targets: ["fpnas-tool"]),
    ],
    dependencies: [
        // Only the command line tool uses it; nothing third-party is inside the shared library.
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2")
    ],
    targets: [
        // The hand-written public header, imported so that the compiler checks CABI against it.
        .systemLibrary(name: "CFPNAS", path: "include"),
        .systemLibrary(
            name: "COpenBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CLibPNG", pkgConfig: "libpng", providers: [.apt(["libpng-dev"])]),
        .target(name: "CSupport"),
        .target(name: "CPNG", dependencies: ["CLibPNG"]),
        // Optimised in debug builds too: the tests train networks with it.
        .target(name: "CKernels", cSettings: [.unsafeFlags(["-O2"])]),
        // The search has the same bits on every machine: no fused multiply-add.
        .target(
            name: "CSearchKernels", cSettings: [.unsafeFlags(["-O2", "-ffp-contract=off"])]),

        .target(name: "Support", dependencies: ["CSupport"], swiftSettings: strict),
        .target(name: "SearchSpace", dependencies: ["Support"], swiftSettings: strict),
        .target(
            name: "ArchitectureDistribution", dependencies: ["SearchSpace", "CSearchKernels"],
            swiftSettings: strict),
        .target(
            name: "ArchitectureCost", dependencies: ["ArchitectureDistribution", "CSearchKernels"],
            swiftSettings: strict),
        .target(name: "Search", dependencies: ["ArchitectureCost"], swiftSettings: strict),
        .target(
            name: "Supernet", dependencies: ["SearchSpace", "CKernels", "COpenBLAS"],
            swiftSettings: strict),
        .target(
            name: "ImageData", dependencies: ["Support", "CPNG", "CZlib"], swiftSettings: strict),
        .target(
            name: "Formats", dependencies: ["Search", "Supernet", "CZlib"], swiftSettings: strict),
        .target(
            name: "Report", dependencies: ["ArchitectureDistribution", "CPNG"],
            swiftSettings: strict),
        .target(
            name: "Experiment",
            dependencies: ["Search", "Supernet", "ImageData", "Formats", "Report"],
            swiftSettings: strict),
        .target(
            name: "CABI", dependencies: ["CFPNAS", "CKernels", "Experiment"], swiftSettings: strict),
        .executableTarget(
            name: "fpnas-tool",
            dependencies: [
                "Experiment",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]),
        // Small spaces whose architectures can all be listed.
        .target(name: "TestSupport", dependencies: ["SearchSpace"], path: "Tests/TestSupport"),
        .testTarget(name: "SupportTests", dependencies: ["Support"]),
        .testTarget(name: "SearchSpaceTests", dependencies: ["SearchSpace", "TestSupport"]),
        .testTarget(
            name: "ArchitectureDistributionTests",
            dependencies: ["ArchitectureDistribution", "CSearchKernels", "TestSupport"]),
        .testTarget(
            name: "ArchitectureCostTests", dependencies: ["ArchitectureCost", "TestSupport"],
            exclude: ["costs.txt"]),
        .testTarget(
            name: "SearchTests", dependencies: ["Search", "TestSupport"],
            exclude: ["mixtures.txt", "strategies.txt", "trajectories.txt"]),
        .testTarget(name: "FormatsTests", dependencies: ["Formats", "TestSupport"]),
        .testTarget(
            name: "ImageDataTests", dependencies: ["ImageData", "CZlib"], exclude: ["images.txt"]),
        .testTarget(name: "ReportTests", dependencies: ["Report", "ImageData", "TestSupport"]),
        .testTarget(name: "ExperimentTests", dependencies: ["Experiment"]),
        .testTarget(name: "KernelTests", dependencies: ["CKernels"]),
        .testTarget(
            name: "SupernetTests", dependencies: ["Supernet", "CKernels", "COpenBLAS"],
            exclude: ["reference.txt", "networks.txt"]),
    ]
)
