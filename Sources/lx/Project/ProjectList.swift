import ArgumentParser
import LexAPI
import LexClient

/// `lx project list`
struct ProjectList: Command {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List projects, and what each has for itself.", aliases: ["ls"])

    @Argument(help: ArgumentHelp("The remote, with its colon.", valueName: "remote:"))
    var remote: String = ""
    @OptionGroup var format: FormatOptions
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        let current = try CurrentProject.name(global, Reference(remote).remote)
        try await global.withServer(of: remote) { client, _ in
            let projects = try await client.call(
                API.projects.list, as: [Project].self, query: ["recursion": "1"])
            try format.print(Self.table(projects, current: current), values: projects)
        }
    }

    static func table(_ projects: [Project], current: String) -> Table {
        Table(
            headers: ["NAME", "IMAGES", "PROFILES", "STORAGE VOLUMES", "NETWORKS", "DESCRIPTION", "USED BY"],
            sorting: projects.map { project in
                func has(_ feature: String) -> String {
                    Bool(configText: project.config["features.\(feature)"] ?? "") == true ? "YES" : "NO"
                }
                return [
                    project.name == current ? "\(project.name) (current)" : project.name, has("images"),
                    has("profiles"), has("storage.volumes"), has("networks"), project.description,
                    String(project.usedBy.count),
                ]
            })
    }
}
