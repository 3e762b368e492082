import Report
import Supernet
import Support

/// The time of passes by kind of operator, as a table.
enum ProfileTable {
    static func text(_ profile: Profile) -> String {
        let rows = profile.rows.sorted {
            $0.forwardSeconds + $0.backwardSeconds > $1.forwardSeconds + $1.backwardSeconds
        }
        var lines = [
            "operator              calls  forward s  GFLOP/s  backward s  GFLOP/s   share"
        ]
        let all = rows.reduce(0) { $0 + $1.forwardSeconds + $1.backwardSeconds }
        for row in rows {
            let seconds = row.forwardSeconds + row.backwardSeconds
            lines.append(
                left(row.name, 20) + right("\(row.calls)", 7)
                    + right(decimal(row.forwardSeconds, 3), 11)
                    + right(rate(row.forwardMACs, row.forwardSeconds), 9)
                    + right(decimal(row.backwardSeconds, 3), 12)
                    + right(rate(row.backwardMACs, row.backwardSeconds), 9)
                    + right(decimal(100 * seconds / max(all, 1e-9), 1) + " %", 8))
        }
        return lines.joined(separator: "\n")
    }

    /// Two operations for each multiply-accumulate.
    private static func rate(_ macs: Double, _ seconds: Double) -> String {
        macs > 0 && seconds > 0 ? decimal(2 * macs / seconds * 1e-9, 1) : "-"
    }
}
