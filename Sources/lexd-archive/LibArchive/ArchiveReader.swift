import CArchive
import Glibc
import LexIPC

/// A tar being read from a descriptor, whatever it is compressed with.
///
/// It runs in the C locale on purpose: there libarchive cannot convert a name that is not ASCII and falls back to the
/// bytes as they stand, which is what a guest's file is called. In a UTF-8 locale it would bring them to a normal form.
final class ArchiveReader {
    private let archive: OpaquePointer
    private var entry: ArchiveEntry?
    private var ended = false

    init(descriptor: Int32) throws {
        guard let archive = archive_read_new() else { throw SystemError("read", "the archive", code: ENOMEM) }
        self.archive = archive
        // Each by its name: `_all` would take in formats and outside programs nobody wants to meet.
        for support in [
            archive_read_support_filter_gzip, archive_read_support_filter_bzip2, archive_read_support_filter_xz,
            archive_read_support_filter_lzma, archive_read_support_filter_zstd, archive_read_support_format_tar,
        ] { _ = support(archive) }
        // Read to the very end, past the first end mark: so that a cut-off or damaged tail is seen.
        _ = archive_read_set_options(archive, "tar:read_concatenated_archives")
        try check(archive_read_open_fd(archive, descriptor, 128 << 10))
    }

    deinit { _ = archive_read_free(archive) }

    /// How many bytes of the archive, as it is compressed, are read.
    var bytesRead: UInt64 { UInt64(max(archive_filter_bytes(archive, -1), 0)) }

    /// How many bytes of the tar itself are read.
    private var position: Int64 { archive_filter_bytes(archive, 0) }

    /// The next entry; nil after the last one. What is left of the entry before is passed over.
    func next() throws -> ArchiveEntry? {
        if ended { return nil }
        if entry != nil { try check(archive_read_data_skip(archive)) }
        let before = position
        var pointer: OpaquePointer?
        let status = archive_read_next_header(archive, &pointer)
        if status == ARCHIVE_EOF {
            ended = true
            // An end without the mark for it is where an upload was cut off between two entries; libarchive takes it.
            guard position - before >= 512 else {
                throw Refusal("the archive ends without the mark of its end: it was cut off")
            }
            return nil
        }
        try check(status)
        guard let pointer else { throw Refusal("the archive cannot be read") }
        let entry = ArchiveEntry(pointer)
        self.entry = entry
        return entry
    }

    /// The next piece of the entry's content and its place in the file; nil at its end. The bytes are good until the
    /// next call.
    func nextPiece() throws -> (bytes: UnsafeRawBufferPointer, offset: Int64)? {
        var start: UnsafeRawPointer?
        var count = 0
        var offset: Int64 = 0
        let status = archive_read_data_block(archive, &start, &count, &offset)
        if status == ARCHIVE_EOF { return nil }
        try check(status)
        return (UnsafeRawBufferPointer(start: start, count: count), offset)
    }

    /// Throws unless the call went well enough: a warning is about a name that is not ASCII (see above).
    private func check(_ status: Int32) throws {
        // ARCHIVE_RETRY lies between: a header that is none, after which one could look for the next.
        guard status != ARCHIVE_OK, status != ARCHIVE_WARN else { return }
        let code = archive_errno(archive)
        if code == ENOMEM || code == EIO { throw SystemError("read", "the archive", code: code) }
        let words = archive_error_string(archive).map { String(cString: $0) } ?? "no reason is given"
        throw Refusal("the archive cannot be read: \(words)")
    }
}

/// An entry as libarchive gives it; good until the next one.
struct ArchiveEntry {
    let pointer: OpaquePointer

    init(_ pointer: OpaquePointer) { self.pointer = pointer }

    /// What the rules look at.
    var facts: EntryFacts {
        EntryFacts(
            path: bytes(archive_entry_pathname(pointer)), kind: kind, size: archive_entry_size(pointer),
            user: archive_entry_uid(pointer), group: archive_entry_gid(pointer))
    }

    private var kind: EntryKind {
        if let target = archive_entry_hardlink(pointer) { return .hardLink(target: bytes(target)) }
        switch archive_entry_filetype(pointer) {
        case S_IFREG: return .file
        case S_IFDIR: return .directory
        case S_IFLNK: return .symbolicLink(target: bytes(archive_entry_symlink(pointer)))
        case S_IFIFO: return .fifo
        case S_IFSOCK: return .socket
        case S_IFCHR, S_IFBLK: return .device
        default: return .other
        }
    }

    /// The permission bits, with setuid, setgid and sticky.
    var mode: mode_t { archive_entry_mode(pointer) & 0o7777 }

    /// When the content was changed last.
    var modified: timespec {
        timespec(
            tv_sec: archive_entry_mtime(pointer), tv_nsec: min(max(archive_entry_mtime_nsec(pointer), 0), 999_999_999))
    }

    /// The extended attributes.
    var attributes: [(name: String, value: [UInt8])] {
        guard archive_entry_xattr_reset(pointer) > 0 else { return [] }
        var result: [(name: String, value: [UInt8])] = []
        var name: UnsafePointer<CChar>?
        var value: UnsafeRawPointer?
        var count = 0
        while archive_entry_xattr_next(pointer, &name, &value, &count) == ARCHIVE_OK, let name {
            result.append((String(cString: name), Array(UnsafeRawBufferPointer(start: value, count: count))))
        }
        return result
    }

    /// Whether it has a POSIX ACL of this type written in words.
    func hasAccessList(_ type: Int32) -> Bool { archive_entry_acl_types(pointer) & type != 0 }

    /// Its POSIX ACL of this type; nil when that names users or groups without their numbers, or too high ones.
    func accessList(_ type: Int32) -> [AccessEntry]? {
        guard archive_entry_acl_reset(pointer, type) > 0 else { return nil }
        var result: [AccessEntry] = []
        var found: Int32 = 0
        var permissions: Int32 = 0
        var kind: Int32 = 0
        var id: Int32 = 0
        var name: UnsafePointer<CChar>?
        while archive_entry_acl_next(pointer, type, &found, &permissions, &kind, &id, &name) == ARCHIVE_OK {
            let tag: AccessEntry.Tag
            switch kind {
            case ARCHIVE_ENTRY_ACL_USER_OBJ: tag = .owner
            case ARCHIVE_ENTRY_ACL_USER: tag = .user
            case ARCHIVE_ENTRY_ACL_GROUP_OBJ: tag = .owningGroup
            case ARCHIVE_ENTRY_ACL_GROUP: tag = .group
            case ARCHIVE_ENTRY_ACL_MASK: tag = .mask
            case ARCHIVE_ENTRY_ACL_OTHER: tag = .other
            default: return nil
            }
            let isNamed = tag == .user || tag == .group
            guard !isNamed || ImageRules.ids.contains(Int64(id)) else { return nil }
            result.append(
                AccessEntry(
                    tag: tag, permissions: UInt16(truncatingIfNeeded: permissions & 7),
                    id: isNamed ? UInt32(bitPattern: id) : nil))
        }
        return result.isEmpty ? nil : result
    }

    private func bytes(_ string: UnsafePointer<CChar>?) -> [UInt8] {
        guard let string else { return [] }
        return Array(UnsafeRawBufferPointer(start: string, count: strlen(string)))
    }
}
