import ArgumentParser
import LexAPI
import LexClient

/// `lx network show`
struct NetworkShow: Command {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show a network.")

    @Argument(help: "The network.", completion: Names.networks)
    var network: String
    @OptionGroup var member: TargetOption<MemberRefusal>
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try member.check()
        try await global.withServer(of: network) { client, name in
            var network = try await client.call(API.networks.get, path: ["name": name])
            network.usedBy?.sort()
            try StandardOutput.yaml(network)
        }
    }
}
