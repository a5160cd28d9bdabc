import ArgumentParser
import LexAPI
import LexClient

/// `lx storage show`
struct StorageShow: Command {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show a storage pool.")

    @Flag(help: "Show how much room it has instead.")
    var resources = false
    @Argument(help: "The storage pool.")
    var pool: String
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withServer(of: pool) { client, name in
            if resources {
                try StandardOutput.yaml(try await client.call(API.storagePools.resources, path: ["name": name]))
            } else {
                var pool = try await client.call(API.storagePools.get, path: ["name": name])
                pool.usedBy?.sort()
                try StandardOutput.yaml(pool)
            }
        }
    }
}
