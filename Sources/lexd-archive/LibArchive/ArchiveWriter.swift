import CArchive
import Glibc
import LexIPC

/// A tar being written to a descriptor.
final class ArchiveWriter {
    private let archive: OpaquePointer
    private let output: OwnedDescriptor

    init(_ output: consuming OwnedDescriptor, compressed: Bool) throws(SystemError) {
        guard let archive = archive_write_new() else { throw SystemError("write", "the image", code: ENOMEM) }
        self.archive = archive
        self.output = output
        // pax only where an entry needs it; names that are not ASCII go out as the bytes they are.
        try check(archive_write_set_format_pax_restricted(archive))
        try check(compressed ? archive_write_add_filter_zstd(archive) : archive_write_add_filter_none(archive))
        // One form of extended attributes: libarchive's own beside it would only take room.
        try check(archive_write_set_options(archive, "pax:xattrheader=SCHILY"))
        try check(archive_write_set_bytes_per_block(archive, 64 << 10))
        try check(archive_write_set_bytes_in_last_block(archive, 1))
        try check(archive_write_open_fd(archive, self.output.number))
    }

    deinit { _ = archive_write_free(archive) }

    /// Begins an entry.
    func begin(_ entry: OpaquePointer) throws(SystemError) { try check(archive_write_header(archive, entry)) }

    /// Writes content of the entry that was begun.
    func write(_ bytes: UnsafeRawBufferPointer) throws(SystemError) {
        var done = 0
        while done < bytes.count {
            let written = archive_write_data(archive, bytes.baseAddress?.advanced(by: done), bytes.count - done)
            guard written > 0 else { throw failure() }
            done += written
        }
    }

    /// Writes the end mark and everything that is still held back.
    func finish() throws(SystemError) { try check(archive_write_close(archive)) }

    private func check(_ status: Int32) throws(SystemError) {
        // A warning is about a name that is not ASCII.
        if status < ARCHIVE_WARN { throw failure() }
    }

    private func failure() -> SystemError {
        let code = archive_errno(archive)
        let words = archive_error_string(archive).map { String(cString: $0) } ?? ""
        return SystemError("write", "the image (\(words))", code: code > 0 ? code : EIO)
    }
}

/// An entry of our own making.
struct NewEntry: ~Copyable {
    let pointer: OpaquePointer

    init(_ path: [UInt8], kind: mode_t, mode: mode_t, size: Int = 0, time: Int64) throws(SystemError) {
        guard let pointer = archive_entry_new() else { throw SystemError("write", "the image", code: ENOMEM) }
        self.pointer = pointer
        setPath(pointer, path)
        archive_entry_set_mode(pointer, kind | mode)
        archive_entry_set_size(pointer, Int64(size))
        archive_entry_set_mtime(pointer, time_t(time), 0)
    }

    deinit { archive_entry_free(pointer) }
}

/// Sets an entry's path.
func setPath(_ entry: OpaquePointer, _ path: [UInt8]) {
    withCString(path) { archive_entry_copy_pathname(entry, $0) }
}
