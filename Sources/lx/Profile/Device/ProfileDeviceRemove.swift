import ArgumentParser
import LexClient

/// `lx profile device remove`
struct ProfileDeviceRemove: Command {
    static let configuration = CommandConfiguration(
        commandName: "remove", abstract: "Remove devices from a profile.", aliases: ["rm"])

    @Argument(help: "The profile.", completion: Names.profiles)
    var profile: String
    @Argument(help: ArgumentHelp("The names of the devices.", valueName: "device"))
    var devices: [String]
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withServer(of: profile) { client, name in
            try await DeviceOwner.profile(name).change(client, global) { try $0.remove(devices) }
            if !global.quiet {
                try StandardOutput.line("Device \(devices.joined(separator: ", ")) removed from \(name)")
            }
        }
    }
}
