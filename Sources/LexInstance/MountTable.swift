package import LexAPI
import LexIPC

/// The mounts a process sees (proc_pid_mountinfo(5)).
///
/// The guest writes most of the text: it mounts what it likes, where it likes.
package enum MountTable {
    /// The most mounts that are told of; the kernel itself stops at 100,000 (`fs.mount-max`).
    package static let most = 1000

    /// Reads those of a process. Throws when it is gone.
    package static func read(process: Int32) throws -> [Instance.Explanation.Mount] {
        parse(try readFile("/proc/\(process)/mountinfo", limit: 64 << 20))
    }

    /// Reads a table; what is none of its lines is left out.
    package static func parse(_ text: String) -> [Instance.Explanation.Mount] {
        text.split(separator: "\n").prefix(most).compactMap { line in
            let fields = line.split(separator: " ", omittingEmptySubsequences: false)
            // Behind a number of optional fields comes a hyphen.
            guard fields.count >= 10, let hyphen = fields.dropFirst(6).firstIndex(of: "-"),
                fields.count >= hyphen + 4
            else { return nil }
            return Instance.Explanation.Mount(
                path: unescaped(fields[4]), source: unescaped(fields[hyphen + 2]), root: unescaped(fields[3]),
                type: String(fields[hyphen + 1]), options: fields[5] + ";" + fields[hyphen + 3])
        }
    }

    /// Spaces, tabs, newlines and backslashes are written as their octal numbers.
    private static func unescaped(_ field: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = Array(field.utf8)[...]
        while let byte = rest.popFirst() {
            let digits = rest.prefix(3)
            if byte == UInt8(ascii: "\\"), digits.count == 3,
                let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 8)
            {
                bytes.append(value)
                rest = rest.dropFirst(3)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
