import ArgumentParser
import LexAPI
import LexClient

/// `lx network acl edit`
struct NetworkACLEdit: Command {
    static let configuration = CommandConfiguration(
        commandName: "edit", abstract: "Change a network ACL in an editor.",
        discussion: "When standard input is not a terminal, the new ACL is read from there.")

    @Argument(help: "The ACL.")
    var acl: String
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withServer(of: acl) { client, name in
            let answer = try await client.answer(API.networkACLs.get, path: ["name": name])
            try await Editor.edit(EditorText.acl + YAMLText.document(Tree(answer.reply))) { text in
                let update = try YAMLInput.decode(NetworkACL.Update.self, from: text)
                try await client.call(
                    API.networkACLs.update, path: ["name": name], body: update, ifMatch: answer.etag)
            }
        }
    }
}
