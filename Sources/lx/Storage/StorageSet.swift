import ArgumentParser
import LexAPI
import LexClient

/// `lx storage set`
struct StorageSet: Command {
    static let configuration = CommandConfiguration(
        commandName: "set", abstract: "Set configuration keys of a storage pool.")

    @Argument(help: "The storage pool.", completion: Names.pools)
    var pool: String
    @Argument(help: ArgumentHelp("The keys and values.", valueName: "key=value"))
    var words: [String]
    @OptionGroup var member: TargetOption<MemberRefusal>
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try member.check()
        try await StoragePoolChange.perform(pool, global) { pool in
            pool.config.merge(try KeyValues.parse(words)) { $1 }
        }
    }
}

/// Changes a pool by a function, unless somebody else changes it at the same time.
enum StoragePoolChange {
    static func perform(
        _ pool: String, _ global: GlobalOptions, _ body: (inout StoragePool) throws -> Void
    ) async throws {
        try await global.withServer(of: pool) { client, name in
            let answer = try await client.answer(API.storagePools.get, path: ["name": name])
            var pool = answer.reply
            try body(&pool)
            try await global.run(
                client, saying: "Configuring the storage pool \(name)", API.storagePools.update,
                path: ["name": name], body: .init(description: pool.description, config: pool.config),
                ifMatch: answer.etag)
        }
    }
}
