import ArgumentParser
import LexAPI
import LexClient

/// `lx network acl delete`
struct NetworkACLDelete: Command {
    static let configuration = CommandConfiguration(
        commandName: "delete", abstract: "Delete a network ACL that nothing uses.", aliases: ["rm"])

    @Argument(help: "The ACL.")
    var acl: String
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withServer(of: acl) { client, name in
            try await client.call(API.networkACLs.delete, path: ["name": name])
            if !global.quiet { try StandardOutput.line("Network ACL \(name) deleted") }
        }
    }
}
