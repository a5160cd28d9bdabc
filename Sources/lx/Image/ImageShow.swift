import ArgumentParser
import LexAPI
import LexClient

/// `lx image show`
struct ImageShow: Command {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show the properties of an image.")

    @Argument(help: "An alias, or the beginning of a fingerprint.")
    var image: String
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withServer(of: image) { client, name in
            let image = try await ImageNames.image(name, on: client)
            try StandardOutput.yaml(ImageView(of: image))
        }
    }
}
