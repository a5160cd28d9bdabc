// timespec is first seen in libarchive's headers, so it is theirs to Swift.
import CArchive
import Glibc

/// What a squashfs knows of one file, by whatever names.
struct SquashfsInode {
    /// What lies behind it.
    enum Content {
        case directory(SquashfsListing)
        case file(SquashfsFileContent)
        case symbolicLink(target: [UInt8])
        case fifo
        case socket
        case device
    }

    let content: Content
    let mode: mode_t
    let user: Int64
    let group: Int64
    let modified: timespec
    let links: UInt32
    /// Its place in the list of attributes; nil for none.
    let attributes: UInt32?

    /// The kinds with more room in their fields begin with 8, in the order of the others.
    init(_ file: SquashfsFile, _ reference: SquashfsReference) throws {
        var cursor = try file.cursor(file.header.inodeTable, reference)
        var head = try cursor.reader(16)
        let type = try head.uint16()
        mode = mode_t(try head.uint16() & 0o7777)
        user = try file.id(try head.uint16())
        group = try file.id(try head.uint16())
        modified = timespec(tv_sec: Int(try head.uint32()), tv_nsec: 0)
        var attributes = UInt32.max
        switch type {
        case 1, 8: (content, links, attributes) = try Self.directory(&cursor, isLong: type == 8)
        case 2, 9: (content, links, attributes) = try Self.file(&cursor, isLong: type == 9, file.header.blockSize)
        case 3, 10: (content, links, attributes) = try Self.link(&cursor, isLong: type == 10)
        case 4, 5, 11, 12:
            var fields = try cursor.reader(type > 8 ? 12 : 8)
            links = try fields.uint32()
            content = .device
        case 6, 7, 13, 14:
            var fields = try cursor.reader(type > 8 ? 8 : 4)
            links = try fields.uint32()
            if type > 8 { attributes = try fields.uint32() }
            content = type == 6 || type == 13 ? .fifo : .socket
        default: throw squashfsRefusal("something in it is of the unknown kind \(type)")
        }
        self.attributes = attributes == .max ? nil : attributes
    }

    private static func directory(
        _ cursor: inout SquashfsCursor, isLong: Bool
    ) throws -> (Content, UInt32, UInt32) {
        let block: UInt32
        let links: UInt32
        let size: UInt32
        let offset: UInt16
        var attributes = UInt32.max
        if isLong {
            var fields = try cursor.reader(24)
            links = try fields.uint32()
            size = try fields.uint32()
            block = try fields.uint32()
            fields.skip(6)
            offset = try fields.uint16()
            attributes = try fields.uint32()
        } else {
            var fields = try cursor.reader(16)
            block = try fields.uint32()
            links = try fields.uint32()
            size = UInt32(try fields.uint16())
            offset = try fields.uint16()
        }
        // The size counts `.` and `..`, which are not there.
        let listing = SquashfsListing(
            start: SquashfsReference(block: UInt64(block), offset: offset), size: size > 3 ? Int(size - 3) : 0)
        return (.directory(listing), links, attributes)
    }

    private static func file(
        _ cursor: inout SquashfsCursor, isLong: Bool, _ blockSize: Int
    ) throws -> (Content, UInt32, UInt32) {
        let start: UInt64
        let size: UInt64
        var links: UInt32 = 1
        let fragment: UInt32
        let offset: UInt32
        var attributes = UInt32.max
        if isLong {
            var fields = try cursor.reader(40)
            start = try fields.uint64()
            size = try fields.uint64()
            fields.skip(8)
            links = try fields.uint32()
            fragment = try fields.uint32()
            offset = try fields.uint32()
            attributes = try fields.uint32()
        } else {
            var fields = try cursor.reader(16)
            start = UInt64(try fields.uint32())
            fragment = try fields.uint32()
            offset = try fields.uint32()
            size = UInt64(try fields.uint32())
        }
        guard let length = Int64(exactly: size) else { throw squashfsRefusal("a file in it has \(size) bytes") }
        let content = SquashfsFileContent(
            size: length, start: start, fragment: fragment == .max ? nil : fragment, offset: Int(offset),
            sizes: cursor)
        return (.file(content), links, attributes)
    }

    private static func link(_ cursor: inout SquashfsCursor, isLong: Bool) throws -> (Content, UInt32, UInt32) {
        var fields = try cursor.reader(8)
        let links = try fields.uint32()
        let size = try fields.uint32()
        guard size < UInt32(EntryPath.longest) else {
            throw squashfsRefusal("a symbolic link in it has a target of \(size) bytes")
        }
        let target = try cursor.bytes(Int(size))
        guard !target.contains(0) else { throw squashfsRefusal("a symbolic link in it has a zero byte in its target") }
        return (.symbolicLink(target: target), links, isLong ? try cursor.uint32() : .max)
    }
}

/// Where the names of a directory lie.
struct SquashfsListing {
    let start: SquashfsReference
    /// The bytes they take.
    let size: Int
}

/// Where the content of a file lies.
struct SquashfsFileContent {
    let size: Int64
    /// The address of the first block; the others follow.
    let start: UInt64
    /// The fragment with its end, and where in there.
    let fragment: UInt32?
    let offset: Int
    /// Where the sizes of its blocks are listed.
    let sizes: SquashfsCursor
}

/// The names in a directory, in their order, a run at a time.
struct SquashfsNames {
    private var cursor: SquashfsCursor
    private var rest: Int
    private var left: UInt32 = 0
    private var block: UInt32 = 0

    init(_ file: SquashfsFile, _ listing: SquashfsListing) throws(Refusal) {
        cursor = try file.cursor(file.header.directoryTable, listing.start)
        rest = listing.size
    }

    /// The next name and its inode.
    mutating func next() throws -> (name: [UInt8], inode: SquashfsReference)? {
        if left == 0 {
            guard rest > 0 else { return nil }
            var head = try take(12)
            let count = try head.uint32()
            guard count < 256 else { throw squashfsRefusal("a directory in it is damaged") }
            left = count + 1
            block = try head.uint32()
        }
        left -= 1
        var fields = try take(8)
        let offset = try fields.uint16()
        fields.skip(4)
        let size = Int(try fields.uint16()) + 1
        guard size <= 256, rest >= size else { throw squashfsRefusal("a name in it is damaged") }
        rest -= size
        let name = try cursor.bytes(size)
        // What one name is in a directory must not be two in a path.
        guard !name.contains(UInt8(ascii: "/")) else { throw Refusal(name, "has a slash in its name") }
        return (name, SquashfsReference(block: UInt64(block), offset: offset))
    }

    private mutating func take(_ count: Int) throws -> LittleEndianReader {
        guard rest >= count else { throw squashfsRefusal("a directory in it is damaged") }
        rest -= count
        return try cursor.reader(count)
    }
}
