import ArgumentParser

/// Words that make no command: said in the stock client's words, and where to look.
struct Misuse: Error, CustomStringConvertible, Equatable {
    let description: String

    /// - Parameter path: The commands that were understood.
    init(_ problem: String, of path: [String]) {
        description = "\(problem)\nSee '\((["lx"] + path).joined(separator: " ")) --help' for more information."
    }

    /// A word where a command was to stand, with the commands that look like it.
    static func unknownCommand(_ word: String, of path: [String], among group: any ParsableCommand.Type) -> Misuse {
        let name = (["lx"] + path).joined(separator: " ")
        let similar = group.configuration.subcommands.compactMap { $0.configuration.commandName }
            .filter { isSimilar($0, word.lowercased()) }
        let hint = similar.isEmpty ? "" : "\n\nDid you mean this?\n\(similar.map { "\t\($0)\n" }.joined())"
        return Misuse("unknown command \"\(word)\" for \"\(name)\"\(hint)", of: path)
    }

    private static func isSimilar(_ command: String, _ word: String) -> Bool {
        command.hasPrefix(word) || distance(Array(command.utf8), Array(word.utf8)) <= 2
    }

    /// How many letters have to be changed, added or removed to make one of the other.
    private static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
        var row = Array(0...right.count)
        for (number, letter) in left.enumerated() {
            var next = [number + 1]
            for (place, other) in right.enumerated() {
                next.append(min(row[place] + (letter == other ? 0 : 1), row[place + 1] + 1, next[place] + 1))
            }
            row = next
        }
        return row.last ?? 0
    }
}
