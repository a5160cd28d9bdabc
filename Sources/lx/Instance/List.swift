import ArgumentParser
import LexAPI
import LexClient

/// `lx list`
struct List: Command {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List instances.",
        discussion: """
            FILTERS: A word is the beginning of a name, or a regular expression for a whole name. KEY=VALUE asks for a \
            configuration key, whose parts may be shortened (u.owner=me), or for what every instance has, by its name \
            in JSON (ephemeral=true), and takes a regular expression as well; type, status, architecture, location, \
            ipv4 and ipv6 take several values with commas between them, the last two also subnets. An instance is \
            listed when it passes all filters.

            COLUMNS: One letter each, or a configuration key, with commas between them:
            \(ListColumn.letters.map { "  \($0.letter) - \($0.summary)" }.joined(separator: "\n"))
            A key is written [config:|devices:]KEY[:TITLE[:WIDTH]]; longer values are cut to WIDTH, and 0 stands for the \
            width of the title.

              lx list -c ns4,user.owner:OWNER status=running
              lx list '^web[0-9]+$' -f csv -c n
            """,
        aliases: ["ls"])

    /// The columns when none are named.
    static let defaultColumns = "ns46tSL"
    /// The same for instances of all projects.
    static let defaultColumnsOfAllProjects = "e" + defaultColumns
    /// The columns that the server can give without looking into the instances.
    static let fastColumns = "nsacPt"

    @Option(
        name: [.customShort("c", allowingJoined: true), .long], parsing: .unconditional, help: "The columns.")
    var columns: String?
    @Flag(help: "Only what can be had at once; the same as --columns=\(List.fastColumns).")
    var fast = false
    @Flag(help: "The instances of all projects.")
    var allProjects = false
    @Argument(help: ArgumentHelp("What to list.", valueName: "filter"))
    var filters: [String] = []
    @OptionGroup var format: FormatOptions
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        if allProjects && global.project != nil { throw Failure("Can't specify --project with --all-projects") }
        if fast && columns != nil { throw Failure("Give either --fast or --columns, not both") }
        let (remote, filters) = try target()
        let wanted = try ListFilter.parse(filters)
        let usual = allProjects ? Self.defaultColumnsOfAllProjects : Self.defaultColumns
        let given = try ListColumn.parse(fast ? Self.fastColumns : columns ?? usual)
        try await global.withServer(remote) { client in
            // JSON and YAML show all there is; a table asks for no more than it shows.
            let wholeValues = format.format == .json || format.format == .yaml
            let states = (wholeValues && !fast) || given.contains { $0.needsState } || wanted.contains { $0.needsState }
            let instances = try await client.call(
                API.instances.list, as: [Instance.Full].self,
                query: ["recursion": states ? "2" : "1", "all-projects": allProjects ? "true" : nil]
            ).filter { full in wanted.allSatisfy { $0.accepts(full) } }
            let columns = try await self.columns(given, instances, client)
            try format.print(
                Table(
                    headers: columns.map(\.title),
                    sorting: instances.map { instance in columns.map { $0.text(instance) } }),
                values: instances)
        }
    }

    /// The first word may be a remote, alone or with a filter behind it.
    private func target() throws -> (Remote, [String]) {
        guard let first = filters.first, first.contains(":"), !first.contains("=") else { return (.local, filters) }
        let reference = try Reference(first)
        return (reference.remote, (reference.name.isEmpty ? [] : [reference.name]) + filters.dropFirst())
    }

    /// Without a cluster there is no column for the member: by itself it is left out, named it is an error.
    private func columns(
        _ given: [ListColumn], _ instances: [Instance.Full], _ client: Client
    ) async throws -> [ListColumn] {
        guard given.contains(where: { $0 == .location }) else { return given }
        if columns == nil {
            let clustered = instances.contains { !["", "none"].contains($0.instance.location) }
            return clustered ? given : given.filter { $0 != .location }
        }
        let server = try await client.call(API.server.get)
        guard server.environment?.serverClustered == true else {
            throw Failure("There is no column L: the server is not part of a cluster")
        }
        return given
    }
}
