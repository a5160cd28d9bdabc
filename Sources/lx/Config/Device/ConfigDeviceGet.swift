import ArgumentParser
import LexClient

/// `lx config device get`
struct ConfigDeviceGet: Command {
    static let configuration = CommandConfiguration(
        commandName: "get", abstract: "Show an option of a device.")

    @Argument(help: "The instance.", completion: Names.instances)
    var instance: String
    @Argument(help: "The name of the device.")
    var device: String
    @Argument(help: "The option.")
    var key: String
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withServer(of: instance) { client, name in
            let devices = try await DeviceOwner.instance(name).devices(client)
            try StandardOutput.line(devices.get(device, key))
        }
    }
}
