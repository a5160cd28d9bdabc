import ArgumentParser
import LexAPI
import LexClient

/// `lx project create`
struct ProjectCreate: Command {
    static let configuration = CommandConfiguration(
        commandName: "create", abstract: "Make a project.",
        discussion: """
            A new project has images, profiles and custom storage volumes of its own, and uses the networks of the \
            default project. To share the images of the default project as well:

              lx project create web -c features.images=false
            """)

    @Option(
        name: [.customShort("c", allowingJoined: true), .long], parsing: .unconditionalSingleValue,
        help: "A configuration key and its value.")
    var config: [String] = []
    @Argument(help: "The project.")
    var project: String
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withServer(of: project) { client, name in
            let config = try KeyValues.assignments(config)
            try await client.call(API.projects.create, body: .init(name: name, config: config))
            if !global.quiet { try StandardOutput.line("Project \(name) created") }
        }
    }
}
