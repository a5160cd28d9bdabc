import ArgumentParser
import LexAPI
import LexClient

/// `lx network list`
struct NetworkList: Command {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List networks and the interfaces of the host.", aliases: ["ls"])

    @Argument(help: ArgumentHelp("The remote, with its colon.", valueName: "remote:"))
    var remote: String = ""
    @OptionGroup var format: FormatOptions
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withServer(of: remote) { client, name in
            let networks = try await client.call(
                API.networks.list, as: [Network].self, query: ["recursion": "1"])
            // The loopback and what has no type can be used for nothing.
            let shown = networks.filter { !["loopback", "unknown"].contains($0.type) }
            try format.print(
                Table(
                    headers: ["NAME", "TYPE", "MANAGED", "IPV4", "IPV6", "DESCRIPTION", "USED BY", "STATE"],
                    sorting: shown.map { network in
                        [
                            network.name, network.type, network.managed ? "YES" : "NO",
                            network.config["ipv4.address"] ?? "", network.config["ipv6.address"] ?? "",
                            network.description, String(network.usedBy?.count ?? 0), network.status.uppercased(),
                        ]
                    }),
                values: networks)
        }
    }
}
