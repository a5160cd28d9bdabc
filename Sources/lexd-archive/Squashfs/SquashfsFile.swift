import Glibc
import LexIPC

/// The bytes of a squashfs, by address, and its tables.
final class SquashfsFile {
    let header: SquashfsSuperblock
    private let descriptor: Int32
    private let length: UInt64
    /// Blocks of metadata that were read, by their address: inodes and names are asked for again and again.
    private var blocks: [UInt64: (bytes: [UInt8], next: UInt64)] = [:]
    private var ids: [UInt32] = []
    private var taken: UInt64 = 0

    /// The most bytes a block of metadata unpacks to.
    private static let metadataSize = 8192
    private static let blocksKept = 512

    init(descriptor: Int32) throws {
        self.descriptor = descriptor
        let end = try checked("seek in", "the squashfs") { Int(lseek(descriptor, 0, SEEK_END)) }
        length = UInt64(max(end, 0))
        let first = try Self.read(descriptor, at: 0, Int(min(length, UInt64(SquashfsSuperblock.size))))
        header = try SquashfsSuperblock(first, length: length)
        ids = try readIDs()
    }

    /// How many bytes are read; what is read twice counts once at most.
    var bytesRead: UInt64 { min(taken, length) }

    /// Bytes at an address of the file.
    func bytes(at address: UInt64, _ count: Int) throws -> [UInt8] {
        guard count >= 0, address <= length, UInt64(count) <= length - address else {
            throw squashfsRefusal("an address in it lies behind its end")
        }
        taken &+= UInt64(count)
        return try Self.read(descriptor, at: address, count)
    }

    private static func read(_ descriptor: Int32, at address: UInt64, _ count: Int) throws -> [UInt8] {
        guard let address = off_t(exactly: address) else { throw squashfsRefusal("an address in it is too large") }
        try checked("seek in", "the squashfs") { lseek(descriptor, address, SEEK_SET) < 0 ? -1 : 0 }
        return try [UInt8](unsafeUninitializedCapacity: count) { space, filled in
            while filled < count {
                let got = try checked("read", "the squashfs") {
                    Glibc.read(descriptor, space.baseAddress?.advanced(by: filled), count - filled)
                }
                guard got > 0 else { throw squashfsRefusal("it became shorter while it was read") }
                filled += got
            }
        }
    }

    /// A block of metadata, unpacked, and the address of the one behind it.
    func metadata(at address: UInt64) throws -> (bytes: [UInt8], next: UInt64) {
        if let known = blocks[address] { return known }
        var head = LittleEndianReader(try bytes(at: address, 2))
        let word = try head.uint16()
        let size = Int(word & 0x7fff)
        guard size > 0, size <= Self.metadataSize else {
            throw squashfsRefusal("a block of metadata has \(size) bytes")
        }
        let stored = try bytes(at: address + 2, size)
        var content = stored
        if word & 0x8000 == 0 {
            content = try [UInt8](unsafeUninitializedCapacity: Self.metadataSize) { space, filled in
                filled = try header.compression.unpack(stored, into: UnsafeMutableRawBufferPointer(space))
            }
        }
        let block = (bytes: content, next: address + 2 + UInt64(size))
        if blocks.count >= Self.blocksKept { blocks.removeAll(keepingCapacity: true) }
        blocks[address] = block
        return block
    }

    /// A place in the metadata behind `table`.
    func cursor(_ table: UInt64, _ reference: SquashfsReference) throws(Refusal) -> SquashfsCursor {
        let (address, overflow) = table.addingReportingOverflow(reference.block)
        guard !overflow, address < length else { throw squashfsRefusal("an address in it lies behind its end") }
        return SquashfsCursor(file: self, address: address, offset: reference.offset)
    }

    /// A block of content, unpacked into `space`; how many bytes that gave.
    /// - Parameter word: Its size as files and fragments note it: bit 24 is set for one that is not compressed.
    func content(at address: UInt64, word: UInt32, into space: UnsafeMutableRawBufferPointer) throws -> Int {
        let size = Int(word & 0xffffff)
        guard size > 0, word >> 25 == 0, size <= header.blockSize else {
            throw squashfsRefusal("a block of content has \(size) bytes")
        }
        let stored = try bytes(at: address, size)
        if word & 1 << 24 == 0 { return try header.compression.unpack(stored, into: space) }
        guard size <= space.count else { throw squashfsRefusal("a block of content has \(size) bytes") }
        space.copyBytes(from: stored)
        return size
    }

    // MARK: tables

    /// An entry of a table that is kept in blocks of metadata, whose addresses lie at `table`.
    func entry(_ index: UInt64, size: UInt64, of table: UInt64) throws -> LittleEndianReader {
        let perBlock = UInt64(Self.metadataSize) / size
        let (place, overflow) = table.addingReportingOverflow(index / perBlock * 8)
        guard !overflow else { throw squashfsRefusal("an address in it is too large") }
        var pointer = LittleEndianReader(try bytes(at: place, 8))
        var cursor = SquashfsCursor(
            file: self, address: try pointer.uint64(), offset: Int(index % perBlock * size))
        return LittleEndianReader(try cursor.bytes(Int(size)))
    }

    private func readIDs() throws -> [UInt32] {
        try (0..<UInt64(header.ids)).map { index in
            var reader = try entry(index, size: 4, of: header.idTable)
            return try reader.uint32()
        }
    }

    /// The user or group behind a number of an inode.
    func id(_ index: UInt16) throws(Refusal) -> Int64 {
        guard ids.indices.contains(Int(index)) else { throw squashfsRefusal("an owner in it is not in its list") }
        return Int64(ids[Int(index)])
    }

    /// Where a fragment lies: the tails of several files in one block.
    func fragment(_ index: UInt32) throws -> (address: UInt64, word: UInt32) {
        guard index < header.fragments else { throw squashfsRefusal("a fragment in it is not in its list") }
        var reader = try entry(UInt64(index), size: 16, of: header.fragmentTable)
        return (try reader.uint64(), try reader.uint32())
    }
}

/// Reads metadata on from a place, across its blocks.
struct SquashfsCursor {
    private let file: SquashfsFile
    private var address: UInt64
    private var offset: Int

    init(file: SquashfsFile, address: UInt64, offset: Int) {
        self.file = file
        self.address = address
        self.offset = offset
    }

    mutating func bytes(_ count: Int) throws -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(count)
        while result.count < count {
            let block = try file.metadata(at: address)
            guard offset < block.bytes.count else {
                // At the end of a full block one goes on in the next; a place beyond it is no place.
                guard offset == block.bytes.count, offset > 0 else {
                    throw squashfsRefusal("a place in its metadata does not exist")
                }
                address = block.next
                offset = 0
                continue
            }
            let part = block.bytes[offset..<min(offset + count - result.count, block.bytes.count)]
            result += part
            offset += part.count
        }
        return result
    }

    mutating func reader(_ count: Int) throws -> LittleEndianReader { LittleEndianReader(try bytes(count)) }
    mutating func uint32() throws -> UInt32 {
        var reader = try reader(4)
        return try reader.uint32()
    }
}
