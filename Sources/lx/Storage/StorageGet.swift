import ArgumentParser
import LexAPI
import LexClient

/// `lx storage get`
struct StorageGet: Command {
    static let configuration = CommandConfiguration(
        commandName: "get", abstract: "Show the value of a configuration key of a storage pool.")

    @Argument(help: "The storage pool.")
    var pool: String
    @Argument(help: "The key.")
    var key: String
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withServer(of: pool) { client, name in
            let pool = try await client.call(API.storagePools.get, path: ["name": name])
            try StandardOutput.line(pool.config[key] ?? "")
        }
    }
}
