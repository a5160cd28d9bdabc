import ArgumentParser
import LexClient

/// `lx profile device unset`
struct ProfileDeviceUnset: Command {
    static let configuration = CommandConfiguration(
        commandName: "unset", abstract: "Take an option away from a device.")

    @Argument(help: "The profile.", completion: Names.profiles)
    var profile: String
    @Argument(help: "The name of the device.")
    var device: String
    @Argument(help: "The option.")
    var key: String
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withServer(of: profile) { client, name in
            try await DeviceOwner.profile(name).change(client, global) { try $0.unset(device, key) }
        }
    }
}
