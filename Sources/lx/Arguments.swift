import ArgumentParser

/// Puts what was typed into the form that ArgumentParser takes, so that everything the stock client takes works:
/// options of all commands before the command (`lx --project x list`), short options with an equals sign (`-f=csv`),
/// and a command for `exec` without `--` before it.
enum Arguments {
    /// Options of all commands that are followed by a value.
    private static let globalWithValue: Set<String> = ["--project"]

    static func normalised(_ words: [String]) -> [String] {
        var rest = words[...]
        var path: [String] = []
        var options: [String] = []
        var command: any ParsableCommand.Type = LX.self
        // The words of the command itself end at the first that is no command; options may stand between them.
        while let word = rest.first, word != "--" {
            if word.hasPrefix("-") {
                options.append(word)
                rest = rest.dropFirst()
                if globalWithValue.contains(word), let value = rest.popFirst() { options.append(value) }
            } else if let next = command.configuration.subcommands.first(where: { $0.answers(to: word) }) {
                path.append(word)
                rest = rest.dropFirst()
                command = next
                if command.configuration.subcommands.isEmpty { break }
            } else {
                break
            }
        }
        if options.contains("--version") { return ["--version"] }
        if command == Exec.self { return path + execWords(options + rest) }
        let end = rest.firstIndex(of: "--") ?? rest.endIndex
        return path + (options + rest[..<end]).flatMap(splittingEquals) + rest[end...]
    }

    /// `-f=csv` as two words.
    private static func splittingEquals(_ word: String) -> [String] {
        let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let flag = parts.first, let value = parts.last, flag.count == 2, flag.hasPrefix("-"),
            flag != "--"
        else { return [word] }
        return [String(flag), String(value)]
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
    fileprivate static func answers(to word: String) -> Bool {
        _commandName == word || configuration.aliases.contains(word)
    }
}
