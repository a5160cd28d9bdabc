import ArgumentParser

/// `lx image alias`
struct ImageAliasCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "alias", abstract: "Look after the names of images.",
        subcommands: [ImageAliasCreate.self, ImageAliasDelete.self, ImageAliasList.self, ImageAliasRename.self])
}
