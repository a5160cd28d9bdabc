import ArgumentParser
import LexClient

/// `lx config device list`
struct ConfigDeviceList: Command {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the names of the devices of an instance.", aliases: ["ls"])

    @Argument(help: "The instance.", completion: Names.instances)
    var instance: String
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withServer(of: instance) { client, name in
            let devices = try await DeviceOwner.instance(name).devices(client)
            try StandardOutput.line(devices.own.keys.sorted().joined(separator: "\n"))
        }
    }
}
