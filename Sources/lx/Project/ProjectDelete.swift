import ArgumentParser
import LexAPI
import LexClient

/// `lx project delete`
struct ProjectDelete: Command {
    static let configuration = CommandConfiguration(
        commandName: "delete", abstract: "Delete a project in which nothing is left.", aliases: ["rm"])

    @Argument(help: "The project.", completion: Names.projects)
    var project: String
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        let remote = try Reference(project).remote
        try await global.withServer(of: project) { client, name in
            try await client.call(API.projects.delete, path: ["name": name])
            if !global.quiet { try StandardOutput.line("Project \(name) deleted") }
            try CurrentProject.left(name, remote)
        }
    }
}
