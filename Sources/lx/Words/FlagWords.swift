import ArgumentParser

/// Reads the options of one command as the stock client's library does: joined (`-fcsv`, `-tc2-m4`), in groups whose
/// last may take a value (`-ec limits.cpu=2`), with an equals sign (`-e=true`, `--force=false`), before, between and
/// behind the operands until `--`, the last of a repeated one counting.
struct FlagWords {
    private let table: OptionTable
    private let path: [String]
    /// How many operands stand before a command that takes everything behind them; nil where there is no such command.
    private let operandsBeforeCommand: Int?

    init(of command: any ParsableCommand.Type, path: [String], operandsBeforeCommand: Int? = nil) {
        self.init(OptionTable(of: command), path: path, operandsBeforeCommand: operandsBeforeCommand)
    }

    init(_ table: OptionTable, path: [String], operandsBeforeCommand: Int? = nil) {
        self.table = table
        self.path = path
        self.operandsBeforeCommand = operandsBeforeCommand
    }

    /// The options, each in its long form and with its value in the same word, then `--` and the operands.
    func rewritten(_ words: [String]) throws -> [String] {
        var rest = words[...]
        var options: [String] = []
        var operands: [String] = []
        while let word = rest.popFirst() {
            if word == "--" {
                operands += rest
                break
            } else if word.hasPrefix("--") {
                try long(word, &rest, &options)
            } else if word.hasPrefix("-"), word.count > 1 {
                try short(word, &rest, &options)
            } else {
                operands.append(word)
                if let operandsBeforeCommand, operands.count > operandsBeforeCommand {
                    operands += rest
                    break
                }
            }
        }
        return options + (operands.isEmpty ? [] : ["--"] + operands)
    }

    private func long(_ word: String, _ rest: inout ArraySlice<String>, _ options: inout [String]) throws {
        let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let name = parts.first ?? word
        guard let option = table.long(name) else { throw Misuse("unknown flag: \(name)", of: path) }
        if parts.count == 2 {
            try append(option, parts[1], &options)
        } else if !option.takesValue {
            options.append(option.written)
        } else if let value = option.valueAlone ?? rest.popFirst() {
            try append(option, value, &options)
        } else {
            throw Misuse("flag needs an argument: \(name)", of: path)
        }
    }

    private func short(_ word: String, _ rest: inout ArraySlice<String>, _ options: inout [String]) throws {
        var letters = word.dropFirst()
        while let letter = letters.popFirst() {
            guard let option = table.short(letter) else {
                throw Misuse("unknown shorthand flag: '\(letter)' in -\(letter)\(letters)", of: path)
            }
            if letters.first == "=" {
                return try append(option, String(letters.dropFirst()), &options)
            } else if !option.takesValue {
                options.append(option.written)
            } else if !letters.isEmpty {
                return try append(option, String(letters), &options)
            } else if let value = option.valueAlone ?? rest.popFirst() {
                return try append(option, value, &options)
            } else {
                throw Misuse("flag needs an argument: '\(letter)' in -\(letter)", of: path)
            }
        }
    }

    private func append(_ option: OptionTable.Option, _ value: String, _ options: inout [String]) throws {
        guard !option.takesValue else {
            options += option.written.hasPrefix("--") ? ["\(option.written)=\(value)"] : [option.written, value]
            return
        }
        switch value {
        case "1", "t", "T", "TRUE", "true", "True": options.append(option.written)
        // ArgumentParser cannot unset a flag: take it away again.
        case "0", "f", "F", "FALSE", "false", "False": options.removeAll { $0 == option.written }
        default:
            throw Misuse(
                "invalid argument \"\(value)\" for \"\(option.shown)\" flag: only true and false can stand there",
                of: path)
        }
    }
}
