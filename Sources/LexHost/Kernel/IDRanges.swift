import CLexLinux
import Glibc
import LexIPC

/// Who has which range of host ids, on this machine, among all daemons: a table in /run behind a lock.
///
/// Each instance has 65536 ids of its own, or a multiple of that. The first range is the archive helper's and never given to an instance.
package struct IDRanges: Sendable {
    /// The number of ids of one range.
    package static let size: UInt32 = 65536

    private let directory: String
    private let tablePath: String
    private let owner: String
    /// The first id of all.
    package let base: UInt32
    private let slots: UInt32

    /// - Parameters:
    ///   - directory: Where the table lies; the same for all daemons of the machine.
    ///   - owner: The daemon's LEXD_DIR.
    ///   - base: The first id that may be used.
    ///   - count: How many may be used.
    package init(directory: String, owner: String, base: UInt32, count: UInt32) throws {
        self.directory = directory
        tablePath = directory + "/ranges"
        self.owner = owner
        self.base = base
        slots = count / Self.size
        guard slots >= 2 else {
            throw IDRangeError("root has only \(count) ids in /etc/subuid and /etc/subgid; lexd needs at least 131072")
        }
    }

    /// The first id the archive helper runs under.
    package var archiveBase: UInt32 { base }

    /// The ids that instances can have.
    package var all: Range<UInt64> { UInt64(base)..<UInt64(base) + UInt64(slots) * UInt64(Self.size) }

    /// Takes a range for an instance: the wanted one if nobody else has it, else one that is free. Waits for the lock.
    ///
    /// - Parameters:
    ///   - count: How many ids it has; it takes as many whole ranges as these need.
    ///   - isInUse: Whether its processes run with the wanted range: then that is noted as it is, also when it is none of
    ///     those that are given now, because root's ids were moved in /etc/subuid.
    ///   - isFixed: Whether no other will do.
    package func claim(
        _ instance: String, wanted: UInt32?, count: UInt32 = Self.size, isInUse: Bool = false, isFixed: Bool = false
    ) throws -> UInt32 {
        try change { entries in
            let length = (count - 1) / Self.size + 1
            let mine = Entry(base: wanted ?? 0, length: length, owner: owner, instance: instance)
            if let wanted, isInUse {
                if !entries.contains(mine) {
                    entries.removeAll { $0.isSame(as: mine) }
                    entries.append(mine)
                }
                return wanted
            }
            if let have = entries.first(where: { $0.isSame(as: mine) }) {
                if have.length == length, wanted == nil || wanted == have.base { return have.base }
                entries.removeAll { $0.isSame(as: mine) }
            }
            // By overlap, not by the first id: others may have reckoned from another first id of root's.
            let taken = Set(entries.flatMap { slots(overlapping: $0) })
            if let wanted, isSlot(wanted) {
                let slot = (wanted - base) / Self.size
                if fits(slot, length), (slot..<slot + length).allSatisfy({ !taken.contains($0) }) {
                    entries.append(mine)
                    return wanted
                }
            }
            if isFixed {
                throw IDRangeError(
                    "the \(count) host ids from \(wanted ?? 0) on cannot be had: another instance has some of them, or "
                        + "they do not begin at a multiple of \(Self.size) from \(base), above it and with all of them "
                        + "below \(all.upperBound). Choose another security.idmap.base or security.idmap.size")
            }
            var free: UInt32 = 0
            for slot in 1..<slots {
                free = taken.contains(slot) ? 0 : free + 1
                guard free == length else { continue }
                let first = base + (slot + 1 - length) * Self.size
                entries.append(Entry(base: first, length: length, owner: owner, instance: instance))
                return first
            }
            throw IDRangeError(
                "of the \(slots - 1) ranges of \(Self.size) host ids no \(length) in a row are free. Give root more ids in "
                    + "/etc/subuid and /etc/subgid, or delete instances")
        }
    }

    /// Gives the range of an instance back. Waits for the lock.
    package func release(_ instance: String) throws {
        try change { entries in entries.removeAll { $0.owner == owner && $0.instance == instance } }
    }

    /// Gives the range of an instance its new name. Waits for the lock.
    package func rename(_ instance: String, to new: String) throws {
        try change { entries in
            for index in entries.indices where entries[index].owner == owner && entries[index].instance == instance {
                entries[index].instance = new
            }
        }
    }

    /// Gives back all ranges of this daemon but those of these instances. Waits for the lock.
    package func releaseAll(except instances: Set<String>) throws {
        try change { entries in entries.removeAll { $0.owner == owner && !instances.contains($0.instance) } }
    }

    /// The ranges of ours, counted from the first, that somebody has ids of; they may begin between two.
    private func slots(overlapping entry: Entry) -> [UInt32] {
        let distance = Int64(entry.base) - Int64(base)
        let size = Int64(Self.size)
        let below = distance >= 0 ? distance / size : -((-distance + size - 1) / size)
        let last = below + Int64(entry.length) - (distance % size == 0 ? 1 : 0)
        guard last >= 0, below < Int64(slots) else { return [] }
        return (max(0, below)...min(last, Int64(slots))).compactMap { UInt32(exactly: $0) }
    }

    private func fits(_ slot: UInt32, _ length: UInt32) -> Bool { UInt64(slot) + UInt64(length) <= UInt64(slots) }

    private func isSlot(_ id: UInt32) -> Bool {
        id > base && (id - base) % Self.size == 0 && (id - base) / Self.size < slots
    }

    private struct Entry: Equatable {
        var base: UInt32
        /// In ranges.
        var length: UInt32
        var owner: String
        var instance: String
        func isSame(as other: Entry) -> Bool { owner == other.owner && instance == other.instance }
    }

    private func change<Result>(_ body: (inout [Entry]) throws -> Result) throws -> Result {
        let lock = try lockTable()
        defer { withExtendedLifetime(lock) {} }
        let text = access(tablePath, F_OK) == 0 ? try readFile(tablePath, limit: 16 << 20) : ""
        // One line each: base, or base+length where it is more than one range, instance, owner; the owner is a path and
        // may hold spaces, so it comes last.
        var entries: [Entry] = text.split(separator: "\n").compactMap { line in
            let parts = line.split(separator: " ", maxSplits: 2)
            let numbers = parts[0].split(separator: "+").compactMap { UInt32($0) }
            guard parts.count == 3, let base = numbers.first, numbers.count <= 2 else { return nil }
            return Entry(
                base: base, length: max(1, numbers.dropFirst().first ?? 1), owner: String(parts[2]),
                instance: String(parts[1]))
        }
        let result = try body(&entries)
        let lines = entries.map { entry in
            let length = entry.length == 1 ? "" : "+\(entry.length)"
            return "\(entry.base)\(length) \(entry.instance) \(entry.owner)\n"
        }.joined()
        if lines.isEmpty {
            // Nobody has a range: nothing of lexd stays behind. Who waits for this lock looks whether it is still there.
            unlink(tablePath)
            unlink(tablePath + ".lock")
            rmdir(directory)
        } else if lines != text {
            try replaceFile(tablePath, lines.utf8)
        }
        return result
    }

    /// Waits for the lock that is in the directory at the moment it is had: the one waited for may have been removed.
    private func lockTable() throws -> OwnedDescriptor {
        let path = tablePath + ".lock"
        while true {
            try makeDirectories(directory, mode: 0o700)
            let number = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
            if number < 0, errno == ENOENT { continue }
            let lock = OwnedDescriptor(taking: try checked("open", path) { number })
            try checked("lock", path) { lex_lock_exclusive(lock.number, 1) }
            var held = stat()
            var present = stat()
            guard fstat(lock.number, &held) == 0, stat(path, &present) == 0, held.st_ino == present.st_ino else {
                continue
            }
            return lock
        }
    }
}

/// Why no range could be had.
package struct IDRangeError: Error, CustomStringConvertible {
    package let description: String
    init(_ description: String) { self.description = description }
}

/// The ids root may hand out (subuid(5), subgid(5)).
package enum SubordinateIDs {
    /// The largest range both files give root, else 1000000 and 1000000000 as newer distributions do. Inside an instance
    /// that has fewer ids than that: all it has above its own first 65536.
    package static func ofRoot() -> (base: UInt32, count: UInt32) {
        let users = (try? readFile("/etc/subuid")).map(parse) ?? []
        let groups = (try? readFile("/etc/subgid")).map(parse) ?? []
        let given = users.filter { user in groups.contains { $0 == user } }.max { $0.count < $1.count }
        let own = IDMap(
            users: (try? readFile("/proc/self/uid_map")) ?? "", groups: (try? readFile("/proc/self/gid_map")) ?? "")
        return choose(given: given, own: own ?? .none)
    }

    /// - Parameter own: The ids of this process's user namespace.
    static func choose(given: Range?, own: IDMap) -> (base: UInt32, count: UInt32) {
        let wanted = given ?? Range(base: 1_000_000, count: 1_000_000_000)
        guard let first = own.users.first, first == own.groups.first, first.inside == 0, first.count > IDRanges.size,
            UInt64(wanted.base) + UInt64(wanted.count) > UInt64(first.count)
        else { return (wanted.base, wanted.count) }
        return (IDRanges.size, first.count - IDRanges.size)
    }

    struct Range: Equatable {
        var base: UInt32
        var count: UInt32
    }

    static func parse(_ text: String) -> [Range] {
        text.split(whereSeparator: \.isNewline).compactMap { line in
            let parts = line.split(separator: ":", omittingEmptySubsequences: false)
            guard parts.count == 3, parts[0] == "root" || parts[0] == "0", let base = UInt32(parts[1]),
                let count = UInt32(parts[2]), base >= 65536, !base.addingReportingOverflow(count).overflow
            else { return nil }
            return Range(base: base, count: count)
        }
    }
}
