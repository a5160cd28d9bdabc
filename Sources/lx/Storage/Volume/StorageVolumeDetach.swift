import ArgumentParser
import LexClient

/// `lx storage volume detach`
struct StorageVolumeDetach: Command {
    static let configuration = CommandConfiguration(
        commandName: "detach", abstract: "Take a custom volume from an instance.")

    @Argument(help: "The storage pool.", completion: Names.pools)
    var pool: String
    @Argument(help: "The volume.")
    var volume: String
    @Argument(help: "The instance.", completion: Names.instances)
    var instance: String
    @Argument(help: "The name of the device, where the volume is there more than once.")
    var device: String = ""
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withServer(of: pool) { client, pool in
            try await DeviceOwner.instance(instance).change(client, global) { devices in
                try VolumeDevice.remove(volume, pool: pool, named: device, from: &devices)
            }
        }
    }
}
