import ArgumentParser
import LexAPI
import LexClient

/// `lx network acl get`
struct NetworkACLGet: Command {
    static let configuration = CommandConfiguration(
        commandName: "get", abstract: "Show the value of a configuration key of a network ACL.")

    @Argument(help: "The ACL.")
    var acl: String
    @Argument(help: "The key.")
    var key: String
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withServer(of: acl) { client, name in
            let found = try await client.call(API.networkACLs.get, path: ["name": name])
            // Nothing at all for a key that is not set, as with the stock client.
            if let value = found.config[key] { try StandardOutput.line(value) }
        }
    }
}
