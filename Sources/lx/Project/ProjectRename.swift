import ArgumentParser
import LexAPI
import LexClient

/// `lx project rename`
struct ProjectRename: Command {
    static let configuration = CommandConfiguration(
        commandName: "rename", abstract: "Give a project in which nothing is yet another name.", aliases: ["mv"])

    @Argument(help: "The project.", completion: Names.projects)
    var project: String
    @Argument(help: "The new name.")
    var newName: String
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        let remote = try Reference(project).remote
        try await global.withServer(of: project) { client, name in
            try await global.run(
                client, saying: "Renaming the project \(name)", API.projects.rename, path: ["name": name],
                body: .init(name: newName))
            if !global.quiet { try StandardOutput.line("Project \(name) renamed to \(newName)") }
            try CurrentProject.left(name, remote, for: newName)
        }
    }
}
