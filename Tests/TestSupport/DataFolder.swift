import Glibc

/// Data that does not belong to the project: the folder FPNAS_DATA names, else ../shared/data.
public enum DataFolder {
    public static let path: String = {
        guard let named = getenv("FPNAS_DATA") else { return "../shared/data" }
        return String(cString: named)
    }()

    public static func has(_ file: String) -> Bool { access(path + "/" + file, R_OK) == 0 }
}
