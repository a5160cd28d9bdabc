import LexAPI

/// A column of `lx list`.
enum ListColumn: Equatable {
    case ipv4, ipv6, architecture, pool, created, description, disk, project, lastUsed, memory, memoryPercent, name
    case processes, pid, profiles, status, snapshots, type, cpu, location, image, wholeImage
    /// A configuration key, with its title and the width its values are cut to.
    case config(key: String, title: String, width: Int?)
    /// A key of a device.
    case device(name: String, key: String, title: String, width: Int?)

    /// Every column that has a letter.
    static let letters: [(letter: Character, column: ListColumn, summary: String)] = [
        ("4", .ipv4, "IPv4 addresses"), ("6", .ipv6, "IPv6 addresses"), ("a", .architecture, "architecture"),
        ("b", .pool, "storage pool"), ("c", .created, "when it was made"), ("d", .description, "description"),
        ("D", .disk, "disk space in use"), ("e", .project, "project"), ("f", .image, "image it was made from, short"),
        ("F", .wholeImage, "image it was made from"), ("l", .lastUsed, "when it was last started"),
        ("L", .location, "cluster member"), ("m", .memory, "memory in use"),
        ("M", .memoryPercent, "memory in use, of its limit"), ("n", .name, "name"),
        ("N", .processes, "number of processes"), ("p", .pid, "process id of its init on the host"),
        ("P", .profiles, "profiles"), ("s", .status, "state"), ("S", .snapshots, "number of snapshots"),
        ("t", .type, "type"), ("u", .cpu, "CPU time used"),
    ]

    /// Reads what stands behind `--columns`.
    static func parse(_ text: String) throws -> [ListColumn] {
        try text.split(separator: ",", omittingEmptySubsequences: false).flatMap { entry -> [ListColumn] in
            guard !entry.isEmpty else {
                throw Failure("There is an empty column in \"\(text)\": a comma too many, or nothing at all")
            }
            if entry.contains(".") || entry.contains(":") { return [try custom(String(entry))] }
            return try entry.map { letter in
                guard let known = letters.first(where: { $0.letter == letter }) else {
                    throw Failure("There is no column \"\(letter)\" (in \"\(entry)\"); lx list --help shows them all")
                }
                return known.column
            }
        }
    }

    private static func custom(_ entry: String) throws -> ListColumn {
        var parts = entry.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        let space = parts.first == "config" || parts.first == "devices" ? parts.removeFirst() : "config"
        guard let key = parts.first, !key.isEmpty, parts.count <= 3 else {
            throw Failure("\"\(entry)\" is no column; write it as [config:|devices:]KEY[:TITLE[:WIDTH]]")
        }
        let title = parts.count > 1 && !parts[1].isEmpty ? parts[1] : key
        var width: Int?
        if parts.count > 2 {
            guard let number = Int(parts[2]), number >= -1 else {
                throw Failure("\"\(parts[2])\" in \"\(entry)\" is no width: a number, 0 for that of the title, or -1")
            }
            width = number < 0 ? nil : number == 0 ? title.count : number
        }
        guard space == "devices" else {
            guard Config<InstanceKeys>.effect(of: key) != nil else {
                throw Failure("Invalid config key '\(key)' in '\(entry)'")
            }
            return .config(key: key, title: title, width: width)
        }
        guard let dot = key.firstIndex(of: ".") else {
            throw Failure("\"\(key)\" in \"\(entry)\" names no key of a device; write it as DEVICE.KEY")
        }
        return .device(
            name: String(key[..<dot]), key: String(key[key.index(after: dot)...]), title: title, width: width)
    }

    /// Whether it shows something that the server has to look into the instance for.
    var needsState: Bool {
        switch self {
        case .ipv4, .ipv6, .disk, .memory, .memoryPercent, .processes, .pid, .snapshots, .cpu: true
        default: false
        }
    }

    var title: String {
        switch self {
        case .ipv4: "IPV4"
        case .ipv6: "IPV6"
        case .architecture: "ARCHITECTURE"
        case .pool: "STORAGE POOL"
        case .created: "CREATED AT"
        case .description: "DESCRIPTION"
        case .disk: "DISK USAGE"
        case .project: "PROJECT"
        case .lastUsed: "LAST USED AT"
        case .memory: "MEMORY USAGE"
        case .memoryPercent: "MEMORY USAGE%"
        case .name: "NAME"
        case .processes: "PROCESSES"
        case .pid: "PID"
        case .profiles: "PROFILES"
        case .status: "STATE"
        case .snapshots: "SNAPSHOTS"
        case .type: "TYPE"
        case .cpu: "CPU USAGE"
        case .location: "LOCATION"
        case .image, .wholeImage: "BASE IMAGE"
        case .config(_, let title, _), .device(_, _, let title, _): title
        }
    }
}
