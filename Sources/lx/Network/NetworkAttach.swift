import ArgumentParser
import LexClient

/// `lx network attach`
struct NetworkAttach: Command {
    static let configuration = CommandConfiguration(
        commandName: "attach", abstract: "Give an instance an interface in a network.")

    @Argument(help: "The network.", completion: Names.networks)
    var network: String
    @Argument(help: "The instance.", completion: Names.instances)
    var instance: String
    @Argument(help: "The name of the device; that of the network when it is left out.")
    var device: String = ""
    @Argument(help: "The name of the interface inside.")
    var interface: String = ""
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withServer(of: network) { client, name in
            try await NetworkInterfaces.attach(
                .instance(instance), name, device: device, interface: interface, client, global)
        }
    }
}
