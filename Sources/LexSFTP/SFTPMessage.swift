/// What both sides of an SFTP connection keep to: version 3 of the protocol, as OpenSSH speaks it
/// (draft-ietf-secsh-filexfer-02, and OpenSSH's PROTOCOL file for what it adds).
package enum SFTP {
    /// The version spoken.
    package static let version: UInt32 = 3
    /// The largest packet taken, without its length, in bytes; the bound of OpenSSH.
    package static let largestPacket = 256 << 10
    /// The most bytes of a file in one packet: what is left beside the other fields.
    package static let largestData = 255 << 10
    /// The most bytes of a path: PATH_MAX of Linux.
    package static let longestPath = 4096
    /// Our own request: a whole small file in one packet, ``SFTPRequest/put(path:attributes:data:)``.
    package static let putName = "put@lexd"
    /// The most bytes of a file in one such request.
    package static let largestPut = 128 << 10
    /// What the server says it knows beside version 3.
    package static let extensions: [(name: String, data: String)] = [
        ("posix-rename@openssh.com", "1"), ("statvfs@openssh.com", "2"), ("hardlink@openssh.com", "1"),
        ("fsync@openssh.com", "1"), (putName, "1"),
    ]
}

/// A path or a name as the file system has it: bytes, which need not be UTF-8.
package typealias SFTPPath = [UInt8]

/// How a file is opened (draft-ietf-secsh-filexfer-02, 6.3).
package struct SFTPOpenFlags: OptionSet, Sendable, Equatable {
    package let rawValue: UInt32
    package init(rawValue: UInt32) { self.rawValue = rawValue }
    /// To read.
    package static let read = SFTPOpenFlags(rawValue: 1)
    /// To write.
    package static let write = SFTPOpenFlags(rawValue: 2)
    /// Every write goes to the end.
    package static let append = SFTPOpenFlags(rawValue: 4)
    /// Made where it is not there.
    package static let create = SFTPOpenFlags(rawValue: 8)
    /// Emptied.
    package static let truncate = SFTPOpenFlags(rawValue: 16)
    /// Refused where it is there.
    package static let exclusive = SFTPOpenFlags(rawValue: 32)
}

/// What is known, or wished, of a file; nil is not said.
package struct SFTPAttributes: Sendable, Equatable {
    /// Its length in bytes.
    package var size: UInt64?
    /// Its owner and group.
    package var owner: (user: UInt32, group: UInt32)? {
        get { hasOwner ? (user, group) : nil }
        set { (hasOwner, user, group) = (newValue != nil, newValue?.user ?? 0, newValue?.group ?? 0) }
    }
    /// Its mode as in `st_mode`, with the kind where the server tells it.
    package var permissions: UInt32?
    /// When it was read and changed last, in seconds since 1970.
    package var times: (accessed: UInt32, modified: UInt32)? {
        get { hasTimes ? (accessed, modified) : nil }
        set { (hasTimes, accessed, modified) = (newValue != nil, newValue?.accessed ?? 0, newValue?.modified ?? 0) }
    }
    private var hasOwner = false
    private var user: UInt32 = 0
    private var group: UInt32 = 0
    private var hasTimes = false
    private var accessed: UInt32 = 0
    private var modified: UInt32 = 0

    package init(
        size: UInt64? = nil, owner: (user: UInt32, group: UInt32)? = nil, permissions: UInt32? = nil,
        times: (accessed: UInt32, modified: UInt32)? = nil
    ) {
        self.size = size
        self.permissions = permissions
        self.owner = owner
        self.times = times
    }

    /// The part of the mode that says what kind of file it is.
    package var kind: UInt32? { permissions.map { $0 & 0o170000 } }
    /// Whether it is a directory.
    package var isDirectory: Bool { kind == 0o040000 }
    /// Whether it is a plain file.
    package var isFile: Bool { kind == 0o100000 }
    /// Whether it is a symbolic link.
    package var isLink: Bool { kind == 0o120000 }

    func write(to writer: inout SFTPWriter) {
        var flags: UInt32 = 0
        if size != nil { flags |= 1 }
        if hasOwner { flags |= 2 }
        if permissions != nil { flags |= 4 }
        if hasTimes { flags |= 8 }
        writer.put(flags)
        if let size { writer.put(size) }
        if hasOwner {
            writer.put(user)
            writer.put(group)
        }
        if let permissions { writer.put(permissions) }
        if hasTimes {
            writer.put(accessed)
            writer.put(modified)
        }
    }

    init(from reader: inout SFTPReader) throws(SFTPError) {
        self.init()
        let flags = try reader.uint32()
        guard flags & ~(0x8000_000F as UInt32) == 0 else { throw SFTPError("attributes that version 3 does not have") }
        if flags & 1 != 0 { size = try reader.uint64() }
        if flags & 2 != 0 { owner = (try reader.uint32(), try reader.uint32()) }
        if flags & 4 != 0 { permissions = try reader.uint32() }
        if flags & 8 != 0 { times = (try reader.uint32(), try reader.uint32()) }
        guard flags & 0x8000_0000 != 0 else { return }
        // Pairs of a type and its data, which nobody uses: read over, each at least eight bytes long.
        for _ in 0..<(try reader.count(ofAtLeast: 8)) {
            _ = try reader.bytes()
            _ = try reader.bytes()
        }
    }
}

/// Bytes that are no SFTP packet, or not one that may come here.
package struct SFTPError: Error, Sendable, Equatable, CustomStringConvertible {
    package let description: String
    package init(_ what: String) { description = "malformed SFTP packet: \(what)" }
}
