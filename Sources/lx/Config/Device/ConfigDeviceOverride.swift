import ArgumentParser
import LexClient

/// `lx config device override`
struct ConfigDeviceOverride: Command {
    static let configuration = CommandConfiguration(
        commandName: "override",
        abstract: "Copy a device from the profiles of an instance and change it for this instance only.")

    @Argument(help: "The instance.", completion: Names.instances)
    var instance: String
    @Argument(help: "The name of the device.")
    var device: String
    @Argument(help: ArgumentHelp("The options that differ.", valueName: "key=value"))
    var options: [String] = []
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withServer(of: instance) { client, name in
            try await DeviceOwner.instance(name).change(client, global) { try $0.override(device, options) }
            if !global.quiet { try StandardOutput.line("Device \(device) overridden for \(name)") }
        }
    }
}
