import ArgumentParser
import LexAPI
import LexClient

/// `lx image alias create`
struct ImageAliasCreate: Command {
    static let configuration = CommandConfiguration(
        commandName: "create", abstract: "Give an image a name.")

    @Argument(help: "The new name.")
    var alias: String
    @Argument(help: "The fingerprint of the image or its beginning.")
    var fingerprint: String
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withServer(of: alias) { client, name in
            let image = try await client.call(API.images.get, path: ["fingerprint": fingerprint])
            try await client.call(
                API.images.createAlias, body: .init(name: name, target: image.fingerprint, type: image.type))
        }
    }
}
