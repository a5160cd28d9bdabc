import ArgumentParser

/// `lx alias`
struct AliasCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "alias", abstract: "Look after words of your own that stand for commands.",
        subcommands: [AliasAdd.self, AliasList.self, AliasRemove.self, AliasRename.self])
}
