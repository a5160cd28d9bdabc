import ArgumentParser
import LexAPI
import LexClient

/// `lx network acl set`
struct NetworkACLSet: Command {
    static let configuration = CommandConfiguration(
        commandName: "set", abstract: "Set configuration keys of a network ACL.")

    @Argument(help: "The ACL.")
    var acl: String
    @Argument(
        help: ArgumentHelp(
            "KEY=VALUE..., or a key and its value; a value - is read from standard input.", valueName: "key=value"))
    var assignments: [String]
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        let changes = try KeyValues.parse(assignments)
        try await NetworkACLChange.perform(acl, global) { $0.config.merge(changes) { $1 } }
    }
}
