import LexAPI
import LexClient

/// Changing a project by a function, unless somebody else changes it at the same time.
enum ProjectChange {
    static func perform(_ name: String, _ client: Client, _ body: (inout Project) throws -> Void) async throws {
        let answer = try await client.answer(API.projects.get, path: ["name": name])
        var project = answer.reply
        try body(&project)
        try await client.call(
            API.projects.update, path: ["name": name],
            body: .init(description: project.description, config: project.config), ifMatch: answer.etag)
    }
}
