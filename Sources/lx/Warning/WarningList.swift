import ArgumentParser
import LexAPI
import LexClient

/// `lx warning list`
struct WarningList: Command {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the warnings that nobody has acknowledged.",
        discussion: """
            Columns for --columns: u UUID, t type, S status, s severity, c count, p project, f first seen, l last seen, \
            L cluster member.
            """, aliases: ["ls"])

    @Flag(name: .shortAndLong, help: "List also what is acknowledged or resolved.")
    var all = false
    @Option(
        name: [.customShort("c", allowingJoined: true), .long], parsing: .unconditional,
        help: "Which columns to print, by their letters.")
    var columns: String?
    @Argument(help: ArgumentHelp("The remote, with its colon.", valueName: "remote:"))
    var remote: String = ""
    @OptionGroup var format: FormatOptions
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        let columns = try WarningColumn.parse(columns ?? WarningColumn.standard)
        try await global.withServer(of: remote) { client, _ in
            if let given = self.columns, given.contains(WarningColumn.location.rawValue),
                try await client.call(API.server.get).environment?.serverClustered != true
            {
                throw Failure("Can't specify column L when not clustered")
            }
            let found = try await client.call(
                API.warnings.list, as: [LexAPI.Warning].self, query: ["recursion": "1"])
            let shown = all ? found : found.filter { $0.status == LexAPI.Warning.Status.new.rawValue }
            try format.print(
                Table(
                    headers: columns.map(\.title),
                    sorting: shown.map { warning in columns.map { $0.text(warning) } }),
                values: shown)
        }
    }
}

/// A column of `lx warning list`, by its letter.
enum WarningColumn: Character, CaseIterable {
    case uuid = "u"
    case type = "t"
    case status = "S"
    case severity = "s"
    case count = "c"
    case project = "p"
    case firstSeen = "f"
    case lastSeen = "l"
    case location = "L"

    /// Those that are printed when none are asked for.
    static let standard = "utSscpl"

    static func parse(_ text: String) throws -> [WarningColumn] {
        try text.filter { $0 != "," }.map { letter in
            guard let column = WarningColumn(rawValue: letter) else {
                throw Failure("Unknown column shorthand char '\(letter)' in '\(text)'")
            }
            return column
        }
    }

    var title: String {
        switch self {
        case .uuid: "UUID"
        case .type: "TYPE"
        case .status: "STATUS"
        case .severity: "SEVERITY"
        case .count: "COUNT"
        case .project: "PROJECT"
        case .firstSeen: "FIRST SEEN"
        case .lastSeen: "LAST SEEN"
        case .location: "LOCATION"
        }
    }

    func text(_ warning: LexAPI.Warning) -> String {
        switch self {
        case .uuid: warning.uuid
        case .type: warning.type
        case .status: warning.status.uppercased()
        case .severity: warning.severity.uppercased()
        case .count: String(warning.count)
        case .project: warning.project
        case .firstSeen: Quantities.upload(warning.firstSeenAt)
        case .lastSeen: Quantities.upload(warning.lastSeenAt)
        case .location: warning.location
        }
    }
}
