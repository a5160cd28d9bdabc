import ArgumentParser
import LexAPI
import LexClient

/// `lx storage edit`
struct StorageEdit: Command {
    static let configuration = CommandConfiguration(
        commandName: "edit", abstract: "Change a storage pool in an editor.")

    @Argument(help: "The storage pool.", completion: Names.pools)
    var pool: String
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withServer(of: pool) { client, name in
            let answer = try await client.answer(API.storagePools.get, path: ["name": name])
            try await Editor.edit(EditorText.storagePool + YAMLText.document(try Tree(answer.reply))) { text in
                let update = try YAMLInput.decode(StoragePool.Update.self, from: text)
                try await global.run(
                    client, saying: "Configuring the storage pool \(name)", API.storagePools.update,
                    path: ["name": name], body: update, ifMatch: answer.etag)
            }
        }
    }
}
