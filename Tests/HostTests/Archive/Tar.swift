/// A tar made by hand, so that it can say what no honest program writes.
struct Tar {
    struct Entry {
        var name: [UInt8]
        var type: UInt8
        var mode: UInt32 = 0o644
        var user = 0
        var group = 0
        var modified = 1_600_000_000
        var link: [UInt8] = []
        var content: [UInt8] = []
        /// What the header says, when that is not the truth.
        var size: Int?
        var device = (0, 0)
        /// Extended headers (pax).
        var extended: [(String, [UInt8])] = []
    }

    var entries: [Entry] = []
    /// Whether the two blocks of zeros that end a tar are there.
    var hasEnd = true

    init(_ entries: [Entry]) { self.entries = entries }

    /// `metadata.yaml`, `rootfs/`, and more.
    static func image(_ more: [Entry] = []) -> Tar {
        Tar([.file("metadata.yaml", "architecture: x86_64\ncreation_date: 1\n"), .directory("rootfs/")] + more)
    }

    var bytes: [UInt8] {
        var result: [UInt8] = []
        for entry in entries { Self.append(entry, to: &result) }
        if hasEnd { result += [UInt8](repeating: 0, count: 1024) }
        return result
    }

    static func append(_ entry: Entry, to result: inout [UInt8]) {
        var extended = entry.extended
        if entry.name.count > 100 { extended.append(("path", entry.name)) }
        if entry.link.count > 100 { extended.append(("linkpath", entry.link)) }
        if entry.user > 0o7777777 || entry.user < 0 { extended.append(("uid", Array("\(entry.user)".utf8))) }
        if !extended.isEmpty {
            var body: [UInt8] = []
            for (key, value) in extended {
                // The length counts itself: "11 path=abc\n".
                let rest = 1 + key.utf8.count + 1 + value.count + 1
                var length = rest + 1
                while "\(length)".utf8.count + rest != length { length += 1 }
                body += Array("\(length) \(key)=".utf8) + value + [10]
            }
            appendHeader(Entry(name: Array("extended".utf8), type: UInt8(ascii: "x")), size: body.count, to: &result)
            appendPadded(body, to: &result)
        }
        appendHeader(entry, size: entry.size ?? entry.content.count, to: &result)
        appendPadded(entry.content, to: &result)
    }

    private static func appendPadded(_ bytes: [UInt8], to result: inout [UInt8]) {
        result += bytes
        if bytes.count % 512 != 0 { result += [UInt8](repeating: 0, count: 512 - bytes.count % 512) }
    }

    private static func appendHeader(_ entry: Entry, size: Int, to result: inout [UInt8]) {
        var block = [UInt8](repeating: 0, count: 512)
        func put(_ bytes: [UInt8], _ place: Int, _ most: Int) {
            for (index, byte) in bytes.prefix(most).enumerated() { block[place + index] = byte }
        }
        func octal(_ value: Int, _ digits: Int) -> [UInt8] {
            let text = String(max(value, 0) & 0o777_7777_7777, radix: 8)
            return Array(String(repeating: "0", count: max(digits - text.count, 0)).utf8)
                + Array(text.utf8.suffix(digits))
        }
        put(entry.name, 0, 100)
        put(octal(Int(entry.mode), 7), 100, 8)
        put(octal(entry.user, 7), 108, 8)
        put(octal(entry.group, 7), 116, 8)
        put(octal(size, 11), 124, 12)
        put(octal(entry.modified, 11), 136, 12)
        put(Array("        ".utf8), 148, 8)
        block[156] = entry.type
        put(entry.link, 157, 100)
        put(Array("ustar".utf8) + [0, 48, 48], 257, 8)
        put(octal(entry.device.0, 7), 329, 8)
        put(octal(entry.device.1, 7), 337, 8)
        put(octal(block.reduce(0) { $0 + Int($1) }, 6) + [0, 32], 148, 8)
        result += block
    }
}

extension Tar.Entry {
    static func file(_ name: String, _ content: String = "", mode: UInt32 = 0o644) -> Self {
        Self(name: Array(name.utf8), type: UInt8(ascii: "0"), mode: mode, content: Array(content.utf8))
    }
    static func directory(_ name: String, mode: UInt32 = 0o755) -> Self {
        Self(name: Array(name.utf8), type: UInt8(ascii: "5"), mode: mode)
    }
    static func symbolicLink(_ name: String, _ target: String) -> Self {
        Self(name: Array(name.utf8), type: UInt8(ascii: "2"), mode: 0o777, link: Array(target.utf8))
    }
    static func hardLink(_ name: String, _ target: String) -> Self {
        Self(name: Array(name.utf8), type: UInt8(ascii: "1"), link: Array(target.utf8))
    }
    static func device(_ name: String, type: Character = "3", _ major: Int, _ minor: Int) -> Self {
        Self(name: Array(name.utf8), type: type.asciiValue ?? 51, mode: 0o666, device: (major, minor))
    }
    static func fifo(_ name: String) -> Self { Self(name: Array(name.utf8), type: UInt8(ascii: "6"), mode: 0o640) }

    /// The same with one thing changed.
    func with<Value>(_ path: WritableKeyPath<Self, Value>, _ value: Value) -> Self {
        var copy = self
        copy[keyPath: path] = value
        return copy
    }
}
