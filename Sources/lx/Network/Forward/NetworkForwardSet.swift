import ArgumentParser
import LexAPI
import LexClient

/// `lx network forward set`
struct NetworkForwardSet: Command {
    static let configuration = CommandConfiguration(
        commandName: "set", abstract: "Set configuration keys of a forward.")

    @OptionGroup var forward: NetworkForwardArguments
    @Argument(
        help: ArgumentHelp(
            "KEY=VALUE..., or a key and its value; a value - is read from standard input.", valueName: "key=value"))
    var assignments: [String]
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        let changes = try KeyValues.parse(assignments)
        try await NetworkForwardChange.perform(forward, global) { $0.config.merge(changes) { $1 } }
    }
}
