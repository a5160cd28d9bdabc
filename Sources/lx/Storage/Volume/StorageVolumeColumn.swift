import LexAPI

/// A column of `lx storage volume list`.
enum StorageVolumeColumn: Character, CaseIterable {
    case project = "e"
    case type = "t"
    case name = "n"
    case description = "d"
    case contentType = "c"
    case users = "u"
    case usage = "U"
    case location = "L"

    static let standard = "etndcuL"

    /// The letters of the columns. On a server that stands alone there is no location to show, and one project's list
    /// says no project.
    static func parse(_ text: String, withProject: Bool) throws -> [StorageVolumeColumn] {
        let columns = try text.split(separator: ",", omittingEmptySubsequences: false).flatMap { entry in
            guard !entry.isEmpty else {
                throw Failure("There is an empty column in \"\(text)\": a comma too many, or nothing at all")
            }
            return try entry.map { letter in
                guard let column = StorageVolumeColumn(rawValue: letter) else {
                    throw Failure(
                        "There is no column \"\(letter)\" (in \"\(entry)\"); there are e, t, n, d, c, u, U and L")
                }
                return column
            }
        }
        guard text == standard else { return columns }
        return columns.filter { $0 != .location && ($0 != .project || withProject) }
    }

    /// What the server is asked for, from words as `type=custom`. A word without an equals sign asks for nothing, as
    /// with the stock client.
    static func filter(_ words: [String]) throws -> String {
        try words.compactMap { word in
            guard let (key, value) = KeyValues.split(word) else { return nil }
            guard !value.contains("\"") else { throw Failure("A filter cannot hold a quote: \(word)") }
            return "\(key) eq \"\(value)\""
        }.joined(separator: " and ")
    }

    var title: String {
        switch self {
        case .project: "PROJECT"
        case .type: "TYPE"
        case .name: "NAME"
        case .description: "DESCRIPTION"
        case .contentType: "CONTENT-TYPE"
        case .users: "USED BY"
        case .usage: "USAGE"
        case .location: "LOCATION"
        }
    }

    /// Whether a row stands before another, as the stock client has it: by the first word of the first column, so that
    /// snapshots come directly behind their volume, then by the second, empty cells last. Where that leaves rows in no
    /// order, by the others.
    static func isInOrder(_ left: [String], _ right: [String]) -> Bool {
        for (index, (one, other)) in zip(left, right).enumerated() {
            let one = index == 0 ? String(one.prefix { $0 != " " }) : one
            let other = index == 0 ? String(other.prefix { $0 != " " }) : other
            if one == other { continue }
            if index > 0, one.isEmpty || other.isEmpty { return other.isEmpty }
            return NaturalOrder.isLess(one, other)
        }
        return false
    }

    func text(_ volume: StorageVolume, usage: String) -> String {
        switch self {
        case .project: volume.project
        // As the stock client marks snapshots.
        case .type: volume.name.contains("/") ? "\(volume.type) (snapshot)" : volume.type
        case .name: volume.name
        case .description: volume.description
        case .contentType: volume.contentType
        case .users: String(volume.usedBy.count)
        case .usage: usage
        case .location: volume.location
        }
    }
}
