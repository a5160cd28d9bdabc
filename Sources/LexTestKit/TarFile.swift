/// A tarball put together in memory, entry by entry (POSIX.1-1988 ustar). It writes what it is told, also what no sane
/// program would: names that lead out, a directory declared again as a link.
package struct TarFile: Sendable {
    private var content: [UInt8] = []

    package init() {}

    /// What an entry is.
    package enum Kind: Sendable {
        case file([UInt8])
        case directory
        /// A symbolic link.
        case link(to: String)
        /// A second name.
        case hardLink(to: String)
        case character(major: Int, minor: Int)
        case block(major: Int, minor: Int)
        case fifo
        /// What the next entry is to be, instead of what its own header says.
        case claims([UInt8])
    }

    /// Adds an entry; names of at most 100 bytes.
    package mutating func add(
        _ name: String, _ kind: Kind, mode: Int? = nil, user: Int = 0, group: Int = 0, modifiedAt: Int = 1_700_000_000
    ) {
        var header = [UInt8](repeating: 0, count: 512)
        func put(_ text: String, _ offset: Int, _ length: Int) {
            for (index, byte) in text.utf8.prefix(length).enumerated() { header[offset + index] = byte }
        }
        func octal(_ value: Int, _ offset: Int, _ length: Int) {
            let digits = String(value, radix: 8)
            put(String(repeating: "0", count: max(0, length - 1 - digits.count)) + digits, offset, length - 1)
        }
        var data: [UInt8] = []
        var type = "0"
        var usualMode = 0o644
        switch kind {
        case .file(let bytes): data = bytes
        case .directory:
            type = "5"
            usualMode = 0o755
        case .link(let target):
            type = "2"
            usualMode = 0o777
            put(target, 157, 100)
        case .hardLink(let target):
            type = "1"
            put(target, 157, 100)
        case .character(let major, let minor):
            type = "3"
            octal(major, 329, 8)
            octal(minor, 337, 8)
        case .block(let major, let minor):
            type = "4"
            octal(major, 329, 8)
            octal(minor, 337, 8)
        case .fifo: type = "6"
        case .claims(let bytes):
            data = bytes
            type = "x"
        }
        put(name, 0, 100)
        octal(mode ?? usualMode, 100, 8)
        octal(user, 108, 8)
        octal(group, 116, 8)
        octal(data.count, 124, 12)
        octal(modifiedAt, 136, 12)
        put("        ", 148, 8)
        put(type, 156, 1)
        put("ustar", 257, 6)
        put("00", 263, 2)
        let sum = header.reduce(0) { $0 + Int($1) }
        octal(sum, 148, 7)
        content += header
        content += data
        content += [UInt8](repeating: 0, count: (512 - data.count % 512) % 512)
    }

    /// Adds a file with this text.
    package mutating func add(_ name: String, text: String, mode: Int? = nil) {
        add(name, .file(Array(text.utf8)), mode: mode)
    }

    /// Adds a file of three bytes behind a header that claims something else of it (POSIX.1-2001, pax): `size`, `uid`.
    package mutating func addClaims(_ name: String, _ claims: [String: String]) {
        let records = claims.sorted { $0.key < $1.key }.map { claim in
            let rest = " \(claim.key)=\(claim.value)\n"
            // The length of a record counts its own digits.
            var length = rest.utf8.count + 1
            while String(length).utf8.count + rest.utf8.count != length { length += 1 }
            return "\(length)\(rest)"
        }
        add("PaxHeader", .claims(Array(records.joined().utf8)))
        add(name, .file([1, 2, 3]))
    }

    /// The whole tarball.
    package var bytes: [UInt8] { content + [UInt8](repeating: 0, count: 1024) }
}
