import ArgumentParser
import LexAPI
import LexClient

/// `lx image refresh`
struct ImageRefresh: Command {
    static let configuration = CommandConfiguration(
        commandName: "refresh", abstract: "Bring images to what their source has now.")

    @Argument(
        help: ArgumentHelp("Aliases, or beginnings of fingerprints.", valueName: "image"), completion: Names.images)
    var images: [String]
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        for image in images {
            try await global.withServer(of: image) { client, name in
                let fingerprint = try await ImageNames.image(name, on: client).fingerprint
                let operation = try await global.run(
                    client, saying: "Refreshing the image", API.images.refresh, path: ["fingerprint": fingerprint])
                guard !global.quiet else { return }
                if operation?.metadata?["refreshed"] == .bool(true) {
                    try StandardOutput.line("Image refreshed successfully!")
                } else {
                    try StandardOutput.line("Image already up to date.")
                }
            }
        }
    }
}
