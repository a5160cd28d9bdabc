import ArgumentParser
import LexAPI
import LexClient

/// `lx project unset`
struct ProjectUnset: Command {
    static let configuration = CommandConfiguration(
        commandName: "unset", abstract: "Take a configuration key away from a project.")

    @Argument(help: "The project.", completion: Names.projects)
    var project: String
    @Argument(help: "The key.")
    var key: String
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withServer(of: project) { client, name in
            try await ProjectChange.perform(name, client) { $0.config[key] = nil }
        }
    }
}
