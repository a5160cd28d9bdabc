import ArgumentParser
import LexClient

/// `lx profile device list`
struct ProfileDeviceList: Command {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the names of the devices of a profile.", aliases: ["ls"])

    @Argument(help: "The profile.", completion: Names.profiles)
    var profile: String
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withServer(of: profile) { client, name in
            let devices = try await DeviceOwner.profile(name).devices(client)
            try StandardOutput.line(devices.own.keys.sorted().joined(separator: "\n"))
        }
    }
}
