import ArgumentParser
import LexAPI
import LexClient

/// `lx project switch`
struct ProjectSwitch: Command {
    static let configuration = CommandConfiguration(
        commandName: "switch", abstract: "Choose the project that is meant when none is named.",
        discussion: """
            The choice is kept for the person who makes it. --project goes before it.
            """)

    @Argument(help: "The project.", completion: Names.projects)
    var project: String
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        let remote = try Reference(project).remote
        try await global.withServer(of: project) { client, name in
            _ = try await client.call(API.projects.get, path: ["name": name])
            try CurrentProject.choose(name, remote)
        }
    }
}
