import ArgumentParser
import LexAPI
import LexClient

/// `lx image alias list`
struct ImageAliasList: Command {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the names of images.", aliases: ["ls"])

    @Argument(
        help: ArgumentHelp("The remote, with its colon, and parts of names or fingerprints.", valueName: "filter"))
    var words: [String] = []
    @OptionGroup var format: FormatOptions
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        let (remote, filters) = try ImageFilter.target(words)
        try await global.withServer(remote) { client in
            let aliases = try await client.call(
                API.images.aliases, as: [Image.AliasEntry].self, query: ["recursion": "1"]
            ).filter { alias in filters.allSatisfy { alias.name.contains($0) || alias.target.contains($0) } }
            try format.print(
                Table(
                    headers: ["ALIAS", "FINGERPRINT", "TYPE", "DESCRIPTION"],
                    sorting: aliases.map { alias in
                        [alias.name, String(alias.target.prefix(12)), alias.type.uppercased(), alias.description]
                    }),
                values: aliases)
        }
    }
}
