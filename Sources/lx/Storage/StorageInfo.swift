import ArgumentParser
import LexAPI
import LexClient

/// `lx storage info`
struct StorageInfo: Command {
    static let configuration = CommandConfiguration(
        commandName: "info", abstract: "Show how full a storage pool is and what lies in it.")

    @Flag(help: "Show sizes in bytes.")
    var bytes = false
    @Argument(help: "The storage pool.", completion: Names.pools)
    var pool: String
    @OptionGroup var member: TargetOption<ServerRefusal>
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try member.check()
        try await global.withServer(of: pool) { client, name in
            let pool = try await client.call(API.storagePools.get, path: ["name": name])
            let resources = try await client.call(API.storagePools.resources, path: ["name": name])
            try StandardOutput.write(YAMLText.document(PoolReport.tree(pool, resources, bytes: bytes)))
        }
    }
}
