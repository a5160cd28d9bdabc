import ArgumentParser
import LexClient

/// `lx storage volume attach`
struct StorageVolumeAttach: Command {
    static let configuration = CommandConfiguration(
        commandName: "attach", abstract: "Give an instance a custom volume.")

    @Argument(help: "The storage pool.", completion: Names.pools)
    var pool: String
    @Argument(help: "The volume.")
    var volume: String
    @Argument(help: "The instance.", completion: Names.instances)
    var instance: String
    @Argument(help: ArgumentHelp("The name of the device, and the path inside.", valueName: "device] [path"))
    var words: [String] = []
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withServer(of: pool) { client, pool in
            let device = try VolumeDevice(volume, pool: pool, words)
            try await DeviceOwner.instance(instance).change(client, global) { try device.add(to: &$0) }
        }
    }
}
