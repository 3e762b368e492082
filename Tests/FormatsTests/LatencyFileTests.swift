import ArchitectureCost
import ArchitectureDistribution
import Formats
import SearchSpace
import Support
import TestSupport
import Testing

private let yaml = "latency/224_lookup_table.yaml"
private let fbnet = "latency/fbnet_raspberry_pi4.json"

@Suite struct LatencyFileTests {
    private func onceForAll(_ size: Int) throws -> SearchSpace {
        try Preset.ofaMobileNetV3Wide.space(
            input: ImageShape(height: size, width: size, channels: 3), classes: 1000)
    }

    /// An architecture by the values of its variables.
    private func architecture(
        of space: SearchSpace, _ value: (_ layer: String, _ variable: String) -> Int
    ) throws -> [Int32] {
        try (0..<space.variableCount).map { v in
            let variable = space.variable(v)
            let wanted = value(space.layers[space.layer(of: v)].name, variable.name)
            return Int32(try #require(variable.choices.firstIndex(of: .integer(wanted))))
        }
    }

    /// Sums of the files' rows and their expectation, added by a few lines of Python.
    @Test(
        .enabled(if: DataFolder.has(yaml), "no \(yaml) in FPNAS_DATA or ../shared/data"),
        arguments: [
            (160, 9_890_347, 47_773_312, 22_160_458.777777776),
            (192, 13_325_492, 67_561_659, 30_808_816.444444444),
            (224, 17_769_056, 92_398_035, 41_796_148.44444445),
        ])
    func onceForAllPricesItsNetworks(
        size: Int, least: Int, most: Int, mean: Double
    ) throws {
        let table = try LatencyImport.onceForAll.load(
            DataFolder.path + "/latency/\(size)_lookup_table.yaml", device: "a phone")
        #expect(table.blocks.count == 96)
        let space = try onceForAll(size)
        let smallest = try architecture(of: space) { _, name in name == "repeats" ? 2 : 3 }
        let largest = try architecture(of: space) { _, name in
            name == "repeats" ? 4 : name.hasPrefix("kernel") ? 7 : 6
        }
        #expect(try table.latency(of: smallest, in: space) == least)
        #expect(try table.latency(of: largest, in: space) == most)
        let chain = try table.chain(of: space)
        #expect(chain.range == least...most)
        let uniform = try ArchitectureDistribution(space: space, form: .factorised)
        #expect(abs(try chain.expectation(under: uniform) - mean) < 1e-9 * mean)
    }

    /// The first rows of the 224 table, by hand: stem 994,418, first block 1,772,802, and so on.
    @Test(.enabled(if: DataFolder.has(yaml), "no \(yaml) in FPNAS_DATA or ../shared/data"))
    func oneNetworkByHand() throws {
        let table = try LatencyImport.onceForAll.load(
            DataFolder.path + "/" + yaml, device: "a phone")
        let space = try onceForAll(224)
        // Depths 2 3 4 2 3; the i-th block has kernel 3 3 5 5 7 7 3 … and expansion 3 4 6 3 4 …
        let depths = [2, 3, 4, 2, 3]
        var row = try architecture(of: space) { layer, name in
            name == "repeats" ? depths[Int(String(layer.last ?? "1"))! - 1] : 3
        }
        var block = 0
        for (stage, depth) in depths.enumerated() {
            let layer = try #require(space.layers.firstIndex { $0.name == "stage\(stage + 1)" })
            for position in 1...depth {
                for (offset, variable) in space.layers[layer].variables.enumerated() {
                    let v = space.layerStarts[layer] + offset
                    if variable.name == "kernel.\(position)" { row[v] = Int32(block / 2 % 3) }
                    if variable.name == "expansion.\(position)" { row[v] = Int32(block % 3) }
                }
                block += 1
            }
        }
        #expect(try table.latency(of: row, in: space) == 31_845_908)
        let stem = try NetworkBlock(
            key: "conv in=224x224x3 out=112x112x24 kernel=3 stride=2 act=hswish")
        #expect(table[stem] == .init(994_418, count: 500, deviation: 17_268))
        // Another input size is another table.
        let other = try onceForAll(192)
        let error = #expect(throws: FPNASError.self) { try table.chain(of: other) }
        #expect(error?.message.contains("in=96x96x24") == true)
        #expect(try table.missingKeys(of: other).count == 94)
    }

    /// FBNet's 22 layers of nine candidates, eight where the width or the size changes.
    @Test(.enabled(if: DataFolder.has(fbnet), "no \(fbnet) in FPNAS_DATA or ../shared/data"))
    func fbnetPricesItsLayers() throws {
        let table = try LatencyImport.fbnet.load(
            DataFolder.path + "/" + fbnet, device: "Raspberry Pi 4")
        #expect(table.basis == .option)
        let names = [
            "k3_e1", "k3_e1_g2", "k3_e3", "k3_e6", "k5_e1", "k5_e1_g2", "k5_e3", "k5_e6", "skip",
        ].map(Choice.text)
        let narrowing = [1, 5, 9, 13, 17, 21]
        #expect(table.options.map(\.count) == (0..<22).map { narrowing.contains($0) ? 8 : 9 })
        let layers = (0..<22).map { l in
            Layer("tbs\(l)", [Variable("op", narrowing.contains(l) ? Array(names[..<8]) : names)])
        }
        let space = try SearchSpace(name: "fbnet", layers: layers)
        let chain = try table.chain(of: space)
        #expect(chain.range == 61_527_321...398_955_930)
        #expect(try chain.cost(of: [Int32](repeating: 0, count: 22)) == 213_025_591)
        let e6 = [Int32](repeating: 3, count: 22)
        #expect(try table.latency(of: e6, in: space) == 315_890_498)
        let uniform = try ArchitectureDistribution(space: space, form: .factorised)
        #expect(abs(try chain.expectation(under: uniform) - 270_544_390.8888889) < 1e-3)
        // A skip where the table has none.
        let all = try SearchSpace(
            name: "all", layers: (0..<22).map { Layer("l\($0)", [Variable("op", names)]) })
        #expect(
            try table.missingKeys(of: all) == narrowing.map { "layer=\($0) option=8" })
    }

    // MARK: - Our own format

    @Test func tablesRoundTrip() throws {
        let header = LatencyTable.Header(
            device: "x", source: "y \"z\" ü", statistic: "mean", date: "2026-01-31", threads: 2,
            batch: 8, base: 77)
        let keys = [
            "mbconv in=56x56x32 out=28x28x48 hidden=96 kernel=5 stride=2 act=relu se=24",
            "sum in=8x8x4 out=8x8x4 inputs=3", "conv in=8x8x1 out=8x8x8 kernel=3 act=swish",
        ]
        let table = try LatencyTable(
            header,
            blocks: keys.enumerated().map { i, key in
                (try NetworkBlock(key: key), .init(i * 1000, count: i == 0 ? nil : i, deviation: i))
            })
        #expect(try LatencyJSON.decode(LatencyJSON.encode(table), name: "t") == table)
        let options = try LatencyTable(
            .init(device: "x", source: "y"), options: [[nil, .init(3)], [], [.init(0)], []])
        let read = try LatencyJSON.decode(LatencyJSON.encode(options), name: "t")
        #expect(read == options && read.options.count == 4)
        if DataFolder.has(yaml) {
            let real = try LatencyImport.onceForAll.load(
                DataFolder.path + "/" + yaml, device: "a phone")
            #expect(try LatencyJSON.decode(LatencyJSON.encode(real), name: "t") == real)
        }
    }

    private func refuses(_ part: String, _ body: () throws -> LatencyTable) {
        let error = #expect(throws: FPNASError.self) { _ = try body() }
        #expect(error?.code == .format)
        #expect(error?.message.contains("file.x") == true, "\(error?.message ?? "")")
        #expect(error?.message.contains(part) == true, "\(part): \(error?.message ?? "")")
    }

    @Test func badTablesAreRefusedWithTheirPlace() {
        func refuses(_ part: String, entries: String, head: String = "\"unit\": \"ns\",") {
            let text =
                "{\"format\": \"fpnas-latency\", \"version\": 1, \"basis\": \"block\", \(head) "
                + "\"device\": \"d\", \"source\": \"s\", \"entries\": [\(entries)]}"
            self.refuses(part) { try LatencyJSON.decode(Array(text.utf8), name: "file.x") }
        }
        let key = "\"key\": \"conv in=8x8x1 out=8x8x8 kernel=3\""
        refuses("'ns' of 'conv", entries: "{\(key)}")
        refuses("got 1.5", entries: "{\(key), \"ns\": 1.5}")
        refuses("entries[0]", entries: "{\(key), \"ns\": \"1\"}")
        refuses("got 1e+30", entries: "{\(key), \"ns\": 1e30}")
        refuses("got -1", entries: "{\(key), \"ns\": -1}")
        refuses("file.x", entries: "{\(key), \"ns\": NaN}")
        refuses("unknown key 'sdt'", entries: "{\(key), \"ns\": 1, \"sdt\": 1}")
        refuses("twice", entries: "{\(key), \"ns\": 1}, {\(key), \"ns\": 1}")
        refuses("no kind", entries: "{\"key\": \"layer=0 option=0\", \"ns\": 1}")
        refuses("'unit' is missing", entries: "", head: "")
        refuses("'ms'", entries: "", head: "\"unit\": \"ms\",")
        refuses("unknown key 'thread'", entries: "", head: "\"unit\": \"ns\", \"thread\": 1,")
        let options =
            "{\"format\": \"fpnas-latency\", \"version\": 1, \"basis\": \"option\", "
            + "\"unit\": \"ns\", \"device\": \"d\", \"source\": \"s\", "
        for (part, rest) in [
            ("'layer=0 option=-1'", "\"entries\": [{\"key\": \"layer=0 option=-1\", \"ns\": 1}]}"),
            ("far beyond", "\"entries\": [{\"key\": \"layer=0 option=999999\", \"ns\": 1}]}"),
            ("far beyond", "\"entries\": [{\"key\": \"layer=999999 option=0\", \"ns\": 1}]}"),
            (
                "'layer=2 option=0'",
                "\"layers\": 2, \"entries\": [{\"key\": \"layer=2 option=0\", \"ns\": 1}]}"
            ),
            ("'layers'", "\"layers\": -2, \"entries\": []}"),
        ] {
            self.refuses(part) {
                try LatencyJSON.decode(Array((options + rest).utf8), name: "file.x")
            }
        }
    }

    @Test func badImportsAreRefusedWithTheirLine() {
        func yaml(_ part: String, _ text: String) {
            refuses(part) {
                try LatencyImport.onceForAll.decode(
                    Array(text.utf8), name: "file.x", device: "d")
            }
        }
        let key = "Conv-input:224x224x3-output:112x112x24:\n"
        yaml("no entries", "")
        yaml("line 1: ' mean: 1'", " mean: 1\n")
        yaml("line 1: 'abc'", "abc\n")
        yaml("line 2: '  mean 3'", key + "  mean 3\n")
        yaml("line 2: '  mean: x'", key + "  mean: x\n")
        yaml("line 2: '  more: 3'", key + "  more: 3\n")
        yaml("line 3: 'Conv-", key + "  mean: 1\n  mean: 1\n")
        yaml("has no 'mean'", key + "  count: 1\n")
        yaml("the time nan", key + "  mean: nan\n")
        yaml("the time -1.0", key + "  mean: -1\n")
        yaml("the time inf", key + "  mean: inf\n")
        yaml("the time 1e+300", key + "  mean: 1e300\n")
        yaml("the count 1.5", key + "  mean: 1\n  count: 1.5\n")
        yaml("twice", key + "  mean: 1\n" + key + "  mean: 1\n")
        yaml(
            "line 3: 'Pool-input:1x1x1-output:1x1x1'",
            key + "  mean: 1\nPool-input:1x1x1-output:1x1x1:\n  mean: 1\n")
        yaml("no key of", "expanded_conv-input:8x8x8-output:8x8x8-expand:8-kernel:3:\n  mean: 1\n")
        yaml(
            "kernel=99",
            "expanded_conv-input:8x8x8-output:8x8x8-expand:8-kernel:99-stride:1-idskip:1-se:0-hs:0:\n  mean: 1\n"
        )
        yaml("file.x", "\u{0}\u{1}")
        func fbnet(_ part: String, _ text: String) {
            refuses(part) {
                try LatencyImport.fbnet.decode(Array(text.utf8), name: "file.x", device: "d")
            }
        }
        fbnet("no rows", "[]")
        fbnet("no rows", "[null]")
        fbnet("row 1 is empty", "[null, []]")
        fbnet("row 1, value 1 has the time -2.0", "[null, [1, -2]]")
        fbnet("[0][1]", "[[1, null]]")
        fbnet("", "[[1, NaN]]")
        fbnet("", "{")
        fbnet("", String(repeating: "[", count: 1_000_000))
        fbnet("limit", String(repeating: " ", count: 17 << 20))
    }
}
