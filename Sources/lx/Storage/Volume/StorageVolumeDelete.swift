import ArgumentParser
import LexAPI
import LexClient

/// `lx storage volume delete`
struct StorageVolumeDelete: Command {
    static let configuration = CommandConfiguration(
        commandName: "delete", abstract: "Delete a custom volume that nothing uses, or a snapshot of one.",
        aliases: ["rm"])

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
                try await global.run(
                    client, saying: "Deleting the volume \(volume)", API.storageVolumes.delete, path: place.path)
            } else {
                try await global.run(
                    client, saying: "Deleting the snapshot \(volume)", API.storageVolumes.deleteSnapshot,
                    path: place.path)
            }
            if !global.quiet { try StandardOutput.line("Storage volume \(volume) deleted") }
        }
    }
}
