import ArgumentParser
import LexClient

/// `lx profile device add`
struct ProfileDeviceAdd: Command {
    static let configuration = CommandConfiguration(
        commandName: "add", abstract: "Add a device to a profile.")

    @Argument(help: "The profile.", completion: Names.profiles)
    var profile: String
    @Argument(help: "The name of the device.")
    var device: String
    @Argument(help: "The kind of device: nic, disk ...")
    var type: String
    @Argument(help: ArgumentHelp("Its options.", valueName: "key=value"))
    var options: [String] = []
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withServer(of: profile) { client, name in
            try await DeviceOwner.profile(name).change(client, global) { try $0.add(device, type: type, options) }
            if !global.quiet { try StandardOutput.line("Device \(device) added to \(name)") }
        }
    }
}
