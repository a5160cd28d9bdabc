import ArgumentParser
import LexAPI
import LexClient

/// `lx network forward edit`
struct NetworkForwardEdit: Command {
    static let configuration = CommandConfiguration(
        commandName: "edit", abstract: "Change a forward in an editor.",
        discussion: "When standard input is not a terminal, the new forward is read from there.")

    @OptionGroup var forward: NetworkForwardArguments
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withServer(of: forward.network) { client, name in
            let path = ["network": name, "address": forward.listenAddress]
            let answer = try await client.answer(API.networkForwards.get, path: path)
            try await Editor.edit(EditorText.forward + YAMLText.document(Tree(answer.reply))) { text in
                let update = try YAMLInput.decode(NetworkForward.Update.self, from: text)
                try await client.call(API.networkForwards.update, path: path, body: update, ifMatch: answer.etag)
            }
        }
    }
}
