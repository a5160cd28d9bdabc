import ArgumentParser
import LexClient

/// `lx profile device set`
struct ProfileDeviceSet: Command {
    static let configuration = CommandConfiguration(
        commandName: "set", abstract: "Set options of a device.")

    @Argument(help: "The profile.", completion: Names.profiles)
    var profile: String
    @Argument(help: "The name of the device.")
    var device: String
    @Argument(help: ArgumentHelp("KEY=VALUE..., or a key and its value.", valueName: "key=value"))
    var options: [String]
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withServer(of: profile) { client, name in
            let changes = try KeyValues.parse(options)
            try await DeviceOwner.profile(name).change(client, global) { try $0.set(device, changes) }
        }
    }
}
