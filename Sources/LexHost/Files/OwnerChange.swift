package import LexIPC

/// How the owners of files change when they are stored for other ids: of an id as it is stored is made the one inside an
/// instance, and of that the one to store. What is none of the instance's stays as it is.
package struct OwnerChange: Sendable, Equatable {
    private let from: IDMap
    private let to: IDMap

    /// Nothing changes.
    package static let none = OwnerChange(from: .none, to: .none)

    /// - Parameters:
    ///   - from: The ids the files are stored for; none for those they have inside.
    ///   - to: The ids they are to be stored for.
    package init(from: IDMap, to: IDMap) {
        self.from = from
        self.to = to
    }

    private var isNothing: Bool { from == to }

    func user(_ stored: UInt32) -> UInt32 {
        if isNothing { return stored }
        return from.insideUser(stored).flatMap { to.user($0) } ?? stored
    }

    func group(_ stored: UInt32) -> UInt32 {
        if isNothing { return stored }
        return from.insideGroup(stored).flatMap { to.group($0) } ?? stored
    }

    /// An extended attribute with the ids in it changed: an access control list (acl(5)) or a capability
    /// (capabilities(7), "Namespaced file capabilities").
    func value(_ value: [UInt8], of name: RawName) -> [UInt8] {
        if isNothing { return value }
        switch text(name) {
        case "system.posix_acl_access", "system.posix_acl_default": return accessList(value)
        case "security.capability": return capability(value)
        default: return value
        }
    }

    /// A head of four bytes, then for each entry its kind, the rights and an id.
    private func accessList(_ value: [UInt8]) -> [UInt8] {
        guard value.count >= 4, (value.count - 4) % 8 == 0, number(value[...], 0) == 2 else { return value }
        var result = Array(value.prefix(4))
        for start in stride(from: 4, to: value.count, by: 8) {
            let entry = value[start..<start + 8]
            let kind = number(entry, 0) & 0xFFFF
            let id = number(entry, 4)
            result += entry.prefix(4)
            result += bytes(kind == 0x02 ? user(id) : kind == 0x08 ? group(id) : id)
        }
        return result
    }

    /// Version 3 names the root of the user namespace it counts in; version 2 is that of id 0.
    private func capability(_ value: [UInt8]) -> [UInt8] {
        let version2: UInt32 = 0x0200_0000
        let version3: UInt32 = 0x0300_0000
        let flags = value.count >= 4 ? number(value[...], 0) & 0x00FF_FFFF : 0
        let isNamed = value.count == 24 && number(value[...], 0) & 0xFF00_0000 == version3
        guard isNamed || value.count == 20 && number(value[...], 0) & 0xFF00_0000 == version2 else { return value }
        let root = user(isNamed ? number(value[...], 20) : 0)
        let rights = value[4..<20]
        return bytes((root == 0 ? version2 : version3) | flags) + rights + (root == 0 ? [] : bytes(root))
    }

    private func number(_ bytes: ArraySlice<UInt8>, _ place: Int) -> UInt32 {
        bytes.dropFirst(place).prefix(4).enumerated().reduce(0) { $0 | UInt32($1.element) << (8 * UInt32($1.offset)) }
    }

    private func bytes(_ number: UInt32) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: number >> (8 * UInt32($0))) }
    }
}
