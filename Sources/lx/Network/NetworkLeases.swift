import ArgumentParser
import LexAPI
import LexClient

/// `lx network list-leases`
struct NetworkLeases: Command {
    static let configuration = CommandConfiguration(
        commandName: "list-leases", abstract: "List the addresses that were given out on a network.")

    @Argument(help: "The network.", completion: Names.networks)
    var network: String
    @OptionGroup var format: FormatOptions
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withServer(of: network) { client, name in
            let leases = try await client.call(API.networks.leases, path: ["name": name])
            // In a cluster the members have leases of their own.
            let clustered = leases.contains { !["", "none"].contains($0.location) }
            try format.print(
                Table(
                    headers: ["HOSTNAME", "MAC ADDRESS", "IP ADDRESS", "TYPE"] + (clustered ? ["LOCATION"] : []),
                    sorting: leases.map { lease in
                        [lease.hostname, lease.hwaddr, lease.address, lease.type.uppercased()]
                            + (clustered ? [lease.location] : [])
                    }),
                values: leases)
        }
    }
}
