// timespec is first seen in libarchive's headers, so it is theirs to Swift.
import CArchive
import Glibc
import LexIPC

/// One entry of an archive or of a squashfs.
protocol SourceEntry {
    /// What the rules look at.
    var facts: EntryFacts { get }
    /// The permission bits, with setuid, setgid and sticky.
    var mode: mode_t { get }
    /// When the content was changed last.
    var modified: timespec { get }
    /// The extended attributes.
    var attributes: [(name: String, value: [UInt8])] { get }
    /// Whether it has a POSIX ACL of this type written in words.
    func hasAccessList(_ type: Int32) -> Bool
    /// Its POSIX ACL of this type; nil when that cannot be kept.
    func accessList(_ type: Int32) -> [AccessEntry]?
}

/// Where entries come from, one after the other.
protocol EntrySource: AnyObject {
    /// How many bytes of the file are read.
    var bytesRead: UInt64 { get }
    /// The next entry; nil after the last one.
    func nextEntry() throws -> (any SourceEntry)?
    /// The next piece of the entry's content and its place in the file; nil at its end. The bytes are good until the
    /// next call.
    func nextPiece() throws -> (bytes: UnsafeRawBufferPointer, offset: Int64)?
}

extension ArchiveEntry: SourceEntry {}

extension ArchiveReader: EntrySource {
    func nextEntry() throws -> (any SourceEntry)? { try next() }
}

/// Opens what lies on a descriptor, by its first bytes.
func openSource(_ descriptor: Int32) throws -> any EntrySource {
    var magic = [UInt8](repeating: 0, count: 4)
    let got = try checked("read", "the image") { read(descriptor, &magic, magic.count) }
    try checked("seek in", "the image") { lseek(descriptor, 0, SEEK_SET) < 0 ? -1 : 0 }
    if got == 4, magic == SquashfsSuperblock.magic { return try SquashfsReader(descriptor: descriptor) }
    if got == 4, magic == Array("QFI".utf8) + [0xfb] {
        throw Refusal(
            "it is the disk of a virtual machine (qcow2); lexd runs containers, whose root is a tar or squashfs")
    }
    return try ArchiveReader(descriptor: descriptor)
}
