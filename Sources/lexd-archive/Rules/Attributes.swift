/// What is done with an extended attribute (xattr(7)) of an entry.
enum AttributeVerdict: Equatable {
    case keep
    /// Left out, and said.
    case drop
}

/// Which extended attributes an archive may set.
enum AttributeRules {
    /// The longest value the kernel takes.
    static let longestValue = 65536
    /// What POSIX ACLs are called when a tar holds them as they are (acl(5)).
    static let accessList = "system.posix_acl_access"
    static let defaultList = "system.posix_acl_default"

    /// Judges an attribute by its name.
    ///
    /// `trusted.*` belongs to the host's root (overlayfs keeps whiteouts and redirects there) and `user.overlay.*` is
    /// the same for an overlay without rights; of `security.*` only file capabilities are the guest's own.
    static func judge(_ name: String) -> AttributeVerdict {
        switch name {
        case "security.capability", accessList, defaultList: .keep
        default: name.hasPrefix("user.") && !name.hasPrefix("user.overlay.") ? .keep : .drop
        }
    }
}

/// One line of a POSIX ACL.
struct AccessEntry: Equatable, Comparable {
    /// As the kernel numbers them and wants them sorted (`linux/posix_acl.h`).
    enum Tag: UInt16, Comparable {
        case owner = 0x01
        case user = 0x02
        case owningGroup = 0x04
        case group = 0x08
        case mask = 0x10
        case other = 0x20
        static func < (a: Tag, b: Tag) -> Bool { a.rawValue < b.rawValue }
    }
    var tag: Tag
    var permissions: UInt16
    /// The user or group; nothing for the other tags.
    var id: UInt32?

    static func < (a: AccessEntry, b: AccessEntry) -> Bool { (a.tag, a.id ?? 0) < (b.tag, b.id ?? 0) }

    /// The list as the value of the extended attribute (`linux/posix_acl_xattr.h`).
    static func attribute(_ entries: [AccessEntry]) -> [UInt8] {
        var bytes: [UInt8] = [2, 0, 0, 0]
        for entry in entries.sorted() {
            for value in [entry.tag.rawValue, entry.permissions] {
                bytes += [UInt8(truncatingIfNeeded: value), UInt8(truncatingIfNeeded: value >> 8)]
            }
            let id = entry.id ?? .max
            for shift: UInt32 in [0, 8, 16, 24] { bytes.append(UInt8(truncatingIfNeeded: id >> shift)) }
        }
        return bytes
    }
}
