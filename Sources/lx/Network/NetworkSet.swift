import ArgumentParser
import LexAPI
import LexClient

/// `lx network set`
struct NetworkSet: Command {
    static let configuration = CommandConfiguration(
        commandName: "set", abstract: "Set configuration keys of a network.")

    @Argument(help: "The network.", completion: Names.networks)
    var network: String
    @Argument(
        help: ArgumentHelp(
            "KEY=VALUE..., or a key and its value; a value - is read from standard input.", valueName: "key=value"))
    var assignments: [String]
    @OptionGroup var member: TargetOption<MemberRefusal>
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try member.check()
        try await global.withServer(of: network) { client, name in
            let changes = try KeyValues.parse(assignments)
            try await NetworkChange.perform(name, client, global) { update in
                update.config = (update.config ?? [:]).merging(changes) { $1 }
            }
        }
    }
}
