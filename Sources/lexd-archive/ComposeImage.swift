import CArchive
import Glibc
import LexIPC

/// The most a root file system may hold: far more than any template makes.
private let limits = ArchiveLimits(bytes: 64 << 30)

/// Makes an image of the tar of a root file system on descriptor 0: `metadata.yaml` and `templates/` first, so that
/// who reads it need not read all, then `rootfs/`.
func composeImage(
    _ composition: ImageComposition, output: consuming OwnedDescriptor, _ replies: Replies
) throws -> ArchiveResult {
    var composing = try Composing(composition, output: output)
    let reader = try ArchiveReader(descriptor: 0)
    try composing.begin()
    while let entry = try reader.next() {
        try composing.take(entry, reader)
        try replies.progress(reader.bytesRead)
    }
    return try composing.finish()
}

private struct Composing {
    private let composition: ImageComposition
    private let writer: ArchiveWriter
    private var rules: CompositionRules
    private var hasRoot = false
    private let zeros = [UInt8](repeating: 0, count: 64 << 10)

    init(_ composition: ImageComposition, output: consuming OwnedDescriptor) throws {
        self.composition = composition
        rules = try CompositionRules(composition, limits)
        writer = try ArchiveWriter(output, compressed: composition.compressed)
    }

    func begin() throws {
        try add(Array("metadata.yaml".utf8), S_IFREG, 0o644, Array(composition.metadata.utf8))
        guard !composition.templates.isEmpty else { return }
        try add(Array("templates/".utf8), S_IFDIR, 0o755)
        for template in composition.templates {
            let path = try EntryPath(Array(template.path.utf8), depth: 1)
            guard path.count == 1, let content = template.content else {
                throw Refusal(path.joined, "is no file name for a template")
            }
            try add(Array("templates/".utf8) + path.joined, S_IFREG, 0o644, Array(content.utf8))
        }
    }

    mutating func take(_ entry: ArchiveEntry, _ reader: ArchiveReader) throws {
        let facts = entry.facts
        switch try rules.judge(facts) {
        case .skip: return
        case .root:
            guard !hasRoot else { return }
            setPath(entry.pointer, Array("rootfs/".utf8))
        case .take(let path):
            try addRootIfMissing()
            setPath(entry.pointer, facts.kind == .directory ? path + [UInt8(ascii: "/")] : path)
        case .link(let path, let target):
            try addRootIfMissing()
            setPath(entry.pointer, path)
            withCString(target) { archive_entry_copy_hardlink(entry.pointer, $0) }
            archive_entry_set_size(entry.pointer, 0)
        }
        hasRoot = true
        clean(entry, facts)
        try writer.begin(entry.pointer)
        if facts.kind == .file { try copy(reader, size: facts.size) }
    }

    mutating func finish() throws -> ArchiveResult {
        try addRootIfMissing()
        for path in rules.missingParents { try add(Array("rootfs/".utf8) + path + [UInt8(ascii: "/")], S_IFDIR, 0o755) }
        for addition in composition.additions.sorted(by: { $0.path < $1.path }) {
            let path = Array("rootfs/\(addition.path)".utf8)
            if let content = addition.content {
                try add(path, S_IFREG, mode_t(addition.mode & 0o7777), Array(content.utf8))
            } else {
                let entry = try NewEntry(path, kind: S_IFLNK, mode: 0o777, time: composition.time)
                withCString(Array(addition.target.utf8)) { archive_entry_copy_symlink(entry.pointer, $0) }
                try writer.begin(entry.pointer)
            }
        }
        try writer.finish()
        return ArchiveResult(
            metadata: composition.metadata, entries: rules.budget.entries, bytes: rules.budget.bytes,
            warnings: rules.warnings.all)
    }

    private mutating func addRootIfMissing() throws {
        if !hasRoot { try add(Array("rootfs/".utf8), S_IFDIR, 0o755) }
        hasRoot = true
    }

    private func add(_ path: [UInt8], _ kind: mode_t, _ mode: mode_t, _ content: [UInt8] = []) throws {
        let entry = try NewEntry(path, kind: kind, mode: mode, size: content.count, time: composition.time)
        try writer.begin(entry.pointer)
        try content.withUnsafeBytes { try writer.write($0) }
    }

    /// Takes off an entry what tells of its builder, or what an image must not set.
    private mutating func clean(_ entry: ArchiveEntry, _ facts: EntryFacts) {
        for clear in [archive_entry_unset_atime, archive_entry_unset_ctime, archive_entry_unset_birthtime] {
            clear(entry.pointer)
        }
        archive_entry_set_uname(entry.pointer, "")
        archive_entry_set_gname(entry.pointer, "")
        let attributes = entry.attributes
        guard !attributes.isEmpty else { return }
        archive_entry_xattr_clear(entry.pointer)
        for (name, value) in attributes {
            if AttributeRules.judge(name) == .keep {
                archive_entry_xattr_add_entry(entry.pointer, name, value, value.count)
            } else {
                rules.warn("\(quoted(facts.path)) lost its extended attribute \(quoted(name.utf8))")
            }
        }
    }

    /// Copies content; holes become zeros, which compress to nothing.
    private mutating func copy(_ reader: ArchiveReader, size: Int64) throws {
        var position: Int64 = 0
        while let piece = try reader.nextPiece() {
            try fillZeros(from: &position, to: piece.offset, reader)
            try rules.countBytes(piece.bytes.count, read: reader.bytesRead)
            try writer.write(piece.bytes)
            position += Int64(piece.bytes.count)
        }
        try fillZeros(from: &position, to: size, reader)
    }

    private mutating func fillZeros(from position: inout Int64, to end: Int64, _ reader: ArchiveReader) throws {
        while position < end {
            let count = min(end - position, Int64(zeros.count))
            try rules.countBytes(Int(count), read: reader.bytesRead)
            try zeros.withUnsafeBytes { try writer.write(UnsafeRawBufferPointer(rebasing: $0.prefix(Int(count)))) }
            position += count
        }
    }
}
