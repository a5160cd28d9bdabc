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
            let fingerprint = try await ImageNames.fingerprint(of: name, on: client)
            let image = try await client.call(API.images.get, path: ["fingerprint": fingerprint])
            try StandardOutput.write(ImageReport.text(image))
        }
    }
}
