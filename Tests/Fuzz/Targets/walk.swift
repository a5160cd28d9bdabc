import CArchive
import LexIPC

/// Walks an archive as lexd-archive does, and holds what the rules let through against what must never pass.
func walk(_ source: any EntrySource) throws {
    var rules = ImageRules(ArchiveLimits(entries: 1000, bytes: 1 << 24))
    while let entry = try source.nextEntry() {
        switch try rules.judge(entry.facts) {
        case .skip, .metadata: break
        case .make(let path): check(path)
        case .link(let path, let target):
            check(path)
            check(target)
        }
        for (name, value) in entry.attributes where AttributeRules.judge(name) == .keep {
            precondition(!name.hasPrefix("trusted.") && !name.hasPrefix("user.overlay.") && value.count < 1 << 30)
        }
        for type in [ARCHIVE_ENTRY_ACL_TYPE_ACCESS, ARCHIVE_ENTRY_ACL_TYPE_DEFAULT] where entry.hasAccessList(type) {
            if let list = entry.accessList(type) { _ = AccessEntry.attribute(list) }
        }
        while let piece = try source.nextPiece() {
            precondition(piece.offset >= 0)
            try rules.countBytes(piece.bytes.count, read: source.bytesRead)
        }
    }
    try rules.finish()
}

private func check(_ path: EntryPath) {
    precondition(path.count > 0 && path.count <= 128)
    precondition(path.isName(0, "rootfs") || path.isName(0, "templates"))
    for index in 0..<path.count {
        let name = path.name(index)
        precondition(!name.isEmpty && name.count <= 255)
        precondition(!name.elementsEqual("..".utf8) && !name.elementsEqual(".".utf8))
        precondition(!name.contains(0) && !name.contains(UInt8(ascii: "/")))
    }
}
