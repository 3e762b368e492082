import Support

/// A table of numbers as a CSV file: a header, then rows; numbers in full precision.
public enum CSV {
    /// Replaces the file as a whole.
    public static func save(
        _ path: String, header: [String], rows: [[String]]
    ) throws(FPNASError) {
        let lines = [header] + rows
        let text = lines.map { $0.joined(separator: ",") }.joined(separator: "\n") + "\n"
        try Files.replace(path, with: Array(text.utf8))
    }
}
