import ArgumentParser
import LexAPI
import LexClient

/// `lx network forward create`
struct NetworkForwardCreate: Command {
    static let configuration = CommandConfiguration(
        commandName: "create", abstract: "Make a forward.")

    @OptionGroup var forward: NetworkForwardArguments
    @Argument(help: ArgumentHelp("Its configuration.", valueName: "key=value"))
    var config: [String] = []
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withServer(of: forward.network) { client, name in
            try await client.call(
                API.networkForwards.create, path: ["network": name],
                body: .init(
                    listenAddress: forward.listenAddress,
                    config: config.isEmpty ? [:] : try KeyValues.assignments(config)))
            if !global.quiet { try StandardOutput.line("Network forward \(forward.listenAddress) created") }
        }
    }
}
