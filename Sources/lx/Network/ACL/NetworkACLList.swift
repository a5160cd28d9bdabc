import ArgumentParser
import LexAPI
import LexClient

/// `lx network acl list`
struct NetworkACLList: Command {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List network ACLs.", aliases: ["ls"])

    @Argument(help: ArgumentHelp("The remote, with its colon.", valueName: "remote:"))
    var remote: String = ""
    @OptionGroup var format: FormatOptions
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withServer(of: remote) { client, _ in
            let acls = try await client.call(
                API.networkACLs.list, as: [NetworkACL].self, query: ["recursion": "1"])
            try format.print(
                Table(
                    headers: ["NAME", "DESCRIPTION", "USED BY"],
                    sorting: acls.map { [$0.name, $0.description, String($0.usedBy.count)] }),
                values: acls)
        }
    }
}
