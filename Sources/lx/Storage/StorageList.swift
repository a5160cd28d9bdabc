import ArgumentParser
import LexAPI
import LexClient

/// `lx storage list`
struct StorageList: Command {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List storage pools.", aliases: ["ls"])

    @Argument(help: ArgumentHelp("The remote, with its colon.", valueName: "remote:"))
    var remote: String = ""
    @OptionGroup var format: FormatOptions
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withServer(of: remote) { client, name in
            let pools = try await client.call(
                API.storagePools.list, as: [StoragePool].self, query: ["recursion": "1"])
            try format.print(
                Table(
                    headers: ["NAME", "DRIVER", "SOURCE", "DESCRIPTION", "USED BY", "STATE"],
                    sorting: pools.map { pool in
                        [
                            pool.name, pool.driver, pool.config["source"] ?? "", pool.description,
                            String(pool.usedBy?.count ?? 0), pool.status.uppercased(),
                        ]
                    }),
                values: pools)
        }
    }
}
