import ArgumentParser
import LexClient

/// `lx profile device get`
struct ProfileDeviceGet: Command {
    static let configuration = CommandConfiguration(
        commandName: "get", abstract: "Show an option of a device.")

    @Argument(help: "The profile.", completion: Names.profiles)
    var profile: String
    @Argument(help: "The name of the device.")
    var device: String
    @Argument(help: "The option.")
    var key: String
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withServer(of: profile) { client, name in
            let devices = try await DeviceOwner.profile(name).devices(client)
            try StandardOutput.line(devices.get(device, key))
        }
    }
}
