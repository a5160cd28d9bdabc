import ArgumentParser

/// What `--sub-commands` asks for: how a command is used, and every command below it.
struct WholeHelp: Error {
    let command: any ParsableCommand.Type

    var text: String { Self.texts(command).joined(separator: "\n\n") }

    private static func texts(_ command: any ParsableCommand.Type) -> [String] {
        [HelpText.withWholeValues(LX.helpMessage(for: command))] + command.configuration.subcommands.flatMap(texts)
    }
}

/// Help as ArgumentParser writes it, put right.
enum HelpText {
    /// A value that may be missing stands in the same word, never in the next: `--console[=<type>]`.
    static func withWholeValues(_ text: String) -> String {
        text.replacing("\(OptionTable.console) [<type>]", with: "\(OptionTable.console)[=<type>]")
    }
}
