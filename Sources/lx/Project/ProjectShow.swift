import ArgumentParser
import LexAPI
import LexClient

/// `lx project show`
struct ProjectShow: Command {
    static let configuration = CommandConfiguration(commandName: "show", abstract: "Show a project.")

    @Argument(help: "The project.", completion: Names.projects)
    var project: String
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withServer(of: project) { client, name in
            try StandardOutput.yaml(try await client.call(API.projects.get, path: ["name": name]))
        }
    }
}
