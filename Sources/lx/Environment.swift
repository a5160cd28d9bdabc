import Glibc

/// The environment of this process.
enum Environment {
    static var variables: [String: String] {
        var result: [String: String] = [:]
        var entry = environ
        while let text = entry.pointee {
            let parts = String(cString: text).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2, let name = parts.first, let value = parts.last { result[String(name)] = String(value) }
            entry += 1
        }
        return result
    }

    static func value(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
}
