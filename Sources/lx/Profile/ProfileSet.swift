import ArgumentParser
import LexAPI
import LexClient

/// `lx profile set`
struct ProfileSet: Command {
    static let configuration = CommandConfiguration(
        commandName: "set", abstract: "Set configuration keys of a profile.")

    @Argument(help: "The profile.", completion: Names.profiles)
    var profile: String
    @Argument(
        help: ArgumentHelp(
            "KEY=VALUE..., or a key and its value; a value - is read from standard input.", valueName: "key=value"))
    var assignments: [String]
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withServer(of: profile) { client, name in
            let changes = try KeyValues.parse(assignments)
            try await ProfileChange.perform(name, client, global) { $0.config.merge(changes) { $1 } }
        }
    }
}
