import ArgumentParser
import LexAPI
import LexClient

/// The options of one command, as its declaration names them.
struct OptionTable {
    /// One option.
    struct Option: Equatable {
        /// All its names, with their dashes.
        let names: [String]
        let takesValue: Bool

        /// The name by which it is handed on: the long one where there is one.
        var written: String { names.first { $0.hasPrefix("--") } ?? names.first ?? "" }
        /// The names as the stock client lists them: `-f, --force`.
        var shown: String { names.sorted { $0.count < $1.count }.joined(separator: ", ") }
        /// What it means without a value, for the one option whose value may be missing; it never takes the next word.
        var valueAlone: String? {
            takesValue && written == OptionTable.console ? OptionTable.onlyConsole : nil
        }
    }

    /// The one option whose value may be missing, and what it then is.
    static let console = "--console"
    static let onlyConsole = "console"

    private var options: [String: Option] = [:]

    init(of command: any ParsableCommand.Type) {
        // ArgumentParser says what a command takes only as JSON. It takes a millisecond, and is asked for only when
        // the quick way has failed.
        guard let tree = try? JSONValue.parse(Array(command._dumpHelp().utf8)) else { return }
        for argument in tree["command"]?["arguments"]?.elements ?? [] {
            guard let kind = argument["kind"]?.text, kind != "positional" else { continue }
            let names = (argument["names"]?.elements ?? []).compactMap { name -> String? in
                guard let text = name["name"]?.text else { return nil }
                return (name["kind"]?.text == "long" ? "--" : "-") + text
            }
            add(Option(names: names, takesValue: kind == "option"))
        }
    }

    init(_ options: [Option]) {
        for option in options { add(option) }
    }

    private mutating func add(_ option: Option) {
        for name in option.names { options[name] = option }
    }

    func long(_ name: String) -> Option? { options[name] }
    func short(_ letter: Character) -> Option? { options["-\(letter)"] }
}
