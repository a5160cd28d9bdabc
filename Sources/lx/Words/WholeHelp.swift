import ArgumentParser

/// What `--sub-commands` asks for: how a command is used, and every command below it.
struct WholeHelp: Error {
    let command: any ParsableCommand.Type

    var text: String { Self.texts(command).joined(separator: "\n\n") }

    private static func texts(_ command: any ParsableCommand.Type) -> [String] {
        [LX.helpMessage(for: command)] + command.configuration.subcommands.flatMap(texts)
    }
}
