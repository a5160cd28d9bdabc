import ArgumentParser
import LexClient

/// `lx network detach`
struct NetworkDetach: Command {
    static let configuration = CommandConfiguration(
        commandName: "detach", abstract: "Take an interface in a network from an instance.")

    @Argument(help: "The network.", completion: Names.networks)
    var network: String
    @Argument(help: "The instance.", completion: Names.instances)
    var instance: String
    @Argument(help: "The name of the device, where there are several.")
    var device: String = ""
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withServer(of: network) { client, name in
            try await NetworkInterfaces.detach(
                .instance(instance), name, device: device, client, global)
        }
    }
}
