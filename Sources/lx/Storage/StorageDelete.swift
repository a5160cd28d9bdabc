import ArgumentParser
import LexAPI
import LexClient

/// `lx storage delete`
struct StorageDelete: Command {
    static let configuration = CommandConfiguration(
        commandName: "delete", abstract: "Delete a storage pool that nothing uses.", aliases: ["rm"])

    @Argument(help: "The storage pool.", completion: Names.pools)
    var pool: String
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withServer(of: pool) { client, name in
            try await global.run(
                client, saying: "Deleting the storage pool \(name)", API.storagePools.delete, path: ["name": name])
            if !global.quiet { try StandardOutput.line("Storage pool \(name) deleted") }
        }
    }
}
