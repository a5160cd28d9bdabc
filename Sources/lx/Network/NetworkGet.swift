import ArgumentParser
import LexAPI
import LexClient

/// `lx network get`
struct NetworkGet: Command {
    static let configuration = CommandConfiguration(
        commandName: "get", abstract: "Show the value of a configuration key of a network.")

    @Argument(help: "The network.")
    var network: String
    @Argument(help: "The key.")
    var key: String
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withServer(of: network) { client, name in
            let network = try await client.call(API.networks.get, path: ["name": name])
            try StandardOutput.line(network.config[key] ?? "")
        }
    }
}
