import ArgumentParser
import LexAPI
import LexClient

/// `lx profile edit`
struct ProfileEdit: Command {
    static let configuration = CommandConfiguration(
        commandName: "edit", abstract: "Change a profile in an editor.",
        discussion: """
            When standard input is not a terminal, the new profile is read from there.
            """)

    @Argument(help: "The profile.", completion: Names.profiles)
    var profile: String
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withServer(of: profile) { client, name in
            let answer = try await client.answer(API.profiles.get, path: ["name": name])
            try await Editor.edit(EditorText.profile + YAMLText.document(Tree(answer.reply))) { text in
                let update = try YAMLInput.decode(Profile.Update.self, from: text)
                try await RestartNotice.update(profile: name, client, global, update, ifMatch: answer.etag)
            }
        }
    }
}
