import ArgumentParser
import LexAPI
import LexClient

/// `lx network acl rename`
struct NetworkACLRename: Command {
    static let configuration = CommandConfiguration(
        commandName: "rename", abstract: "Give a network ACL that nothing uses another name.", aliases: ["mv"])

    @Argument(help: "The ACL.")
    var acl: String
    @Argument(help: "Its new name.")
    var newName: String
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withServer(of: acl) { client, name in
            try await client.call(API.networkACLs.rename, path: ["name": name], body: .init(name: newName))
            if !global.quiet { try StandardOutput.line("Network ACL \(name) renamed to \(newName)") }
        }
    }
}
