import ArgumentParser
import LexAPI
import LexClient

/// `lx storage volume show`
struct StorageVolumeShow: Command {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show a volume, or a snapshot of one.")

    @Argument(help: "The storage pool.", completion: Names.pools)
    var pool: String
    @Argument(help: ArgumentHelp("The volume, or a snapshot of it.", valueName: "volume[/snapshot]"))
    var volume: String
    @OptionGroup var member: TargetOption<MemberRefusal>
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try member.check()
        try await global.withServer(of: pool) { client, pool in
            let place = try StorageVolumePath(volume, pool: pool)
            if place.snapshot == nil {
                var volume = try await client.call(API.storageVolumes.get, path: place.path)
                volume.usedBy.sort()
                try StandardOutput.yaml(volume)
            } else {
                let snapshot = try await client.call(API.storageVolumes.getSnapshot, path: place.path)
                try StandardOutput.yaml(snapshot)
            }
        }
    }
}
