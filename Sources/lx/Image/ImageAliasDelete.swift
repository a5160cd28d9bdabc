import ArgumentParser
import LexAPI
import LexClient

/// `lx image alias delete`
struct ImageAliasDelete: Command {
    static let configuration = CommandConfiguration(
        commandName: "delete", abstract: "Take a name away from an image; the image stays.", aliases: ["rm"])

    @Argument(help: "The name.", completion: Names.images)
    var alias: String
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withServer(of: alias) { client, name in
            try await client.call(API.images.deleteAlias, path: ["name": name])
            global.say("Deleted the alias \(name)")
        }
    }
}
