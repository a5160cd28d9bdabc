import ArgumentParser
import LexAPI
import LexClient

/// `lx config metadata`
struct ConfigMetadata: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "metadata", abstract: "Look after what instances have of their images' metadata.",
        subcommands: [ConfigMetadataEdit.self, ConfigMetadataShow.self])
}

/// `lx config metadata show`
struct ConfigMetadataShow: Command {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show the image metadata of an instance.")

    @Argument(help: "The instance.", completion: Names.instances)
    var instance: String
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withServer(of: instance) { client, name in
            try StandardOutput.yaml(try await client.call(API.instances.metadata, path: ["name": name]))
        }
    }
}

/// `lx config metadata edit`
struct ConfigMetadataEdit: Command {
    static let configuration = CommandConfiguration(
        commandName: "edit", abstract: "Change the image metadata of an instance in an editor.",
        discussion: "When standard input is not a terminal, the new metadata is read from there.")

    @Argument(help: "The instance.", completion: Names.instances)
    var instance: String
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withServer(of: instance) { client, name in
            let answer = try await client.answer(API.instances.metadata, path: ["name": name])
            let text = try EditorText.metadata + YAMLText.document(Tree(answer.reply))
            try await Editor.edit(text) { text in
                let metadata = try YAMLInput.decode(Instance.Metadata.self, from: text)
                try await client.call(
                    API.instances.updateMetadata, path: ["name": name], body: metadata, ifMatch: answer.etag)
            }
        }
    }
}
