import ArgumentParser
import LexClient

/// `lx profile device show`
struct ProfileDeviceShow: Command {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show the devices of a profile with their options.")

    @Argument(help: "The profile.", completion: Names.profiles)
    var profile: String
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withServer(of: profile) { client, name in
            try StandardOutput.yaml(try await DeviceOwner.profile(name).devices(client).own)
        }
    }
}
