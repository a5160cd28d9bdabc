import ArgumentParser
import LexAPI
import LexClient

/// `lx profile list`
struct ProfileList: Command {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List profiles.", aliases: ["ls"])

    @Argument(help: ArgumentHelp("The remote, with its colon.", valueName: "remote:"))
    var remote: String = ""
    @OptionGroup var format: FormatOptions
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withServer(of: remote) { client, name in
            let profiles = try await client.call(
                API.profiles.list, as: [Profile].self, query: ["recursion": "1"])
            try format.print(
                Table(
                    headers: ["NAME", "DESCRIPTION", "USED BY"],
                    sorting: profiles.map { [$0.name, $0.description, String($0.usedBy.count)] }),
                values: profiles)
        }
    }
}
