import ArgumentParser
import LexAPI
import LexClient

/// `lx network delete`
struct NetworkDelete: Command {
    static let configuration = CommandConfiguration(
        commandName: "delete", abstract: "Delete a network that nothing uses.", aliases: ["rm"])

    @Argument(help: "The network.", completion: Names.networks)
    var network: String
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withServer(of: network) { client, name in
            try await global.run(
                client, saying: "Deleting the network \(name)", API.networks.delete, path: ["name": name])
            if !global.quiet { try StandardOutput.line("Network \(name) deleted") }
        }
    }
}
