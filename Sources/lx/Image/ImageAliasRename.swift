import ArgumentParser
import LexAPI
import LexClient

/// `lx image alias rename`
struct ImageAliasRename: Command {
    static let configuration = CommandConfiguration(
        commandName: "rename", abstract: "Change a name of an image.", aliases: ["mv"])

    @Argument(help: "The name.", completion: Names.images)
    var alias: String
    @Argument(help: "The new name.")
    var newName: String
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withServer(of: alias) { client, name in
            try await client.call(API.images.renameAlias, path: ["name": name], body: .init(name: newName))
        }
    }
}
