import ArgumentParser
import LexAPI
import LexClient

/// `lx network get`
struct NetworkGet: Command {
    static let configuration = CommandConfiguration(
        commandName: "get", abstract: "Show the value of a configuration key of a network.")

    @Argument(help: "The network.", completion: Names.networks)
    var network: String
    @Argument(help: "The key.")
    var key: String
    @OptionGroup var member: TargetOption<MemberRefusal>
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try member.check()
        try await global.withServer(of: network) { client, name in
            let network = try await client.call(API.networks.get, path: ["name": name])
            // Nothing at all for a key that is not set, as with the stock client.
            if let value = network.config[key] { try StandardOutput.line(value) }
        }
    }
}
