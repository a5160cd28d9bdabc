import ArgumentParser
import LexAPI
import LexClient

/// `lx network acl create`
struct NetworkACLCreate: Command {
    static let configuration = CommandConfiguration(
        commandName: "create", abstract: "Make a network ACL without rules.")

    @Argument(help: "The name of the new ACL.")
    var acl: String
    @Argument(help: ArgumentHelp("Its configuration.", valueName: "key=value"))
    var config: [String] = []
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withServer(of: acl) { client, name in
            try await client.call(
                API.networkACLs.create,
                body: .init(name: name, config: config.isEmpty ? [:] : try KeyValues.assignments(config)))
            if !global.quiet { try StandardOutput.line("Network ACL \(name) created") }
        }
    }
}
