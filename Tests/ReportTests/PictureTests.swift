import ArchitectureDistribution
import Glibc
import ImageData
import Report
import SearchSpace
import Support
import TestSupport
import Testing

@Suite struct PictureTests {
    private func readBack(_ canvas: Canvas) throws -> [UInt8] {
        let path = "/tmp/fpnas-report-\(getpid()).png"
        try canvas.save(path)
        let image = try PNG.read(path)
        #expect(image.height == canvas.height && image.width == canvas.width && image.channels == 3)
        unlink(path)
        return image.pixels
    }

    @Test func aPictureIsReadBackAsItWasDrawn() throws {
        let picture = HistoryPicture([
            .init("entropy", [ChartLine("a", [3, 2, 1]), ChartLine("b", [.nan, 2, .infinity])])
        ])
        let canvas = picture.draw()
        #expect(try readBack(canvas) == canvas.pixels)
        #expect(Set(canvas.pixels).count > 3)
    }

    @Test func distributionsOfEverySizeAreDrawn() throws {
        let wide = try SearchSpace(
            name: "wide",
            layers: (0..<1000).map { l in
                Layer(
                    "a rather long name of a layer \(l)",
                    [Variable("v", (0..<50).map(Choice.integer))])
            })
        for space in [try randomSpace(1), try smallNetworkSpace(1), wide] {
            let distribution = try ArchitectureDistribution(space: space, form: .factorised)
            let canvas = DistributionPicture(distribution, title: space.name, subtitle: "test")
                .draw()
            #expect(canvas.width <= 8192 && canvas.height <= 16384)
            #expect(try readBack(canvas) == canvas.pixels)
        }
    }

    @Test func aCertainChoiceIsDarkerThanTheOthers() throws {
        let space = try SearchSpace(
            name: "s", layers: [Layer("a", [Variable("v", [.integer(0), .integer(1)])])])
        let distribution = try ArchitectureDistribution(space: space, form: .factorised)
        func darkest(_ logits: [Double]) throws -> Int {
            try logits.withUnsafeBufferPointer { try distribution.setLogits($0) }
            let canvas = DistributionPicture(distribution, title: "", subtitle: "").draw()
            return canvas.pixels.filter { $0 < 64 }.count
        }
        #expect(try darkest([50, 0]) > (try darkest([0, 0])))
    }

    @Test func emptyAndOddPicturesAreDrawn() throws {
        #expect(Canvas(width: 0, height: -5).width == 1)
        #expect(Canvas(width: 1 << 30, height: 1).width == 8192)
        _ = HistoryPicture([]).draw()
        _ = HistoryPicture([.init("nothing", [])]).draw()
        _ = HistoryPicture([.init("one", [ChartLine("x", [1e300, -1e300])])]).draw()
    }

    @Test func tablesAreWrittenAsCSV() throws {
        let path = "/tmp/fpnas-report-\(getpid()).csv"
        try CSV.save(path, header: ["a", "b"], rows: [["1", "2"], ["3", "4"]])
        #expect(String(decoding: try Files.read(path), as: UTF8.self) == "a,b\n1,2\n3,4\n")
        unlink(path)
        #expect(throws: FPNASError.self) { try CSV.save("/nowhere/x.csv", header: [], rows: []) }
    }
}
