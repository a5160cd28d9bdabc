import Glibc
import LexHost
import LexIPC

/// The kernel's files about the machine, /sys and /proc, below a directory of a test's choosing.
///
/// Everything may be missing, and nothing is believed to be small: a driver writes what it likes into its files.
struct KernelTree: Sendable {
    /// What stands before `/sys` and `/proc`; empty for this machine.
    let root: String

    /// The most entries that are looked at in one directory.
    private static let mostEntries = 8192

    init(root: String = "") { self.root = root }

    /// A small file without the white space around it; nil when it is not there, cannot be read, or is empty.
    func text(_ path: String, limit: Int = 65536) -> String? {
        guard let text = try? readFile(root + path, limit: limit) else { return nil }
        let trimmed = text.split(whereSeparator: \.isNewline).joined(separator: "\n")
        let bare = trimmed.drop(while: \.isWhitespace)
        return bare.isEmpty ? nil : String(bare.reversed().drop(while: \.isWhitespace).reversed())
    }

    /// A whole number, decimal or with `0x`.
    func number(_ path: String) -> UInt64? {
        guard let text = text(path) else { return nil }
        return text.hasPrefix("0x") ? UInt64(text.dropFirst(2), radix: 16) : UInt64(text)
    }

    /// A number that may be below nought, which then means none.
    func count(_ path: String) -> UInt64 { text(path).flatMap { Int64($0) }.flatMap { UInt64(exactly: $0) } ?? 0 }

    /// The names in a directory, numbers in them in their order.
    func names(_ path: String) -> [String] {
        let names = (try? directoryNames(root + path)) ?? []
        return Array(names.sorted { Self.isBefore($0, $1) }.prefix(Self.mostEntries))
    }

    func isThere(_ path: String) -> Bool { access(root + path, F_OK) == 0 }

    /// The last part of what a symbolic link points to.
    func linkName(_ path: String) -> String? {
        guard let target = link(path) else { return nil }
        return target.split(separator: "/").last.map(String.init)
    }

    private func link(_ path: String) -> String? {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink(root + path, &buffer, buffer.count)
        return count > 0 ? String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self) : nil
    }

    /// Where a path leads in the end, without the root before it.
    func realPath(_ path: String) -> String? {
        guard let whole = LexHost.realPath(root + path) else { return nil }
        return whole.hasPrefix(root) ? String(whole.dropFirst(root.count)) : whole
    }

    /// `sda2` comes before `sda10`.
    static func isBefore(_ left: String, _ right: String) -> Bool {
        var left = Substring(left)
        var right = Substring(right)
        while let first = left.first, let second = right.first {
            if first.isASCII, first.isNumber, second.isASCII, second.isNumber {
                let digits = left.prefix { $0.isASCII && $0.isNumber }
                let others = right.prefix { $0.isASCII && $0.isNumber }
                if let one = UInt64(digits), let other = UInt64(others), one != other { return one < other }
                left = left.dropFirst(digits.count)
                right = right.dropFirst(others.count)
            } else if first != second {
                return first < second
            } else {
                left = left.dropFirst()
                right = right.dropFirst()
            }
        }
        return left.isEmpty && !right.isEmpty
    }
}
