import ArgumentParser
import LexAPI
import LexClient

/// `lx storage show`
struct StorageShow: Command {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show a storage pool.")

    @Flag(help: "Show how much room it has instead.")
    var resources = false
    @Argument(help: "The storage pool.", completion: Names.pools)
    var pool: String
    @OptionGroup var member: TargetOption<MemberRefusal>
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try member.check()
        try await global.withServer(of: pool) { client, name in
            if resources {
                let room = try await client.call(API.storagePools.resources, path: ["name": name])
                // Not every filesystem counts its inodes.
                try StandardOutput.yaml(
                    room.inodes.total > 0 ? ["space": room.space, "inodes": room.inodes] : ["space": room.space])
            } else {
                var pool = try await client.call(API.storagePools.get, path: ["name": name])
                pool.usedBy?.sort()
                try StandardOutput.yaml(pool)
            }
        }
    }
}
