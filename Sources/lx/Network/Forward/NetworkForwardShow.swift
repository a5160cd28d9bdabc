import ArgumentParser
import LexAPI
import LexClient

/// `lx network forward show`
struct NetworkForwardShow: Command {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show a forward.")

    @OptionGroup var forward: NetworkForwardArguments
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withServer(of: forward.network) { client, name in
            try StandardOutput.yaml(
                try await client.call(
                    API.networkForwards.get, path: ["network": name, "address": forward.listenAddress]))
        }
    }
}
