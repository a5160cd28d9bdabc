import ArgumentParser
import LexClient

/// `lx config device unset`
struct ConfigDeviceUnset: Command {
    static let configuration = CommandConfiguration(
        commandName: "unset", abstract: "Take an option away from a device.")

    @Argument(help: "The instance.", completion: Names.instances)
    var instance: String
    @Argument(help: "The name of the device.")
    var device: String
    @Argument(help: "The option.")
    var key: String
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withServer(of: instance) { client, name in
            try await DeviceOwner.instance(name).change(client, global) { try $0.unset(device, key) }
        }
    }
}
