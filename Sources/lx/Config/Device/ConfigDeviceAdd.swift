import ArgumentParser
import LexClient

/// `lx config device add`
struct ConfigDeviceAdd: Command {
    static let configuration = CommandConfiguration(
        commandName: "add", abstract: "Add a device to an instance.")

    @Argument(help: "The instance.", completion: Names.instances)
    var instance: String
    @Argument(help: "The name of the device.")
    var device: String
    @Argument(help: "The kind of device: nic, disk ...")
    var type: String
    @Argument(help: ArgumentHelp("Its options.", valueName: "key=value"))
    var options: [String] = []
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withServer(of: instance) { client, name in
            try await DeviceOwner.instance(name).change(client, global) { try $0.add(device, type: type, options) }
            if !global.quiet { try StandardOutput.line("Device \(device) added to \(name)") }
        }
    }
}
