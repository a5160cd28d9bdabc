import ArgumentParser
import LexAPI
import LexClient

/// `lx network rename`
struct NetworkRename: Command {
    static let configuration = CommandConfiguration(
        commandName: "rename", abstract: "Give a network that nothing uses another name.", aliases: ["mv"])

    @Argument(help: "The network.", completion: Names.networks)
    var network: String
    @Argument(help: "Its new name.")
    var newName: String
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withServer(of: network) { client, name in
            try await client.call(API.networks.rename, path: ["name": name], body: .init(name: newName))
            if !global.quiet { try StandardOutput.line("Network \(name) renamed to \(newName)") }
        }
    }
}
