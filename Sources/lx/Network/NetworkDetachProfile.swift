import ArgumentParser
import LexClient

/// `lx network detach-profile`
struct NetworkDetachProfile: Command {
    static let configuration = CommandConfiguration(
        commandName: "detach-profile", abstract: "Take an interface in a network from a profile.")

    @Argument(help: "The network.", completion: Names.networks)
    var network: String
    @Argument(help: "The profile.", completion: Names.profiles)
    var profile: String
    @Argument(help: "The name of the device, where there are several.")
    var device: String = ""
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withServer(of: network) { client, name in
            try await NetworkInterfaces.detach(
                .profile(profile), name, device: device, client, global)
        }
    }
}
