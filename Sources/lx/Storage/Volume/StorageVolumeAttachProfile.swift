import ArgumentParser
import LexClient

/// `lx storage volume attach-profile`
struct StorageVolumeAttachProfile: Command {
    static let configuration = CommandConfiguration(
        commandName: "attach-profile", abstract: "Give a profile a custom volume.")

    @Argument(help: "The storage pool.", completion: Names.pools)
    var pool: String
    @Argument(help: "The volume.")
    var volume: String
    @Argument(help: "The profile.", completion: Names.profiles)
    var profile: String
    @Argument(help: ArgumentHelp("The name of the device, and the path inside.", valueName: "device] [path"))
    var words: [String] = []
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withServer(of: pool) { client, pool in
            let device = try VolumeDevice(volume, pool: pool, words)
            try await DeviceOwner.profile(profile).change(client, global) { try device.add(to: &$0) }
        }
    }
}
