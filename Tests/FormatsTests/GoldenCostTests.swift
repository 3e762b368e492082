import ArchitectureCost
import Formats
import FoundationEssentials
import Glibc
import SearchSpace
import Support
import Testing

/// Costs against published numbers, digit by digit; tolerance 0 on integers.
@Suite struct GoldenCostTests {
    /// The folder of test data, or nil, which each test reports.
    private static let data: String? = {
        let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
        let folder = getenv("FPNAS_DATA").map { String(cString: $0) } ?? "/\(root)/../shared/data"
        return Files.exists("\(folder)/golden/models.json") ? folder : nil
    }()

    private static let hasData: ConditionTrait = .enabled(
        if: data != nil, "no test data at $FPNAS_DATA, by default ../shared/data")

    /// FBNet, FBNetV2 and FBNetV3 models as released.
    @Test(hasData) func releasedModels() throws {
        let folder = try #require(GoldenCostTests.data)
        let models = try ModelListJSON.load("\(folder)/golden/models.json")
        #expect(models.count == 8)
        for model in models {
            let cost = try model.cost()
            #expect(model.convention == .mobileVision)
            #expect(cost.macs == model.published.macs, "\(model.name)")
            // FBNet's are published in millions with five decimals.
            let published = try #require(model.published.parameters)
            let unit = model.name.hasPrefix("fbnet_") ? 10 : 1
            #expect((cost.parameters + unit / 2) / unit * unit == published, "\(model.name)")
        }
    }

    /// torchvision's exact parameters; its GMACs have three decimals.
    @Test(hasData) func torchvisionModels() throws {
        let folder = try #require(GoldenCostTests.data)
        let csv = String(
            decoding: try Files.read("\(folder)/golden/torchvision_golden.csv"), as: UTF8.self)
        var published: [String: (parameters: Int, crop: Int, gmacs: Double)] = [:]
        for line in csv.split(separator: "\n").dropFirst() {
            let cells = line.split(separator: ",")
            guard published[String(cells[1])] == nil else { continue }  // other weights
            published[String(cells[1])] = (
                try #require(Int(cells[4])), try #require(Int(cells[3])),
                try #require(Double(cells[5]))
            )
        }
        let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
        let models = try ModelListJSON.load("/\(root)/examples/models/torchvision.json")
        #expect(models.count == 24)
        for model in models {
            let expected = try #require(published[model.name])
            let cost = try model.cost()
            #expect(cost.parameters == expected.parameters, "\(model.name)")
            if model.space.input?.height == expected.crop {
                #expect(abs(Double(cost.macs) / 1e9 - expected.gmacs) <= 0.00051, "\(model.name)")
            }
        }
    }

    /// B0 scaled by 1.2, 1.1, 1.15 is torchvision's B1, B2 and B3 at φ = 0.5, 1 and 2: depth, width,
    /// exact parameters. Its crops are others than the published sizes.
    @Test(arguments: [
        ("EfficientNet_B1", 0.5, 7_794_184, 240), ("EfficientNet_B2", 1, 9_109_994, 260),
        ("EfficientNet_B3", 2, 12_233_232, 300),
    ])
    func compoundScalingOfEfficientNet(
        name: String, phi: Double, parameters: Int, size: Int
    ) throws {
        let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
        let models = try ModelListJSON.load("/\(root)/examples/models/torchvision.json")
        let base = try #require(models.first { $0.name == "EfficientNet_B0" }).space
        let target = try #require(models.first { $0.name == name }).space
        let rule = try CompoundScaling(depth: 1.2, width: 1.1, resolution: 1.15)
        let scaled = try base.scaled(
            [], by: try rule.scaling(phi: phi, of: try #require(base.input)))
        #expect(try scaled.network([]).cost().parameters == parameters)
        #expect(scaled.input?.height == size)
        #expect(scaled.layers.map { $0.block?.repeats } == target.layers.map { $0.block?.repeats })
        let channels = { (space: SearchSpace) in space.layers.map { $0.block?.fixed[.channels] } }
        #expect(channels(scaled) == channels(target))
        // The same network: on the same images it has the same MACs.
        let crop = try #require(target.input)
        #expect(
            try scaled.adapted(to: crop, classes: 1000).network([]).cost()
                == target.network([]).cost())
    }

    private struct MacroEntry: Decodable {
        let params: Int
        let flops: Int
    }

    @Test(hasData) func allOfNASBenchMacro() throws {
        let folder = try #require(GoldenCostTests.data)
        let bytes = try Files.read("\(folder)/nas-bench-macro/nas-bench-macro_cifar10.json")
        let entries = try JSONDecoder().decode([String: MacroEntry].self, from: Data(bytes))
        #expect(entries.count == 6561)
        let (shape, classes) = Preset.nasBenchMacro.publishedInput
        let space = try Preset.nasBenchMacro.space(input: shape, classes: classes)
        let table = try CostTable(space, convention: .nasBench)
        let (macs, parameters) = (table.chain(of: .macs), table.chain(of: .parameters))
        for (code, entry) in entries {
            let row = code.utf8.map { Int32($0) - 48 }
            let cost = try space.network(row).cost(.nasBench)
            #expect(cost.macs == entry.flops && cost.parameters == entry.params, "\(code)")
            #expect(try macs.cost(of: row) == entry.flops)
            #expect(try parameters.cost(of: row) == entry.params)
        }
    }

    /// [Dong & Yang 2020], the network whose six edges are 3×3 convolutions.
    @Test func nasBench201() throws {
        let (shape, classes) = Preset.nasBench201.publishedInput
        let space = try Preset.nasBench201.space(input: shape, classes: classes)
        let all3x3 = try space.network([Int32](repeating: 3, count: 6))
        #expect(all3x3.cost(.nasBench).macs == 220_119_680)
        #expect(all3x3.cost(.nasBench).parameters == 1_531_546)
        let table = try CostTable(space)
        #expect(try table.chain(of: .macs).cost(of: [3, 3, 3, 3, 3, 3]) == 220_119_680)
        for row in [[0, 1, 2, 3, 4, 0], [4, 4, 1, 0, 2, 3], [1, 1, 1, 1, 1, 1]] as [[Int32]] {
            let cost = try space.network(row).cost()
            for metric in CostMetric.allCases {
                #expect(try table.chain(of: metric).cost(of: row) == cost.value(of: metric))
            }
        }
    }
}
