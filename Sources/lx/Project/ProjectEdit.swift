import ArgumentParser
import LexAPI
import LexClient

/// `lx project edit`
struct ProjectEdit: Command {
    static let configuration = CommandConfiguration(
        commandName: "edit", abstract: "Change a project in an editor.",
        discussion: """
            When standard input is not a terminal, the new project is read from there.
            """)

    @Argument(help: "The project.", completion: Names.projects)
    var project: String
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withServer(of: project) { client, name in
            let answer = try await client.answer(API.projects.get, path: ["name": name])
            try await Editor.edit(EditorText.project + YAMLText.document(Tree(answer.reply))) { text in
                let update = try YAMLInput.decode(Project.Update.self, from: text)
                try await client.call(
                    API.projects.update, path: ["name": name], body: update, ifMatch: answer.etag)
            }
        }
    }
}
