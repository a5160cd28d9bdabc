import ArgumentParser
import LexAPI
import LexClient

/// `lx network acl show`
struct NetworkACLShow: Command {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show a network ACL.")

    @Argument(help: "The ACL.")
    var acl: String
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withServer(of: acl) { client, name in
            try StandardOutput.yaml(try await client.call(API.networkACLs.get, path: ["name": name]))
        }
    }
}
