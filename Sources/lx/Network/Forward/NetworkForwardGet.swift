import ArgumentParser
import LexAPI
import LexClient

/// `lx network forward get`
struct NetworkForwardGet: Command {
    static let configuration = CommandConfiguration(
        commandName: "get", abstract: "Show the value of a configuration key of a forward.")

    @OptionGroup var forward: NetworkForwardArguments
    @Argument(help: "The key.")
    var key: String
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withServer(of: forward.network) { client, name in
            let found = try await client.call(
                API.networkForwards.get, path: ["network": name, "address": forward.listenAddress])
            // Nothing at all for a key that is not set, as with the stock client.
            if let value = found.config[key] { try StandardOutput.line(value) }
        }
    }
}
