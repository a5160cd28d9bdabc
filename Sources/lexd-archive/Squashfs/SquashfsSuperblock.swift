/// The first 96 bytes of a squashfs of version 4, the only one there has been since 2009
/// (`fs/squashfs/squashfs_fs.h` of the kernel).
struct SquashfsSuperblock {
    /// `hsqs`
    static let magic = Array("hsqs".utf8)
    static let size = 96
    /// What an address says when there is no such table.
    static let noTable = UInt64.max

    let blockSize: Int
    let fragments: UInt32
    let compression: SquashfsCompression
    let ids: UInt16
    let root: SquashfsReference
    let bytesUsed: UInt64
    let idTable: UInt64
    let attributeTable: UInt64
    let inodeTable: UInt64
    let directoryTable: UInt64
    let fragmentTable: UInt64

    /// - Parameters:
    ///   - bytes: The beginning of the file.
    ///   - length: How long the file is.
    init(_ bytes: [UInt8], length: UInt64) throws(Refusal) {
        guard bytes.count == Self.size else { throw squashfsRefusal("it is shorter than its own header") }
        var reader = LittleEndianReader(bytes)
        reader.skip(12)
        let block = try reader.uint32()
        fragments = try reader.uint32()
        let compressor = try reader.uint16()
        let log = try reader.uint16()
        reader.skip(2)
        ids = try reader.uint16()
        let (major, minor) = (try reader.uint16(), try reader.uint16())
        guard major == 4, minor == 0 else { throw squashfsRefusal("its version is \(major).\(minor), not 4.0") }
        guard (12...20).contains(log), block == 1 << UInt32(log) else {
            throw squashfsRefusal("its blocks have \(block) bytes; 4 KiB to 1 MiB are allowed")
        }
        blockSize = Int(block)
        compression = try SquashfsCompression(number: compressor)
        root = SquashfsReference(try reader.uint64())
        bytesUsed = try reader.uint64()
        guard bytesUsed <= length else {
            throw squashfsRefusal("it says it has \(bytesUsed) bytes, but there are \(length): it was cut off")
        }
        idTable = try reader.uint64()
        attributeTable = try reader.uint64()
        inodeTable = try reader.uint64()
        directoryTable = try reader.uint64()
        fragmentTable = try reader.uint64()
    }
}

/// Where an inode or an attribute lies: a block of metadata, and a place in what it unpacks to.
struct SquashfsReference: Hashable {
    let block: UInt64
    let offset: Int

    init(block: UInt64, offset: UInt16) {
        self.block = block
        self.offset = Int(offset)
    }

    init(_ packed: UInt64) {
        block = packed >> 16
        offset = Int(packed & 0xffff)
    }
}

/// Numbers out of bytes.
struct LittleEndianReader {
    private let bytes: [UInt8]
    private var position = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    var isAtEnd: Bool { position >= bytes.count }

    mutating func skip(_ count: Int) { position = min(position + max(count, 0), bytes.count) }
    mutating func uint16() throws(Refusal) -> UInt16 { UInt16(truncatingIfNeeded: try number(2)) }
    mutating func uint32() throws(Refusal) -> UInt32 { UInt32(truncatingIfNeeded: try number(4)) }
    mutating func uint64() throws(Refusal) -> UInt64 { try number(8) }

    private mutating func number(_ size: Int) throws(Refusal) -> UInt64 {
        guard bytes.count - position >= size else { throw squashfsRefusal("a table ends too early") }
        var value: UInt64 = 0
        for byte in bytes[position..<position + size].reversed() { value = value << 8 | UInt64(byte) }
        position += size
        return value
    }
}

/// `the squashfs cannot be read: WHY`
func squashfsRefusal(_ why: String) -> Refusal { Refusal("the squashfs cannot be read: \(why)") }
