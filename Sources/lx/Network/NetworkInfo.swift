import ArgumentParser
import LexAPI
import LexClient

/// `lx network info`
struct NetworkInfo: Command {
    static let configuration = CommandConfiguration(
        commandName: "info", abstract: "Show what the interface of a network does at this moment.")

    @Argument(help: "The network.", completion: Names.networks)
    var network: String
    @OptionGroup var member: TargetOption<ServerRefusal>
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try member.check()
        try await global.withServer(of: network) { client, name in
            let state = try await client.call(API.networks.state, path: ["name": name])
            try StandardOutput.write(NetworkReport.text(name, state))
        }
    }
}
