import ArgumentParser
import LexClient

/// `lx config device show`
struct ConfigDeviceShow: Command {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show the devices of an instance with their options.")

    @Argument(help: "The instance.", completion: Names.instances)
    var instance: String
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withServer(of: instance) { client, name in
            try StandardOutput.yaml(try await DeviceOwner.instance(name).devices(client).own)
        }
    }
}
