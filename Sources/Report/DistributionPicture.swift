import ArchitectureDistribution
import SearchSpace
import Support

/// One picture of a distribution: a row for every layer, a column for every kind of variable, a
/// cell for every choice, shaded by its canonical probability.
///
/// The most probable choice is outlined. Variables that hardly exist, because their block is
/// skipped, fade with their probability to exist.
public struct DistributionPicture: Sendable {
    struct Row {
        let name: String
        /// By column: labels and probabilities, and the probability that the variable exists.
        let cells: [(choices: [(label: String, probability: Double)], activity: Double)?]
    }

    let title: String
    let subtitle: String
    let columns: [String]
    let rows: [Row]

    static let maximumRows = 300
    static let maximumColumns = 24
    static let maximumChoices = 40

    /// Layers beyond 300, kinds beyond 24 and choices beyond 40 are left out, and counted in the
    /// subtitle.
    public init(_ distribution: ArchitectureDistribution, title: String, subtitle: String) {
        let space = distribution.space
        let marginals = distribution.marginals(canonical: true)
        let activity = distribution.activity()
        var columns: [String] = []
        let searched = space.layers.indices.filter { !space.layers[$0].variables.isEmpty }
        for index in searched {
            for variable in space.layers[index].variables where !columns.contains(variable.name) {
                if columns.count < DistributionPicture.maximumColumns {
                    columns.append(variable.name)
                }
            }
        }
        rows = searched.prefix(DistributionPicture.maximumRows).map { index in
            let layer = space.layers[index]
            return Row(
                name: layer.name,
                cells: columns.map { column in
                    guard let offset = layer.variables.firstIndex(where: { $0.name == column })
                    else { return nil }
                    let v = space.layerStarts[index] + offset
                    let choices = layer.variables[offset].choices
                        .prefix(DistributionPicture.maximumChoices).enumerated()
                        .map { c, choice in
                            (choice.label, marginals[space.factorisedOffsets[v] + c])
                        }
                    return (choices, activity[v])
                })
        }
        self.columns = columns
        self.title = title
        let omitted = searched.count - rows.count
        self.subtitle = subtitle + (omitted > 0 ? "  (\(omitted) more layers)" : "")
    }

    // MARK: - Layout, in pixels

    private static let margin = 32
    private static let cell = (width: 64, height: 40)
    private static let gap = 2
    private static let columnGap = 22
    private static let rowGap = 10
    private static let headerHeight = 108
    private static let footerHeight = 62

    public func draw() -> Canvas {
        typealias Picture = DistributionPicture
        let counts = columns.indices.map { c in
            rows.map { $0.cells[c]?.choices.count ?? 0 }.max() ?? 0
        }
        let nameWidth =
            (rows.map { Canvas.textWidth(String($0.name.prefix(18)), scale: 2) }.max() ?? 0) + 24
        var lefts: [Int] = []
        var x = Picture.margin + nameWidth
        for count in counts {
            lefts.append(x)
            x += count * (Picture.cell.width + Picture.gap) + Picture.columnGap
        }
        let width = max(x - Picture.columnGap + Picture.margin, 640)
        let rowHeight = Picture.cell.height + Picture.rowGap
        var canvas = Canvas(
            width: width,
            height: Picture.headerHeight + rows.count * rowHeight + Picture.footerHeight)
        canvas.text(title, x: Picture.margin, y: 24, scale: 3, .ink)
        canvas.text(subtitle, x: Picture.margin, y: 56, scale: 1, .faint)
        for (c, name) in columns.enumerated() {
            canvas.text(
                String(name.prefix(24)), x: lefts[c], y: Picture.headerHeight - 26, scale: 2, .ink)
        }
        for (r, row) in rows.enumerated() {
            let top = Picture.headerHeight + r * rowHeight
            canvas.text(
                String(row.name.prefix(18)), x: Picture.margin,
                y: top + (Picture.cell.height - 14) / 2, scale: 2, .ink)
            for (c, cells) in row.cells.enumerated() {
                guard let cells else { continue }
                Picture.draw(cells.choices, cells.activity, x: lefts[c], y: top, on: &canvas)
            }
        }
        drawLegend(&canvas, y: Picture.headerHeight + rows.count * rowHeight + 14)
        return canvas
    }

    private static let dark = Colour(11, 60, 110)

    private static func draw(
        _ choices: [(label: String, probability: Double)], _ activity: Double, x: Int, y: Int,
        on canvas: inout Canvas
    ) {
        let best = choices.indices.max { choices[$0].probability < choices[$1].probability }
        // A variable that half of the time does not exist is as faint as it is rare.
        let presence = activity > 0 ? min(activity, 1) : 0
        for (i, choice) in choices.enumerated() {
            let left = x + i * (cell.width + gap)
            let p = choice.probability > 0 ? min(choice.probability, 1) : 0
            canvas.fill(
                x: left, y: y, width: cell.width, height: cell.height,
                Colour(243, 245, 248).mixed(with: dark, p.squareRoot() * 0.15 + p * 0.85))
            var ink = p > 0.42 ? Colour.paper : Colour.ink
            if presence < 0.5 { ink = ink.mixed(with: .faint, 1 - 2 * presence) }
            let big = Canvas.textWidth(choice.label, scale: 2) <= cell.width - 4
            let label = String(choice.label.prefix(9))
            let scale = big ? 2 : 1
            canvas.text(
                label, x: left + (cell.width - Canvas.textWidth(label, scale: scale)) / 2,
                y: y + (big ? 5 : 9), scale: scale, ink)
            let percent = percentage(p)
            canvas.text(
                percent, x: left + (cell.width - Canvas.textWidth(percent)) / 2, y: y + 27,
                ink.mixed(with: p > 0.42 ? dark : .paper, 0.2))
            if i == best && presence >= 0.5 {
                canvas.frame(
                    x: left - 1, y: y - 1, width: cell.width + 2, height: cell.height + 2,
                    thickness: 3, .warm)
            }
        }
    }

    private static func percentage(_ p: Double) -> String {
        if p > 0 && p < 0.0005 { return "<0.1 %" }
        return decimal(p * 100, p > 0 && p < 0.9995 ? 1 : 0) + " %"
    }

    private func drawLegend(_ canvas: inout Canvas, y: Int) {
        typealias Picture = DistributionPicture
        var x = Picture.margin
        for step in 0...4 {
            let p = Double(step) / 4
            canvas.fill(
                x: x, y: y, width: 34, height: 14,
                Colour(243, 245, 248).mixed(with: Picture.dark, p.squareRoot() * 0.15 + p * 0.85))
            canvas.text("\(step * 25)%", x: x + 4, y: y + 20, .faint)
            x += 36
        }
        canvas.frame(x: x + 20, y: y, width: 20, height: 14, thickness: 3, .warm)
        canvas.text("most probable", x: x + 48, y: y + 3, .faint)
        canvas.text(
            "probability of each choice in the network; what is missing to 100 % is the skip",
            x: x + 150, y: y + 3, .faint)
    }
}
