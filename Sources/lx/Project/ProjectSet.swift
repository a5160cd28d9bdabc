import ArgumentParser
import LexAPI
import LexClient

/// `lx project set`
struct ProjectSet: Command {
    static let configuration = CommandConfiguration(
        commandName: "set", abstract: "Set configuration keys of a project.")

    @Argument(help: "The project.", completion: Names.projects)
    var project: String
    @Argument(
        help: ArgumentHelp(
            "KEY=VALUE..., or a key and its value; a value - is read from standard input.", valueName: "key=value"))
    var assignments: [String]
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withServer(of: project) { client, name in
            let changes = try KeyValues.parse(assignments)
            try await ProjectChange.perform(name, client) { $0.config.merge(changes) { $1 } }
        }
    }
}
