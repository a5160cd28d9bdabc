import ArgumentParser
import LexAPI
import LexClient

/// `lx image info`
struct ImageInfo: Command {
    static let configuration = CommandConfiguration(
        commandName: "info", abstract: "Show what an image is.")

    @Argument(help: "An alias, or the beginning of a fingerprint.")
    var image: String
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withServer(of: image) { client, name in
            let image = try await ImageNames.image(name, on: client)
            try StandardOutput.write(ImageReport.text(image))
        }
    }
}
