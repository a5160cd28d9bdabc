import ArgumentParser
import LexAPI
import LexClient

/// `lx network create`
struct NetworkCreate: Command {
    static let configuration = CommandConfiguration(
        commandName: "create", abstract: "Make a network.")

    @Option(
        name: [.customShort("t", allowingJoined: true), .long], parsing: .unconditional, help: "The kind of network.")
    var type: String = ""
    @Argument(help: "The name of the new network.")
    var network: String
    @Argument(help: ArgumentHelp("Its configuration.", valueName: "key=value"))
    var config: [String] = []
    @OptionGroup var member: TargetOption<MemberRefusal>
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try member.check()
        try await global.withServer(of: network) { client, name in
            let config = try config.isEmpty ? [:] : KeyValues.assignments(config)
            try await global.run(
                client, saying: "Creating the network \(name)", API.networks.create,
                body: .init(name: name, type: type, config: config))
            if !global.quiet { try StandardOutput.line("Network \(name) created") }
        }
    }
}
