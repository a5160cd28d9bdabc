import CArchive
import CLexLinux
import Glibc
import LexIPC

/// Unpacks an image from descriptor 0 into `/t`; with a second descriptor that holds its root file system, the first
/// holds its metadata only.
func unpackImage(
    _ limits: ArchiveLimits, root: consuming OwnedDescriptor?, _ replies: Replies
) throws -> ArchiveResult {
    var unpacking = Unpacking(rules: ImageRules(limits), tree: try TargetTree("/t"))
    guard let root else {
        try unpacking.takeAll(openSource(0), replies)
        return try unpacking.finish()
    }
    unpacking.begin(.metadata)
    try unpacking.takeAll(openSource(0), replies)
    unpacking.begin(.root)
    try unpacking.takeAll(openSource(root.number), replies)
    return try unpacking.finish()
}

private struct Unpacking: ~Copyable {
    private var rules: ImageRules
    private var tree: TargetTree
    private var metadata: [UInt8] = []
    /// The bytes of the files that are read already.
    private var bytesBefore: UInt64 = 0

    init(rules: ImageRules, tree: consuming TargetTree) {
        self.rules = rules
        self.tree = tree
    }

    mutating func begin(_ part: ImageRules.Part) { rules.begin(part) }

    mutating func takeAll(_ reader: any EntrySource, _ replies: Replies) throws {
        while let entry = try reader.nextEntry() {
            try take(entry, reader)
            try replies.progress(bytesBefore &+ reader.bytesRead)
        }
        bytesBefore &+= reader.bytesRead
    }

    private mutating func take(_ entry: any SourceEntry, _ reader: any EntrySource) throws {
        let facts = entry.facts
        switch try rules.judge(facts) {
        case .skip: return
        case .metadata: try takeMetadata(facts, reader)
        case .link(let path, let target): try tree.makeHardLink(path, to: target)
        case .make(let path): try make(path, entry, facts, reader)
        }
    }

    consuming func finish() throws -> ArchiveResult {
        try rules.finish()
        try tree.finish()
        guard let text = String(validating: metadata, as: UTF8.self) else {
            throw Refusal("entry \"metadata.yaml\" is not UTF-8 text")
        }
        return ArchiveResult(
            metadata: text, entries: rules.budget.entries, bytes: rules.budget.bytes, warnings: rules.warnings.all)
    }

    private mutating func takeMetadata(_ facts: EntryFacts, _ reader: any EntrySource) throws {
        while let piece = try reader.nextPiece() {
            // What the entry says of its size is libarchive's to hold it to; a hole would say more than it holds.
            guard piece.offset == metadata.count, metadata.count + piece.bytes.count <= ImageRules.longestMetadata
            else {
                throw Refusal(facts.path, "is not a plain file of at most \(ImageRules.longestMetadata) bytes")
            }
            metadata.append(contentsOf: piece.bytes)
        }
        try rules.countBytes(metadata.count, read: bytesBefore &+ reader.bytesRead)
        let content = metadata
        let path = try EntryPath(facts.path, depth: 1)
        let owner = TargetTree.Owner(user: 0, group: 0, mode: 0o644, modified: timespec())
        try tree.makeFile(
            path, owner, fill: { try writeAll(content.span.bytes, to: $0, at: 0, path) }, setAttributes: { _ in })
    }

    private mutating func make(
        _ path: EntryPath, _ entry: any SourceEntry, _ facts: EntryFacts, _ reader: any EntrySource
    ) throws {
        // In range: the rules let nothing else through.
        let owner = TargetTree.Owner(
            user: uid_t(truncatingIfNeeded: facts.user), group: gid_t(truncatingIfNeeded: facts.group),
            mode: entry.mode, modified: entry.modified)
        switch facts.kind {
        case .directory: try makeDirectory(path, owner, entry)
        case .file: try makeFile(path, owner, entry, facts, reader)
        case .symbolicLink(let target): try tree.makeSymbolicLink(path, to: target, owner)
        case .fifo: try tree.makeFifo(path, owner)
        case .hardLink, .socket, .device, .other: break
        }
    }

    private mutating func makeDirectory(_ path: EntryPath, _ owner: TargetTree.Owner, _ entry: any SourceEntry) throws {
        var attributes = keptAttributes(of: entry, path)
        if let list = attributes.first(where: { $0.name == AttributeRules.defaultList }) {
            tree.addDefaultList(path, list.value)
            attributes.removeAll { $0.name == AttributeRules.defaultList }
        }
        var failed: [String] = []
        try tree.makeDirectory(path, owner) { failed = set(attributes, on: $0) }
        warnLost(failed, path)
    }

    private mutating func makeFile(
        _ path: EntryPath, _ owner: TargetTree.Owner, _ entry: any SourceEntry, _ facts: EntryFacts,
        _ reader: any EntrySource
    ) throws {
        let attributes = keptAttributes(of: entry, path)
        var failed: [String] = []
        var rules = self.rules
        let before = bytesBefore
        try tree.makeFile(
            path, owner, fill: { try fill($0, path, facts.size, reader, before, &rules) },
            setAttributes: { failed = set(attributes, on: $0) })
        self.rules = rules
        warnLost(failed, path)
    }

    private mutating func keptAttributes(of entry: any SourceEntry, _ path: EntryPath) -> [Attribute] {
        var result: [Attribute] = []
        for (name, value) in entry.attributes {
            if AttributeRules.judge(name) == .keep, value.count <= AttributeRules.longestValue {
                result.append((name, value))
            } else {
                warnLost([name], path)
            }
        }
        for (type, name) in [
            (ARCHIVE_ENTRY_ACL_TYPE_ACCESS, AttributeRules.accessList),
            (ARCHIVE_ENTRY_ACL_TYPE_DEFAULT, AttributeRules.defaultList),
        ] where entry.hasAccessList(type) {
            if let list = entry.accessList(type) {
                result.append((name, AccessEntry.attribute(list)))
            } else {
                warnLost([name], path)
            }
        }
        return result
    }

    private mutating func warnLost(_ names: [String], _ path: EntryPath) {
        for name in names { rules.warn("\(quoted(path.joined)) lost its extended attribute \(quoted(name.utf8))") }
    }
}

private typealias Attribute = (name: String, value: [UInt8])

/// Sets attributes; the names of those the file system does not take are the result.
private func set(_ attributes: [Attribute], on file: Int32) -> [String] {
    attributes.filter { lex_set_attribute(file, $0.name, $0.value, $0.value.count) != 0 }.map(\.name)
}

/// Writes an entry's content; its holes stay holes.
private func fill(
    _ file: Int32, _ path: EntryPath, _ size: Int64, _ reader: any EntrySource, _ bytesBefore: UInt64,
    _ rules: inout ImageRules
) throws {
    var end: Int64 = 0
    while let piece = try reader.nextPiece() {
        try rules.countBytes(piece.bytes.count, read: bytesBefore &+ reader.bytesRead)
        try writeAll(piece.bytes.bytes, to: file, at: piece.offset, path)
        // Without overflow: the kernel has just written up to there.
        end = max(end, piece.offset + Int64(piece.bytes.count))
    }
    guard size > end else { return }
    if ftruncate(file, off_t(size)) != 0 {
        let code = errno
        guard code == EFBIG || code == EINVAL else { throw SystemError("write", quoted(path.joined), code: code) }
        throw Refusal(path.joined, "is \(size) bytes long, more than the file system of the pool can hold")
    }
}

private func writeAll(_ bytes: RawSpan, to file: Int32, at offset: Int64, _ path: EntryPath) throws {
    var done = 0
    while done < bytes.byteCount {
        done += try bytes.withUnsafeBytes { buffer throws(SystemError) in
            try checked("write", quoted(path.joined)) {
                pwrite(file, buffer.baseAddress?.advanced(by: done), buffer.count - done, off_t(offset) &+ done)
            }
        }
    }
}
