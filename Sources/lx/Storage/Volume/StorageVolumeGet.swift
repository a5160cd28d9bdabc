import ArgumentParser
import LexAPI
import LexClient

/// `lx storage volume get`
struct StorageVolumeGet: Command {
    static let configuration = CommandConfiguration(
        commandName: "get", abstract: "Show the value of a configuration key of a volume or a snapshot.")

    @Argument(help: "The storage pool.", completion: Names.pools)
    var pool: String
    @Argument(help: ArgumentHelp("The volume, or a snapshot of it.", valueName: "volume[/snapshot]"))
    var volume: String
    @Argument(help: "The key.")
    var key: String
    @OptionGroup var member: TargetOption<MemberRefusal>
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try member.check()
        try await global.withServer(of: pool) { client, pool in
            let place = try StorageVolumePath(volume, pool: pool)
            let config =
                place.snapshot == nil
                ? try await client.call(API.storageVolumes.get, path: place.path).config
                : try await client.call(API.storageVolumes.getSnapshot, path: place.path).config
            // Nothing at all for a key that is not set, as with the stock client.
            if let value = config[key] { try StandardOutput.line(value) }
        }
    }
}
