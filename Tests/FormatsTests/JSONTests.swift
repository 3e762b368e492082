import Formats
import SearchSpace
import Support
import TestSupport
import Testing

@Suite struct JSONTests {
    @Test(arguments: UInt64(0)..<10) func abstractSpacesRoundTrip(seed: UInt64) throws {
        let space = try randomSpace(seed)
        for pretty in [true, false] {
            let text = try SpaceJSON.encode(space, pretty: pretty)
            #expect(try SpaceJSON.decode(text, name: "test") == space)
        }
    }

    @Test func networkSpacesRoundTrip() throws {
        let preset = try Preset.mbconvSmall.space(
            input: ImageShape(height: 16, width: 16, channels: 1), classes: 10)
        let sizes = try SearchSpace(
            name: "sizes",
            layers: [
                .block(
                    "size", .resolution, [(.factor, .searched([.integer(1), .integer(2)]))]),
                .block("classifier", .classifier, []),
            ], input: ImageShape(height: 8, width: 8, channels: 1), classes: 2)
        for space in [preset, try smallNetworkSpace(2), sizes] {
            #expect(try SpaceJSON.decode(try SpaceJSON.encode(space), name: "test") == space)
        }
    }

    @Test func architecturesStandAlone() throws {
        let space = try smallNetworkSpace(2)
        var row = allEncodings(space)[1234]
        let text = try ArchitectureJSON.encode(row, of: space)
        let decoded = try ArchitectureJSON.decode(text, name: "test")
        space.canonicalise(&row)
        #expect(decoded.space == space && decoded.architecture == row)
        let cost = String(decoding: text, as: UTF8.self)
        #expect(cost.contains("\"macs\" : ") && cost.contains("\"parameters\" : "))
    }

    private func refuses(_ part: String, _ text: String) {
        let error = #expect(throws: FPNASError.self) {
            try SpaceJSON.decode(Array(text.utf8), name: "space.json")
        }
        #expect(error?.code == .format)
        #expect(error?.message.contains("space.json") == true)
        #expect(error?.message.contains(part) == true, "\(error?.message ?? "")")
    }

    private func space(_ layers: String, head: String = "") -> String {
        "{\"format\": \"fpnas-space\", \"version\": 1, \"name\": \"s\", \(head) \"layers\": [\(layers)]}"
    }

    @Test func badFilesAreRefusedWithTheirPlace() {
        refuses("", "")
        refuses("", "{")
        refuses(
            "'layers' is missing", "{\"format\": \"fpnas-space\", \"version\": 1, \"name\": \"s\"}")
        refuses(
            "version 9",
            "{\"format\": \"fpnas-space\", \"version\": 9, \"name\": \"s\", \"layers\": []}")
        refuses("no layers", space(""))
        refuses("layers[0]", space("{\"variables\": []}"))
        refuses(
            "layers[0].variables[1].choices",
            space(
                #"{"name": "a", "variables": [{"name": "v", "choices": [1]}, "#
                    + #"{"name": "w", "choices": 3}]}"#
            ))
        refuses(
            "unknown key 'colour'", space("{\"name\": \"a\", \"variables\": [], \"colour\": 1}"))
        refuses(
            "unknown operation 'pooling'", space("{\"name\": \"a\", \"operation\": \"pooling\"}"))
        refuses(
            "no earlier variable",
            space(
                #"{"name": "a", "variables": [{"name": "v", "choices": [1, "#
                    + #"2], "when": {"variable": "w", "in": [1]}}]}"#
            ))
        refuses(
            "not one of its choices",
            space(
                #"{"name": "a", "variables": [{"name": "v", "choices": [1, 2]}, {"name": "w", "#
                    + #""choices": [1, 2], "when": {"variable": "v", "in": [7]}}]}"#
            ))
        refuses(
            "twice",
            space("{\"name\": \"a\", \"variables\": [{\"name\": \"v\", \"choices\": [1, 1.0]}]}"))
        refuses(
            "kernel '16'",
            space(
                #"{"name": "a", "operation": "conv", "kernel": [16], "channels": 4}, "#
                    + #"{"name": "c", "operation": "classifier"}"#,
                head: "\"input\": {\"height\": 4, \"width\": 4, \"channels\": 1}, \"classes\": 2,"))
    }

    @Test func deepAndHugeFilesAreRefused() {
        refuses("", String(repeating: "[", count: 1_000_000))
        refuses("", String(repeating: "{\"a\":", count: 1_000_000))
        refuses("limit", String(repeating: " ", count: 17 << 20))
    }

    @Test func alteredFilesNeverTrap() throws {
        let text = try SpaceJSON.encode(try smallNetworkSpace(1), pretty: false)
        let random = Philox(seed: 2, stream: .baselines)
        for i in 0..<500 {
            var altered = text
            altered[random.integer(below: text.count, step: 0, index: i)] =
                UInt8(truncatingIfNeeded: random.integer(below: 256, step: 1, index: i))
            _ = try? SpaceJSON.decode(altered, name: "test")
            _ = try? SpaceJSON.decode(Array(text.prefix(i)), name: "test")
        }
    }
}
