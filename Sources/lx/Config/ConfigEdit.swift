import ArgumentParser
import LexAPI
import LexClient

/// `lx config edit`
struct ConfigEdit: Command {
    static let configuration = CommandConfiguration(
        commandName: "edit",
        abstract: "Change the configuration of an instance, a snapshot or the server in an editor.",
        discussion: "When standard input is not a terminal, the new configuration is read from there.")

    @Argument(
        help: ArgumentHelp("The instance, or a snapshot of it; the server when none is named.", valueName: "instance"),
        completion: Names.instances)
    var name: String = ""
    @OptionGroup var member: TargetOption<ServerRefusal>
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try member.check(instance: name)
        try await global.withServer(of: name) { client, name in
            if name.isEmpty { return try await editServer(client) }
            let path = try SnapshotPath(name)
            if path.snapshot == nil { try await editInstance(client, name) } else { try await edit(path, client) }
        }
    }

    private func editServer(_ client: Client) async throws {
        let answer = try await client.answer(API.server.get)
        let shown = try Tree(["config": answer.reply.config ?? [:]])
        try await Editor.edit(EditorText.server + YAMLText.document(shown)) { text in
            let update = try YAMLInput.decode(Server.Update.self, from: text)
            try await client.call(API.server.update, body: update, ifMatch: answer.etag)
        }
    }

    private func edit(_ snapshot: SnapshotPath, _ client: Client) async throws {
        let answer = try await client.answer(API.instances.getSnapshot, path: snapshot.path)
        var shown = try Tree(answer.reply)
        if case .map(let members) = shown {
            shown = .map(members.filter { !$0.name.hasPrefix("expanded_") })
        }
        try await Editor.edit(EditorText.snapshot + YAMLText.document(shown)) { text in
            let update = try YAMLInput.decode(Instance.Snapshot.Update.self, from: text)
            try await global.run(
                client, saying: "Configuring \(snapshot.instance)", API.instances.updateSnapshot,
                path: snapshot.path, body: update, ifMatch: answer.etag)
        }
    }

    private func editInstance(_ client: Client, _ name: String) async throws {
        let answer = try await client.answer(API.instances.get, path: ["name": name])
        var shown = try Tree(answer.reply)
        if case .map(let members) = shown {
            shown = .map(members.filter { !$0.name.hasPrefix("expanded_") })
        }
        try await Editor.edit(EditorText.instance + YAMLText.document(shown)) { text in
            let update = try YAMLInput.decode(Instance.Update.self, from: text)
            try await RestartNotice.update(name, client, global, update, ifMatch: answer.etag)
        }
    }
}
