import Glibc

/// Ctrl-C as a question the loops ask between steps: the first asks to stop, the second ends the
/// process at once.
enum Interruption {
    // Written by the signal handler, which may only set a flag.
    nonisolated(unsafe) private static var flag: sig_atomic_t = 0

    static func watch() {
        for number in [SIGINT, SIGTERM] {
            signal(number) { number in
                Interruption.flag = 1
                signal(number, SIG_DFL)
            }
        }
    }

    static var isRequested: Bool { flag != 0 }
}

/// Writes a line to standard output at once, also where that is a pipe.
func say(_ line: String) {
    print(line)
    fflush(nil)
}

/// Text of at least so many characters.
func right(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(width - text.count, 0)) + text
}

func left(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(width - text.count, 0))
}

/// Seconds as people say them: 4 s, 2 min 05 s.
func duration(_ seconds: Double) -> String {
    let whole = Int(min(max(seconds, 0), 1e9).rounded())
    guard whole >= 60 else { return "\(whole) s" }
    let rest = whole % 60
    return "\(whole / 60) min " + (rest < 10 ? "0" : "") + "\(rest) s"
}

/// Thousands with separators, as costs are read.
func grouped(_ value: Int) -> String {
    var text = ""
    for (i, digit) in String(value).reversed().enumerated() {
        if i > 0 && i % 3 == 0 { text = "," + text }
        text = String(digit) + text
    }
    return text
}
