import ArgumentParser
import LexAPI
import LexClient

/// `lx image delete`
struct ImageDelete: Command {
    static let configuration = CommandConfiguration(
        commandName: "delete", abstract: "Delete images; instances made from them stay.", aliases: ["rm"])

    @Argument(
        help: ArgumentHelp("Aliases, or beginnings of fingerprints.", valueName: "image"), completion: Names.images)
    var images: [String]
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        for image in images {
            try await global.withServer(of: image) { client, name in
                let fingerprint = try await ImageNames.image(name, on: client).fingerprint
                try await global.run(
                    client, saying: "Deleting the image \(name)", API.images.delete,
                    path: ["fingerprint": fingerprint])
                global.say("Deleted the image \(name)")
            }
        }
    }
}
