import ArgumentParser

/// Puts what was typed into the form that ArgumentParser takes, so that everything the stock client takes works.
///
/// Most lines need little: options of all commands before the command (`lx --project x list`), short options with an
/// equals sign (`-f=csv`), a command for `exec` without `--` before it. What ArgumentParser then still refuses is read
/// once more by ``FlagWords``, which knows the options of the command and takes far more, but is slower.
struct Arguments {
    /// Options of all commands that are followed by a value.
    static let globalWithValue: Set<String> = ["--project"]
    /// Options of ArgumentParser's own, for shells and tools; nothing of ours happens to their words.
    private static let foreign: Set<String> = [
        "--generate-completion-script", "---completion", "--experimental-dump-help", "--help-hidden",
    ]

    /// The names of the commands, from the outermost on.
    private(set) var path: [String] = []
    /// The innermost command.
    private(set) var command: any ParsableCommand.Type = LX.self
    /// The options that stand before or between the names of the commands.
    private(set) var options: [String] = []
    /// Everything behind the last command's name.
    private(set) var rest: ArraySlice<String>

    init(_ words: [String]) {
        rest = words[...]
        // The words of the command itself begin at the first that is no command; options may stand between them.
        while let word = rest.first, word != "--" {
            if word.hasPrefix("-") {
                // The stock client hides some commands unless told so; here nothing is hidden.
                if word != "--all" || command != LX.self { options.append(word) }
                rest = rest.dropFirst()
                if Self.globalWithValue.contains(word), let value = rest.popFirst() { options.append(value) }
            } else if let next = command.configuration.subcommands.first(where: { $0.answers(to: word) }) {
                path.append(word)
                rest = rest.dropFirst()
                command = next
                if command.configuration.subcommands.isEmpty { break }
            } else {
                break
            }
        }
    }

    /// The words for ArgumentParser. Throws ``Misuse`` for a command there is not.
    func normalised() throws -> [String] {
        if options.contains(where: Self.foreign.contains) || options.first?.hasPrefix("---") == true {
            return options + path + rest
        }
        if options.contains("--version") { return ["--version"] }
        if wantsWholeHelp { throw WholeHelp(command: command) }
        if !command.configuration.subcommands.isEmpty, let word = rest.first, word != "--" {
            guard word == "help" else { throw Misuse.unknownCommand(word, of: path, among: command) }
            return path + rest
        }
        let words = Self.withWholeConsole(command == Exec.self ? Self.execWords(options + rest) : options + rest)
        if words.prefix(while: { $0 != "--" }).contains(where: Self.hasEqualsAfterLetter) { return try exact() }
        return path + words
    }

    /// A console without a kind gets its value: it never takes the next word, which ArgumentParser would give it.
    private static func withWholeConsole(_ words: [String]) -> [String] {
        let end = words.firstIndex(of: "--") ?? words.endIndex
        return words[..<end].map { $0 == OptionTable.console ? "\($0)=\(OptionTable.onlyConsole)" : $0 } + words[end...]
    }

    /// Whether the help of all commands below is asked for, too: by `--sub-commands` beside `--help`.
    private var wantsWholeHelp: Bool {
        let words = options + rest.prefix { $0 != "--" }
        guard words.contains("--sub-commands") else { return false }
        let isGroup = !command.configuration.subcommands.isEmpty
        return isGroup || words.contains("--help") || words.contains("-h")
    }

    /// The same, with the options of the command known: for what ArgumentParser refused.
    func exact() throws -> [String] {
        guard command.configuration.subcommands.isEmpty || rest.isEmpty else { return try normalised() }
        let words = FlagWords(of: command, path: path, operandsBeforeCommand: command == Exec.self ? 1 : nil)
        return path + (try words.rewritten(options + rest))
    }

    static func normalised(_ words: [String]) throws -> [String] { try Arguments(words).normalised() }

    /// `-f=csv` or `-f=true`: only who knows the option can say what the second part is.
    private static func hasEqualsAfterLetter(_ word: String) -> Bool {
        word.hasPrefix("-") && !word.hasPrefix("--") && word.dropFirst(2).first == "="
    }

    /// For `exec`: the options stand before or directly behind the instance; from the first word that is neither, all
    /// belongs to the command, whatever it looks like.
    static func execWords(_ words: [String]) -> [String] {
        var rest = words[...]
        var result: [String] = []
        var instance: String?
        while let word = rest.popFirst() {
            if word == "--" {
                return result + (instance.map { [$0] } ?? []) + ["--"] + rest
            } else if word.hasPrefix("-"), word.count > 1 {
                result.append(word)
                if Exec.optionsWithValue.contains(word), let value = rest.popFirst() { result.append(value) }
            } else if instance == nil {
                instance = word
            } else {
                return result + (instance.map { [$0] } ?? []) + ["--", word] + rest
            }
        }
        return result + (instance.map { [$0] } ?? [])
    }
}

extension ParsableCommand {
    /// Every command says its name: to make one out of the name of a type costs a tenth of what `lx list` does.
    fileprivate static func answers(to word: String) -> Bool {
        configuration.commandName == word || configuration.aliases.contains(word)
    }
}
