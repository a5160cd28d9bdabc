/// The lines of `raw.idmap`: ids of the host's own that an instance has in place of those of its range.
public struct RawIDMap: ConfigValue, Equatable {
    /// One line.
    public struct Entry: Sendable, Equatable {
        /// Whether it is of users.
        public let isOfUsers: Bool
        /// Whether it is of groups.
        public let isOfGroups: Bool
        /// The first id on the host.
        public let host: UInt32
        /// The first id inside.
        public let inside: UInt32
        /// How many.
        public let count: UInt32
    }
    /// The lines in their order, 1 to 100.
    public let entries: [Entry]

    /// The last id there may be inside: those above are the mounts' own.
    private static let lastInside: UInt64 = 0xFFFD_FFFF

    /// Lines `uid HOST INSIDE`, `gid HOST INSIDE` or `both HOST INSIDE`, each side a number or a range `FIRST-LAST` of the
    /// same length. The host's root is not among them, and nothing is said twice.
    public init?(configText: String) {
        var entries: [Entry] = []
        for line in configText.split(whereSeparator: \.isNewline) {
            let words = line.split(whereSeparator: { $0 == " " || $0 == "\t" })
            if words.isEmpty { continue }
            guard words.count == 3, ["uid", "gid", "both"].contains(words[0]), let host = Self.range(words[1]),
                let inside = Self.range(words[2]), host.count == inside.count, host.lowerBound > 0,
                inside.upperBound <= Self.lastInside, host.upperBound < UInt64(UInt32.max)
            else { return nil }
            entries.append(
                Entry(
                    isOfUsers: words[0] != "gid", isOfGroups: words[0] != "uid",
                    host: UInt32(clamping: host.lowerBound),
                    inside: UInt32(clamping: inside.lowerBound), count: UInt32(clamping: host.count)))
        }
        guard (1...100).contains(entries.count) else { return nil }
        for (index, one) in entries.enumerated() {
            for other in entries[..<index] {
                guard (one.isOfUsers && other.isOfUsers) || (one.isOfGroups && other.isOfGroups) else { continue }
                if Self.overlap(one.host, one.count, other.host, other.count)
                    || Self.overlap(one.inside, one.count, other.inside, other.count)
                {
                    return nil
                }
            }
        }
        self.entries = entries
    }

    private static func range(_ text: Substring) -> ClosedRange<UInt64>? {
        let ends = text.split(separator: "-", omittingEmptySubsequences: false).map { Digits.number($0) }
        guard (1...2).contains(ends.count), let first = ends.first ?? nil, let last = ends.last ?? nil, first <= last
        else { return nil }
        return UInt64(first)...UInt64(last)
    }
    private static func overlap(_ a: UInt32, _ m: UInt32, _ b: UInt32, _ n: UInt32) -> Bool {
        UInt64(a) < UInt64(b) + UInt64(n) && UInt64(b) < UInt64(a) + UInt64(m)
    }
    /// One line for each.
    public static var hasLines: Bool { true }
    /// In the words of an error message.
    public static var allowedText: String {
        "lines of both, uid or gid, an id of the host other than 0, and one inside, such as \"both 1000 1000\" or \"uid "
            + "50-60 500-510\", none of them twice"
    }
    /// In the manual.
    public static var typeName: String { "id map" }
}

/// The lines of `raw.lxc`: settings of liblxc (lxc.container.conf(5)) beside those that lexd makes.
public struct RawLXC: ConfigValue, Equatable {
    /// One setting.
    public struct Item: Sendable, Equatable {
        /// Its name.
        public let key: String
        /// Its value, never empty.
        public let value: String
    }
    /// The settings in their order, 1 to 200.
    public let items: [Item]

    /// What may be set, by name or, with a dot at the end, by what the name begins with. Not among them is what lexd
    /// itself relies on (the root, ids, network, console, groups' names, logs, hooks, which liblxc runs as the host's root),
    /// and what keeps instances from the host.
    private static let allowed = [
        "lxc.apparmor.allow_incomplete", "lxc.apparmor.allow_nesting", "lxc.apparmor.profile", "lxc.apparmor.raw",
        "lxc.autodev.tmpfs.size", "lxc.cap.drop", "lxc.cgroup.", "lxc.cgroup2.", "lxc.environment", "lxc.init.cmd",
        "lxc.init.cwd", "lxc.keyring.session", "lxc.mount.entry", "lxc.no_new_privs", "lxc.prlimit.", "lxc.proc.",
        "lxc.pty.max", "lxc.sched.core", "lxc.selinux.context", "lxc.signal.halt", "lxc.signal.reboot", "lxc.sysctl.",
        "lxc.time.offset.boot", "lxc.time.offset.monotonic",
    ]
    /// The exceptions.
    private static let refused = ["lxc.cgroup.dir", "lxc.cgroup.relative", "lxc.cgroup2.dir"]

    /// Lines `KEY = VALUE`; empty ones and those that begin with `#` mean nothing.
    public init?(configText: String) {
        var items: [Item] = []
        for line in configText.split(whereSeparator: \.isNewline) where !Self.isComment(line) {
            guard let item = Self.item(line) else { return nil }
            items.append(item)
        }
        guard (1...200).contains(items.count) else { return nil }
        self.items = items
    }

    /// The first line that is not allowed.
    public static func fault(in text: String) -> String? {
        text.split(whereSeparator: \.isNewline).first { !isComment($0) && item($0) == nil }.map(String.init)
    }

    private static func isComment(_ line: Substring) -> Bool {
        let text = line.trimmedOfBlanks
        return text.isEmpty || text.hasPrefix("#")
    }

    private static func item(_ line: Substring) -> Item? {
        let text = line.trimmedOfBlanks
        guard let sign = text.firstIndex(of: "="), text.utf8.count <= 8192 else { return nil }
        let key = String(text[..<sign].trimmedOfBlanks)
        let value = String(text[text.index(after: sign)...].trimmedOfBlanks)
        return isAllowed(key, value) ? Item(key: key, value: value) : nil
    }

    private static func isAllowed(_ key: String, _ value: String) -> Bool {
        // Without a value liblxc forgets all it was told for the key, by lexd as well.
        guard !value.isEmpty, value.utf8.allSatisfy({ $0 >= 32 && $0 != 127 || $0 == 9 }),
            key.utf8.allSatisfy({ $0 > 32 && $0 < 127 })
        else { return false }
        if refused.contains(where: { key == $0 || key.hasPrefix($0 + ".") }) { return false }
        // All devices at once.
        if key.hasSuffix(".devices.allow"), value == "a" || value.hasPrefix("a ") || value.contains("*:*") {
            return value.hasSuffix(" m")
        }
        return allowed.contains { $0.hasSuffix(".") ? key.hasPrefix($0) && key.count > $0.count : key == $0 }
    }
    /// One line for each.
    public static var hasLines: Bool { true }
    /// In the words of an error message.
    public static var allowedText: String {
        "lines KEY = VALUE of lxc.container.conf(5), with values, of the keys that do not undo what keeps an instance from "
            + "the host: "
            + allowed.map { $0.hasSuffix(".") ? $0 + "*" : $0 }.joined(separator: ", ")
    }
    /// In the manual.
    public static var typeName: String { "lines of liblxc settings" }
}

extension StringProtocol {
    /// Without the spaces and tabs at its ends.
    fileprivate var trimmedOfBlanks: SubSequence {
        let isBlank = { (character: Character) in character == " " || character == "\t" }
        guard let first = firstIndex(where: { !isBlank($0) }), let last = lastIndex(where: { !isBlank($0) }) else {
            return self[endIndex...]
        }
        return self[first...last]
    }
}

/// The value of `raw.seccomp`: a whole profile in liblxc's format (lxc.container.conf(5), SECCOMP), in place of lexd's.
public struct RawSeccomp: ConfigValue, Equatable {
    /// The profile, with a newline at its end.
    public let text: String

    /// A version, a kind of list, then sections in brackets and lines as those of `security.syscalls.deny`.
    public init?(configText: String) {
        let lines = Self.lines(configText)
        guard lines.count >= 3, lines.count <= 2000, lines[0] == "1" || lines[0] == "2" else { return nil }
        let kind = lines[1].split(separator: " ")
        guard (1...2).contains(kind.count), ["allowlist", "denylist", "whitelist", "blacklist"].contains(kind[0]),
            kind.count == 1 || ["kill", "errno", "allow", "trap"].contains(kind[1])
        else { return nil }
        guard lines.dropFirst(2).allSatisfy({ Self.isGood($0, version: lines[0]) }) else { return nil }
        text = lines.joined(separator: "\n") + "\n"
    }

    /// The first line behind the first two that is not allowed.
    public static func fault(in text: String) -> String? {
        let lines = Self.lines(text)
        return lines.dropFirst(2).first { !isGood($0, version: lines[0]) }
    }

    /// Without what stands behind a `#`, which liblxc reads over only where an action could stand.
    private static func lines(_ text: String) -> [String] {
        text.split(whereSeparator: \.isNewline).enumerated().compactMap { index, line in
            let said = SyscallList.withoutComment(line)
            return said.isEmpty && index > 1 ? nil : said
        }
    }

    private static func isGood(_ line: String, version: String) -> Bool {
        if line.hasPrefix("["), line.hasSuffix("]"), line.utf8.count <= 32 { return true }
        // Version 1 has numbers.
        if version == "1", !line.isEmpty, line.utf8.allSatisfy(InstanceName.isDigit) { return true }
        return SyscallList(configText: line) != nil
    }
    /// One line for each.
    public static var hasLines: Bool { true }
    /// In the words of an error message.
    public static var allowedText: String {
        "a seccomp profile of lxc.container.conf(5): the version 2, then denylist or allowlist, then sections such as [all] "
            + "and system calls, one on a line"
    }
    /// In the manual.
    public static var typeName: String { "seccomp profile" }
}

/// The value of `raw.apparmor`: lines for the profile of the instance (apparmor.d(5)).
public struct RawAppArmor: ConfigValue, Equatable {
    /// The lines that say something.
    public let lines: [String]

    /// 1 to 500 lines that close no brace they did not open: the rest of the profile stays as it is.
    public init?(configText: String) {
        lines = configText.split(whereSeparator: \.isNewline).map { String($0.trimmedOfBlanks) }
            .filter { !$0.isEmpty && !$0.hasPrefix("#") }
        guard (1...500).contains(lines.count) else { return nil }
        var depth = 0
        for line in lines {
            guard line.utf8.count <= 4096, line.utf8.allSatisfy({ $0 >= 32 && $0 != 127 || $0 == 9 }) else {
                return nil
            }
            for byte in line.utf8 {
                if byte == UInt8(ascii: "{") { depth += 1 }
                if byte == UInt8(ascii: "}") { depth -= 1 }
                if depth < 0 { return nil }
            }
            guard line.hasSuffix(",") || line.hasSuffix("{") || line.hasSuffix("}") else { return nil }
        }
        guard depth == 0 else { return nil }
    }
    /// One line for each.
    public static var hasLines: Bool { true }
    /// In the words of an error message.
    public static var allowedText: String {
        "rules of an AppArmor profile, each line with a comma or a brace at its end, and as many { as }"
    }
    /// In the manual.
    public static var typeName: String { "AppArmor rules" }
}
