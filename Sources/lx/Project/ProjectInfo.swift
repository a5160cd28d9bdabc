import ArgumentParser
import LexAPI
import LexClient

/// `lx project info`
struct ProjectInfo: Command {
    static let configuration = CommandConfiguration(
        commandName: "info", abstract: "Show what a project may use and uses.")

    @Argument(help: "The project.", completion: Names.projects)
    var project: String
    @OptionGroup var format: FormatOptions
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withServer(of: project) { client, name in
            let state = try await client.call(API.projects.state, path: ["name": name])
            try format.print(Self.table(state), values: state)
        }
    }

    static func table(_ state: Project.State) -> Table {
        Table(
            headers: ["RESOURCE", "LIMIT", "USAGE"],
            sorting: state.resources.map { kind, resource in
                func text(_ amount: Int64) -> String {
                    ["disk", "memory"].contains(kind) ? Quantities.decimalSize(amount) : String(amount)
                }
                return [
                    kind.uppercased(), resource.limit < 0 ? "UNLIMITED" : text(resource.limit), text(resource.usage),
                ]
            })
    }
}
