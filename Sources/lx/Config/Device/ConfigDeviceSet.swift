import ArgumentParser
import LexClient

/// `lx config device set`
struct ConfigDeviceSet: Command {
    static let configuration = CommandConfiguration(
        commandName: "set", abstract: "Set options of a device.")

    @Argument(help: "The instance.", completion: Names.instances)
    var instance: String
    @Argument(help: "The name of the device.")
    var device: String
    @Argument(help: ArgumentHelp("KEY=VALUE..., or a key and its value.", valueName: "key=value"))
    var options: [String]
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withServer(of: instance) { client, name in
            let changes = try KeyValues.parse(options)
            try await DeviceOwner.instance(name).change(client, global) { try $0.set(device, changes) }
        }
    }
}
