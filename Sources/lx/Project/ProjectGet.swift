import ArgumentParser
import LexAPI
import LexClient

/// `lx project get`
struct ProjectGet: Command {
    static let configuration = CommandConfiguration(
        commandName: "get", abstract: "Show the value of a configuration key of a project.")

    @Argument(help: "The project.", completion: Names.projects)
    var project: String
    @Argument(help: "The key.")
    var key: String
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withServer(of: project) { client, name in
            let project = try await client.call(API.projects.get, path: ["name": name])
            try StandardOutput.line(project.config[key] ?? "")
        }
    }
}
