import ArgumentParser
import LexAPI
import LexClient

/// `lx storage get`
struct StorageGet: Command {
    static let configuration = CommandConfiguration(
        commandName: "get", abstract: "Show the value of a configuration key of a storage pool.")

    @Argument(help: "The storage pool.", completion: Names.pools)
    var pool: String
    @Argument(help: "The key.")
    var key: String
    @OptionGroup var member: TargetOption<MemberRefusal>
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try member.check()
        try await global.withServer(of: pool) { client, name in
            let pool = try await client.call(API.storagePools.get, path: ["name": name])
            // Nothing at all for a key that is not set, as with the stock client.
            if let value = pool.config[key] { try StandardOutput.line(value) }
        }
    }
}
