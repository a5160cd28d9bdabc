import LexAPI
import LexClient

/// Says of a change what of it a running instance takes only at its next start.
enum RestartNotice {
    /// Changes an instance, and says so.
    static func update(
        _ name: String, _ client: Client, _ global: GlobalOptions, _ update: Instance.Update, ifMatch etag: String?
    ) async throws {
        let operation = try await global.run(
            client, saying: "Configuring \(name)", API.instances.update, path: ["name": name], body: update,
            ifMatch: etag)
        if let keys = operation?.metadata?[Instance.Changed.restartRequiredKey]?.text {
            StandardError.line(line(name, keys, project: client.project ?? Project.defaultName))
        }
    }

    /// Changes a profile, and says so of every instance with it.
    static func update(
        profile name: String, _ client: Client, _ global: GlobalOptions, _ update: Profile.Update, ifMatch etag: String?
    ) async throws {
        // Servers differ in what they answer here: `{}`, null, an operation.
        let put = API.profiles.update
        let open = Endpoint<Profile.Update, JSONValue>(put.method, put.path, put.summary)
        let answer = try await client.answer(open, path: ["name": name], body: update, ifMatch: etag)
        if answer.operation != nil {
            let operation = try answer.reply.decoded(as: LexAPI.Operation.self)
            _ = try await global.follow(client, operation, saying: "Changing the profile \(name)")
            return
        }
        let waiting = answer.reply[Instance.Changed.restartRequiredKey]?.members ?? [:]
        for (url, keys) in waiting.sorted(by: { $0.key < $1.key }) {
            let (name, project) = instance(url)
            StandardError.line(line(name, keys.text ?? "", project: project))
        }
    }

    /// The name and the project in the URL of an instance.
    static func instance(_ url: String) -> (name: String, project: String) {
        let parts = url.split(separator: "?", maxSplits: 1)
        let name = parts.first?.split(separator: "/").last.map(String.init) ?? url
        let query = parts.dropFirst().first?.split(separator: "&") ?? []
        let project = query.first { $0.hasPrefix("project=") }?.dropFirst("project=".count)
        return (name, project.map(String.init) ?? Project.defaultName)
    }

    static func line(_ name: String, _ keys: String, project: String) -> String {
        let isDefault = project == Project.defaultName
        let command = isDefault ? "lx restart \(name)" : "lx restart --project \(project) \(name)"
        let place = isDefault ? "" : " of project \"\(project)\""
        return "Instance \"\(name)\"\(place) takes \(keys) at its next start (\(command))"
    }
}
