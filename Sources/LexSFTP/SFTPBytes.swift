/// Collects packets for the wire.
package struct SFTPWriter: Sendable {
    /// What was collected.
    package private(set) var bytes: [UInt8] = []
    package init() {}

    /// Forgets what was collected, once it is sent, and keeps the memory.
    package mutating func removeAll() { bytes.removeAll(keepingCapacity: true) }

    mutating func put(_ value: UInt8) { bytes.append(value) }
    mutating func put(_ value: UInt32) {
        bytes.append(UInt8(truncatingIfNeeded: value >> 24))
        bytes.append(UInt8(truncatingIfNeeded: value >> 16))
        bytes.append(UInt8(truncatingIfNeeded: value >> 8))
        bytes.append(UInt8(truncatingIfNeeded: value))
    }
    mutating func put(_ value: UInt64) {
        put(UInt32(truncatingIfNeeded: value >> 32))
        put(UInt32(truncatingIfNeeded: value))
    }
    mutating func put(_ value: some Collection<UInt8>) {
        put(UInt32(truncatingIfNeeded: value.count))
        bytes.append(contentsOf: value)
    }

    /// Writes one packet: the length is set when its fields are there.
    mutating func packet(_ type: UInt8, _ body: (inout SFTPWriter) -> Void) {
        let start = bytes.count
        put(UInt32(0))
        put(type)
        body(&self)
        let length = UInt32(truncatingIfNeeded: bytes.count - start - 4)
        for index in 0..<4 {
            bytes[start + index] = UInt8(truncatingIfNeeded: length >> UInt32(24 - 8 * index))
        }
    }
}

/// Takes the fields of one packet apart; whatever does not fit is an error, never a trap.
struct SFTPReader {
    private var rest: ArraySlice<UInt8>

    init(_ packet: ArraySlice<UInt8>) { rest = packet }

    /// Whether all of it is read.
    var isAtEnd: Bool { rest.isEmpty }

    mutating func uint8() throws(SFTPError) -> UInt8 {
        guard let byte = rest.popFirst() else { throw SFTPError("it ends too early") }
        return byte
    }
    mutating func uint32() throws(SFTPError) -> UInt32 {
        guard rest.count >= 4 else { throw SFTPError("it ends too early") }
        var value: UInt32 = 0
        for byte in rest.prefix(4) { value = value << 8 | UInt32(byte) }
        rest = rest.dropFirst(4)
        return value
    }
    mutating func uint64() throws(SFTPError) -> UInt64 {
        let high = UInt64(try uint32())
        return high << 32 | UInt64(try uint32())
    }
    mutating func slice() throws(SFTPError) -> ArraySlice<UInt8> {
        let length = Int(try uint32())
        guard length <= rest.count else { throw SFTPError("a field is longer than the packet") }
        defer { rest = rest.dropFirst(length) }
        return rest.prefix(length)
    }
    mutating func bytes() throws(SFTPError) -> [UInt8] { Array(try slice()) }
    mutating func text() throws(SFTPError) -> String { String(decoding: try slice(), as: UTF8.self) }

    /// A path: no longer than the kernel takes, without a NUL, which would end it early.
    mutating func path() throws(SFTPError) -> SFTPPath {
        let path = try slice()
        guard path.count < SFTP.longestPath else { throw SFTPError("a path of \(path.count) bytes") }
        guard !path.contains(0) else { throw SFTPError("a path with a NUL") }
        return Array(path)
    }

    /// How many elements follow, each of at least so many bytes: a lie cannot make us allocate.
    mutating func count(ofAtLeast size: Int) throws(SFTPError) -> Int {
        let count = Int(try uint32())
        guard count <= rest.count / size else { throw SFTPError("a list is longer than the packet") }
        return count
    }

    /// The bytes that are left.
    mutating func remainder() -> ArraySlice<UInt8> {
        defer { rest = [] }
        return rest
    }
}

/// Cuts a stream of bytes into packets.
package struct SFTPFrames: Sendable {
    private var buffer: [UInt8] = []
    private var position = 0

    package init() {}

    /// Takes more of the stream.
    package mutating func append(_ bytes: some Sequence<UInt8>) {
        // What was read is dropped here, once for many packets.
        if position == buffer.count {
            buffer.removeAll(keepingCapacity: true)
            position = 0
        } else if position > SFTP.largestPacket {
            buffer.removeFirst(position)
            position = 0
        }
        buffer.append(contentsOf: bytes)
    }

    /// The next whole packet, its type first; nil when more has to come.
    package mutating func next() throws(SFTPError) -> ArraySlice<UInt8>? {
        guard buffer.count - position >= 4 else { return nil }
        var length = 0
        for byte in buffer[position..<position + 4] { length = length << 8 | Int(byte) }
        guard length > 0, length <= SFTP.largestPacket else { throw SFTPError("a length of \(length) bytes") }
        let start = position + 4
        guard buffer.count - start >= length else { return nil }
        position = start + length
        return buffer[start..<position]
    }
}
