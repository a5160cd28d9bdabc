import ArgumentParser
import LexAPI
import LexClient

/// `lx storage volume info`
struct StorageVolumeInfo: Command {
    static let configuration = CommandConfiguration(
        commandName: "info", abstract: "Show how much room a volume takes, and its snapshots.")

    @Argument(help: "The storage pool.", completion: Names.pools)
    var pool: String
    @Argument(help: "The volume.")
    var volume: String
    @OptionGroup var member: TargetOption<MemberRefusal>
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try member.check()
        try await global.withServer(of: pool) { client, pool in
            let place = try StorageVolumePath(volume, pool: pool)
            let path = try place.volumePath()
            let volume = try await client.call(API.storageVolumes.get, path: path)
            let state = try await client.call(API.storageVolumes.state, path: path)
            let snapshots =
                place.type == StorageVolume.customType
                ? try await client.call(
                    API.storageVolumes.listSnapshots, as: [StorageVolume.Snapshot].self, path: path,
                    query: ["recursion": "1"]) : []
            try StandardOutput.write(StorageVolumeReport.text(volume, state, snapshots))
        }
    }
}
