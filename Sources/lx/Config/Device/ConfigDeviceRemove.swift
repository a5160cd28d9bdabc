import ArgumentParser
import LexClient

/// `lx config device remove`
struct ConfigDeviceRemove: Command {
    static let configuration = CommandConfiguration(
        commandName: "remove", abstract: "Remove devices from an instance.", aliases: ["rm"])

    @Argument(help: "The instance.", completion: Names.instances)
    var instance: String
    @Argument(help: ArgumentHelp("The names of the devices.", valueName: "device"))
    var devices: [String]
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withServer(of: instance) { client, name in
            try await DeviceOwner.instance(name).change(client, global) { try $0.remove(devices) }
            if !global.quiet {
                try StandardOutput.line("Device \(devices.joined(separator: ", ")) removed from \(name)")
            }
        }
    }
}
