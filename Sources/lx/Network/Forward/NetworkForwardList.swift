import ArgumentParser
import LexAPI
import LexClient

/// `lx network forward list`
struct NetworkForwardList: Command {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the forwards of a network.", aliases: ["ls"])

    @Argument(help: "The network.", completion: Names.networks)
    var network: String
    @OptionGroup var format: FormatOptions
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withServer(of: network) { client, name in
            let forwards = try await client.call(
                API.networkForwards.list, as: [NetworkForward].self, path: ["network": name],
                query: ["recursion": "1"])
            // In a cluster the members have forwards of their own.
            let clustered = forwards.contains { !["", "none"].contains($0.location) }
            try format.print(
                Table(
                    headers: ["LISTEN ADDRESS", "DESCRIPTION", "DEFAULT TARGET ADDRESS", "PORTS"]
                        + (clustered ? ["LOCATION"] : []),
                    sorting: forwards.map { forward in
                        [
                            forward.listenAddress, forward.description, forward.config["target_address"] ?? "",
                            String(forward.ports.count),
                        ] + (clustered ? [forward.location] : [])
                    }),
                values: forwards)
        }
    }
}
