import ArgumentParser
import LexAPI
import LexClient

/// `lx network unset`
struct NetworkUnset: Command {
    static let configuration = CommandConfiguration(
        commandName: "unset", abstract: "Take a configuration key away from a network.")

    @Argument(help: "The network.", completion: Names.networks)
    var network: String
    @Argument(help: "The key.")
    var key: String
    @OptionGroup var member: TargetOption<MemberRefusal>
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try member.check()
        try await global.withServer(of: network) { client, name in
            try await NetworkChange.perform(name, client, global) { $0.config?[key] = nil }
        }
    }
}
