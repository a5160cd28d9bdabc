import ArgumentParser
import LexAPI
import LexClient

/// `lx storage volume rename`
struct StorageVolumeRename: Command {
    static let configuration = CommandConfiguration(
        commandName: "rename", abstract: "Give a custom volume or a snapshot another name.")

    @Argument(help: "The storage pool.", completion: Names.pools)
    var pool: String
    @Argument(help: ArgumentHelp("The volume, or a snapshot of it.", valueName: "old name"))
    var old: String
    @Argument(help: ArgumentHelp("Its new name.", valueName: "new name"))
    var new: String
    @OptionGroup var member: TargetOption<MemberRefusal>
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try member.check()
        try await global.withServer(of: pool) { client, pool in
            let place = try StorageVolumePath(old, pool: pool)
            let target = try StorageVolumePath(new, pool: pool)
            guard (place.snapshot == nil) == (target.snapshot == nil),
                place.snapshot == nil || place.volume == target.volume
            else { throw Failure("A snapshot stays with its volume: name both as VOLUME/SNAPSHOT, or none") }
            let name = target.snapshot ?? target.volume
            if place.snapshot == nil {
                try await global.run(
                    client, saying: "Renaming the volume \(old)", StorageVolumePath.move, path: place.path,
                    body: .init(name: name))
            } else {
                try await global.run(
                    client, saying: "Renaming the snapshot \(old)", API.storageVolumes.renameSnapshot,
                    path: place.path, body: .init(name: name))
            }
            if !global.quiet { try StandardOutput.line("Renamed storage volume from \"\(old)\" to \"\(name)\"") }
        }
    }
}
