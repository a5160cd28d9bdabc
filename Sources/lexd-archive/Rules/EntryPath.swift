/// The path of an entry, checked: relative, without `.`, `..` or empty names, none too long or too many.
///
/// The names lie behind each other, each ended by a zero byte, ready for a C call.
struct EntryPath: Equatable {
    private let bytes: [UInt8]
    private let starts: [Int]

    /// The longest path, in bytes.
    static let longest = 4096
    /// The longest name, in bytes, as Linux has it.
    static let longestName = 255

    /// - Parameters:
    ///   - raw: The path as it stands in the archive. Leading `./` and one trailing `/` mean nothing.
    ///   - depth: The most names.
    init(_ raw: some BidirectionalCollection<UInt8>, depth: UInt64) throws(Refusal) {
        let slash = UInt8(ascii: "/")
        let dot = UInt8(ascii: ".")
        guard !raw.isEmpty else { throw Refusal("an entry has no name") }
        guard raw.count <= Self.longest else {
            throw Refusal(raw, "has a path of \(raw.count) bytes; \(Self.longest) are allowed")
        }
        guard raw.first != slash else { throw Refusal(raw, "has an absolute path; only relative ones are allowed") }
        var rest = raw[...]
        while rest.first == dot, let second = rest.dropFirst().first, second == slash { rest = rest.dropFirst(2) }
        if rest.last == slash { rest = rest.dropLast() }
        if rest.elementsEqual(CollectionOfOne(dot)) { rest = rest.dropFirst() }
        var bytes: [UInt8] = []
        var starts: [Int] = []
        if !rest.isEmpty {
            bytes.reserveCapacity(rest.count + 1)
            var start = 0
            for byte in rest {
                if byte == slash {
                    try Self.check(bytes[start...], of: raw)
                    starts.append(start)
                    bytes.append(0)
                    start = bytes.count
                } else if byte == 0 {
                    throw Refusal(raw, "has a zero byte in its path")
                } else {
                    bytes.append(byte)
                }
            }
            try Self.check(bytes[start...], of: raw)
            starts.append(start)
            bytes.append(0)
        } else if raw.first != dot {
            throw Refusal(raw, "has an empty name in its path")
        }
        guard UInt64(starts.count) <= depth else {
            throw Refusal(raw, "is \(starts.count) directories deep; \(depth) are allowed")
        }
        self.bytes = bytes.isEmpty ? [0] : bytes
        self.starts = starts
    }

    private static func check(_ name: ArraySlice<UInt8>, of raw: some Collection<UInt8>) throws(Refusal) {
        let dot = UInt8(ascii: ".")
        if name.isEmpty { throw Refusal(raw, "has an empty name in its path") }
        if name.count > longestName {
            throw Refusal(raw, "has a name of \(name.count) bytes in its path; \(longestName) are allowed")
        }
        if name.count == 1, name.first == dot { throw Refusal(raw, "has \".\" in its path") }
        if name.count == 2, name.first == dot, name.last == dot { throw Refusal(raw, "has \"..\" in its path") }
    }

    /// How many names.
    var count: Int { starts.count }

    /// The name at a place, without its zero byte.
    func name(_ index: Int) -> ArraySlice<UInt8> {
        guard starts.indices.contains(index) else { return [] }
        let end = index + 1 < starts.count ? starts[index + 1] : bytes.count
        return bytes[starts[index]..<end - 1]
    }

    /// Calls `body` with the name at a place as a C string; with an empty one where there is none.
    func withName<Result>(_ index: Int, _ body: (UnsafePointer<CChar>) -> Result) -> Result {
        // In bounds: the start of a name, or the last zero byte.
        let start = starts.indices.contains(index) ? starts[index] : bytes.count - 1
        func call(_ pointer: UnsafePointer<UInt8>) -> Result {
            body(UnsafeRawPointer(pointer + start).assumingMemoryBound(to: CChar.self))
        }
        return call(bytes)
    }

    /// The first names with slashes between, as in an archive.
    func joined(_ count: Int) -> [UInt8] {
        guard count > 0, !starts.isEmpty else { return [] }
        let end = count < starts.count ? starts[count] - 1 : bytes.count - 1
        return bytes[..<end].map { $0 == 0 ? UInt8(ascii: "/") : $0 }
    }

    /// The whole path with slashes between its names.
    var joined: [UInt8] { joined(count) }

    /// Whether the name at a place is this one.
    func isName(_ index: Int, _ text: StaticString) -> Bool {
        text.withUTF8Buffer { name(index).elementsEqual($0) }
    }
}
