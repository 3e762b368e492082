import Support

/// One line of a chart, a value for every epoch.
public struct ChartLine: Sendable {
    public let name: String
    public let values: [Double]

    public init(_ name: String, _ values: [Double]) {
        self.name = name
        self.values = values
    }
}

/// Small line charts side by side, all over the same epochs.
public struct HistoryPicture: Sendable {
    public struct Panel: Sendable {
        public let title: String
        public let lines: [ChartLine]

        public init(_ title: String, _ lines: [ChartLine]) {
            self.title = title
            self.lines = lines
        }
    }

    public let panels: [Panel]

    public init(_ panels: [Panel]) { self.panels = panels }

    private static let panel = (width: 420, height: 300)
    private static let plot = (left: 74, top: 62, right: 20, bottom: 34)
    private static let colours: [Colour] = [.accent, .warm, .faint]

    /// At most eight panels; values that are not finite leave gaps.
    public func draw() -> Canvas {
        let shown = panels.prefix(8)
        var canvas = Canvas(
            width: max(shown.count, 1) * HistoryPicture.panel.width,
            height: HistoryPicture.panel.height)
        for (i, panel) in shown.enumerated() {
            HistoryPicture.draw(panel, x: i * HistoryPicture.panel.width, on: &canvas)
        }
        return canvas
    }

    private static func draw(_ panel: Panel, x: Int, on canvas: inout Canvas) {
        let left = x + plot.left
        let right = x + Self.panel.width - plot.right
        let top = plot.top
        let bottom = Self.panel.height - plot.bottom
        canvas.text(panel.title, x: left, y: 16, scale: 2, .ink)
        var nameLeft = left
        for (i, line) in panel.lines.enumerated() {
            let colour = colours[i % colours.count]
            canvas.fill(x: nameLeft, y: 44, width: 14, height: 3, colour)
            canvas.text(line.name, x: nameLeft + 18, y: 41, .faint)
            nameLeft += 34 + Canvas.textWidth(line.name)
        }
        let finite = panel.lines.flatMap(\.values).filter(\.isFinite)
        let count = panel.lines.map(\.values.count).max() ?? 0
        guard let low = finite.min(), let high = finite.max(), count > 0 else { return }
        let span = high > low ? high - low : max(abs(high), 1)
        for i in 0...4 {
            let share = Double(i) / 4
            let y = bottom - (bottom - top) * i / 4
            canvas.fill(x: left, y: y, width: right - left, height: 1, .rule)
            let label = short(low + span * share)
            canvas.text(label, x: left - 8 - Canvas.textWidth(label), y: y - 3, .faint)
        }
        canvas.text("1", x: left, y: bottom + 10, .faint)
        let last = "epoch \(count)"
        canvas.text(last, x: right - Canvas.textWidth(last), y: bottom + 10, .faint)
        for (i, line) in panel.lines.enumerated() {
            var previous: (x: Int, y: Int)?
            for (n, value) in line.values.enumerated() {
                guard value.isFinite else {
                    previous = nil
                    continue
                }
                // The share lies in [0, 1].
                let share = (value - low) / span
                let point = (
                    x: left + (count > 1 ? (right - left - 2) * n / (count - 1) : 0),
                    y: bottom - Int(share * Double(bottom - top)) - 1
                )
                canvas.line(from: previous ?? point, to: point, colours[i % colours.count])
                previous = point
            }
        }
    }

    /// Three significant digits with k or M.
    private static func short(_ value: Double) -> String {
        let size = abs(value)
        if size >= 1e15 { return value < 0 ? "-big" : "big" }
        if size >= 1e6 { return digits(value / 1e6) + "M" }
        if size >= 1e3 { return digits(value / 1e3) + "k" }
        return digits(value)
    }

    private static func digits(_ value: Double) -> String {
        decimal(value, abs(value) >= 100 ? 0 : abs(value) >= 10 ? 1 : abs(value) >= 1 ? 2 : 3)
    }
}
