/// Which users and groups of an instance are which of the host; empty for a privileged instance, whose are the host's.
package struct IDMap: Message, Equatable {
    /// The users, by their first id inside.
    package let users: [IDRange]
    /// The groups, by their first id inside.
    package let groups: [IDRange]

    /// The map of a privileged instance.
    package static let none = IDMap(users: [], groups: [])

    package init(users: [IDRange], groups: [IDRange]) {
        self.users = users.sorted { $0.inside < $1.inside }
        self.groups = groups.sorted { $0.inside < $1.inside }
    }

    /// One range for both, with some ids of the host's own in place of those they stand for.
    ///
    /// - Parameters:
    ///   - first: The host's id of user and group 0.
    ///   - count: How many there are.
    package init(first: UInt32, count: UInt32, users: [IDRange] = [], groups: [IDRange] = []) {
        let all = IDRange(inside: 0, host: first, count: count)
        self.init(users: Self.range(all, with: users), groups: Self.range(all, with: groups))
    }

    /// What the others leave of a range, and they.
    private static func range(_ all: IDRange, with others: [IDRange]) -> [IDRange] {
        var result = others
        // In 64 bits: a range may end with the last id there is.
        var next = UInt64(all.inside)
        let end = UInt64(all.inside) + UInt64(all.count)
        func rest(upTo limit: UInt64) {
            guard next < limit else { return }
            let host = UInt64(all.host) + next - UInt64(all.inside)
            result.append(
                IDRange(
                    inside: UInt32(clamping: next), host: UInt32(clamping: host), count: UInt32(clamping: limit - next))
            )
        }
        for other in others.sorted(by: { $0.inside < $1.inside }) {
            rest(upTo: min(end, UInt64(other.inside)))
            next = max(next, UInt64(other.inside) + UInt64(other.count))
        }
        rest(upTo: end)
        return result
    }

    /// Reads the map of a process (`/proc/PID/uid_map` and `gid_map`, user_namespaces(7)); nil when it is none.
    package init?(users: String, groups: String) {
        guard let users = Self.read(users), let groups = Self.read(groups) else { return nil }
        self.init(users: users, groups: groups)
        // That of the host's own processes: everything as it is.
        let identity = IDRange(inside: 0, host: 0, count: .max)
        if self.users == [identity], self.groups == [identity] { self = .none }
    }

    private static func read(_ text: String) -> [IDRange]? {
        var ranges: [IDRange] = []
        for line in text.split(separator: "\n") {
            let numbers = line.split(separator: " ").map { UInt32($0) }
            guard numbers.count == 3, let inside = numbers[0], let host = numbers[1], let count = numbers[2] else {
                return nil
            }
            ranges.append(IDRange(inside: inside, host: host, count: count))
        }
        return ranges.isEmpty ? nil : ranges
    }

    package func write(to writer: inout MessageWriter) {
        writer.put(users)
        writer.put(groups)
    }
    package init(from reader: inout MessageReader) throws(MessageError) {
        self.init(users: try reader.list(), groups: try reader.list())
    }

    /// Whether there is none: the instance is privileged.
    package var isEmpty: Bool { users.isEmpty && groups.isEmpty }
    /// The host's id of a user; nil for one that the instance has not.
    package func user(_ inside: UInt32) -> UInt32? { isEmpty ? inside : Self.host(inside, users) }
    /// The host's id of a group; nil for one that the instance has not.
    package func group(_ inside: UInt32) -> UInt32? { isEmpty ? inside : Self.host(inside, groups) }

    /// The user inside that a user of the host is; nil for none of its.
    package func insideUser(_ host: UInt32) -> UInt32? { isEmpty ? host : Self.inside(host, users) }
    /// The group inside that a group of the host is; nil for none of its.
    package func insideGroup(_ host: UInt32) -> UInt32? { isEmpty ? host : Self.inside(host, groups) }

    /// The map of this process's own user namespace; none for the host's.
    package static func ofThisProcess() -> IDMap {
        guard let users = try? readFile("/proc/self/uid_map"), let groups = try? readFile("/proc/self/gid_map") else {
            return .none
        }
        return IDMap(users: users, groups: groups) ?? .none
    }

    /// The ids of its users, for people: `0-65535`.
    package var userText: String {
        if isEmpty { return "all" }
        var parts: [ClosedRange<UInt64>] = []
        for range in users where range.count > 0 {
            let first = UInt64(range.inside)
            let part = first...first + UInt64(range.count) - 1
            if let last = parts.last, last.upperBound + 1 == first {
                parts[parts.count - 1] = last.lowerBound...part.upperBound
            } else {
                parts.append(part)
            }
        }
        return parts.map { "\($0.lowerBound)-\($0.upperBound)" }.joined(separator: ", ")
    }

    private static func inside(_ host: UInt32, _ ranges: [IDRange]) -> UInt32? {
        guard let range = ranges.first(where: { host >= $0.host && host - $0.host < $0.count }) else { return nil }
        return range.inside.addingReportingOverflow(host - range.host).partialValue
    }

    private static func host(_ inside: UInt32, _ ranges: [IDRange]) -> UInt32? {
        guard let range = ranges.first(where: { inside >= $0.inside && inside - $0.inside < $0.count }) else {
            return nil
        }
        return range.host.addingReportingOverflow(inside - range.inside).partialValue
    }
}
