/// The one error type of the library: a stable code and a one-line message.
///
/// The message is impersonal and holds the offending value, for example
/// `learning_rate must be > 0, got -0.1`.
public struct FPNASError: Error, Equatable, Sendable, CustomStringConvertible {
    /// What went wrong, in the values of `fpnas_status`; numbers are never reused.
    public enum Code: Int32, Sendable {
        /// An argument is out of its range or contradicts another.
        case invalid = -1
        /// A handle is null, freed, foreign or of another type.
        case handle = -2
        /// The caller's output buffer is too small.
        case buffer = -3
        /// There is not enough memory.
        case noMemory = -4
        /// The handle is in use by another thread.
        case busy = -5
        /// A string is not UTF-8.
        case utf8 = -6
        /// A file cannot be read or written.
        case io = -7
        /// A file or text is not of the expected format.
        case format = -8
        /// The call does not fit the state of the object.
        case state = -9
        /// The handle was made before a fork.
        case forked = -10
        /// A budget or condition cannot be met.
        case infeasible = -11
    }

    public let code: Code
    public let message: String

    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public static func invalid(_ message: String) -> FPNASError { FPNASError(.invalid, message) }

    public var description: String { message }
}
