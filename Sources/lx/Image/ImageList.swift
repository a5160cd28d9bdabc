import ArgumentParser
import LexAPI
import LexClient

/// `lx image list`
struct ImageList: Command {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List images.",
        discussion: """
            A filter is a part of an alias or of a fingerprint, or KEY=VALUE for a property such as os=Debian or for \
            what every image has, as cached=false; an image is listed when it passes all filters.

            COLUMNS: One letter each:
            \(ImageColumn.allCases.map { "  \($0.rawValue) - \($0.summary)" }.joined(separator: "\n"))
            """,
        aliases: ["ls"])

    @Option(
        name: [.customShort("c", allowingJoined: true), .long], parsing: .unconditional, help: "The columns.")
    var columns: String = ImageColumn.standard
    @Argument(help: ArgumentHelp("The remote, with its colon, and what to list.", valueName: "filter"))
    var words: [String] = []
    @OptionGroup var format: FormatOptions
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        let (remote, filters) = try ImageFilter.target(words)
        if remote == .template { return try await listTemplates(filters) }
        let wanted = ImageFilter.parse(filters)
        let columns = try ImageColumn.parse(columns)
        try await global.withServer(remote) { client in
            let images = try await client.call(API.images.list, as: [Image].self, query: ["recursion": "1"])
                .filter { image in wanted.allSatisfy { $0.accepts(image) } }
            try format.print(
                Table(
                    headers: columns.map(\.title),
                    sorting: images.map { image in columns.map { $0.text(image) } }),
                values: images)
        }
    }

    /// What can be built, when it is the recipes that are asked for.
    private func listTemplates(_ filters: [String]) async throws {
        try await global.withServer(.local) { client in
            let templates = try await client.call(API.images.templates)
                .filter { template in filters.allSatisfy { template.name.contains($0) } }
            try format.print(
                Table(headers: ["TEMPLATE", "DESCRIPTION"], sorting: templates.map { [$0.name, $0.description] }),
                values: templates)
        }
    }
}
