import CLexLinux
import Glibc
import LexHost
import LexIPC

/// Where the files of an instance lie in its volume, and for which ids they are stored:
///
///     rootfs                   with those they have inside
///     shifted/{rootfs,owners}  for those in `owners`, see ``StorageDriver/setOwners(of:to:)``
///
/// When both are there, the change from one to the other was cut short, and `shifted` counts.
struct StoredRoot {
    static let shiftedName = "shifted"
    private static let ownersName = "owners"

    /// The directory with the files.
    let path: String
    /// The ids they are stored for.
    let owners: IDMap

    /// Whether they lie in `shifted`.
    var isShifted: Bool { !owners.isEmpty }

    init(in directory: String) throws {
        let shifted = "\(directory)/\(Self.shiftedName)"
        guard access(shifted, F_OK) == 0 else {
            path = directory + "/rootfs"
            owners = .none
            return
        }
        path = shifted + "/rootfs"
        owners = try Self.read("\(shifted)/\(Self.ownersName)")
    }

    /// Makes the directory `shifted` of this root's files.
    func store(
        in directory: String, for ids: IDMap, links: String, isCancelled: @escaping @Sendable () -> Bool
    ) throws {
        try checked("make directory", directory) { mkdir(directory, 0o700) }
        try PoolDirectory.copyPlain(
            path, to: directory + "/rootfs", owners: OwnerChange(from: owners, to: ids), links: links,
            isCancelled: isCancelled)
        let lines = ids.users.map { "user \($0.line)\n" } + ids.groups.map { "group \($0.line)\n" }
        try replaceFile("\(directory)/\(Self.ownersName)", lines.joined().utf8)
        // On disk before it takes the place of the only copy.
        let made = try OwnedDescriptor.directory(directory)
        try checked("write out", directory) { lex_syncfs(made.number) }
    }

    private static func read(_ path: String) throws -> IDMap {
        var users: [IDRange] = []
        var groups: [IDRange] = []
        for line in try readFile(path, limit: 1 << 20).split(separator: "\n") {
            let words = line.split(separator: " ")
            let numbers = words.dropFirst().compactMap { UInt32($0) }
            guard words.count == 4, numbers.count == 3, words[0] == "user" || words[0] == "group" else {
                throw SystemError("read the ids in", path, code: EUCLEAN)
            }
            let range = IDRange(inside: numbers[0], host: numbers[1], count: numbers[2])
            if words[0] == "user" { users.append(range) } else { groups.append(range) }
        }
        guard !users.isEmpty, !groups.isEmpty else { throw SystemError("read the ids in", path, code: EUCLEAN) }
        return IDMap(users: users, groups: groups)
    }
}
