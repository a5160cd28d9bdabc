import ArgumentParser
import LexAPI
import LexClient

/// `lx image edit`
struct ImageEdit: Command {
    static let configuration = CommandConfiguration(
        commandName: "edit", abstract: "Change the properties of an image in an editor.",
        discussion: "When standard input is not a terminal, the new properties are read from there.")

    @Argument(help: "An alias, or the beginning of a fingerprint.", completion: Names.images)
    var image: String
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withServer(of: image) { client, name in
            let (image, tag) = try await ImageNames.tagged(name, on: client)
            try await Editor.edit(EditorText.image + YAMLText.document(Tree(ImageView(of: image)))) { text in
                let update = try YAMLInput.decode(Image.Update.self, from: text)
                try await client.call(
                    API.images.update, path: ["fingerprint": image.fingerprint], body: update, ifMatch: tag)
            }
        }
    }
}
