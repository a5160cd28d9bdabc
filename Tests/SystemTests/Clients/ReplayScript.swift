import FoundationEssentials

/// One line of Replay.txt: a command, and what is said about it below.
struct ReplayLine: Equatable {
    /// What two clients can do differently.
    enum Difference: String, CaseIterable {
        case status, output, errors
    }

    let scenario: String
    /// The command.
    let text: String
    /// Whether it must fail.
    let fails: Bool
    var input: String?
    /// Of the output only the lines with this text count.
    var only: String?
    /// The differences that are meant, with the reasons.
    var meant: [Difference: String] = [:]

    /// The words, taken apart as a shell does with single quotes.
    var words: [String] {
        var words: [String] = []
        var word: String?
        var isQuoted = false
        for letter in text {
            if letter == "'" {
                isQuoted.toggle()
                word = word ?? ""
            } else if letter == " " && !isQuoted {
                if let word { words.append(word) }
                word = nil
            } else {
                word = (word ?? "") + String(letter)
            }
        }
        return words + (word.map { [$0] } ?? [])
    }
}

/// Replay.txt, whose head says what can stand in it.
enum ReplayScript {
    private static let directory = String(#filePath.dropLast("ReplayScript.swift".count))

    static func load() throws -> [ReplayLine] {
        try parse(String(decoding: Data(contentsOf: URL(filePath: directory + "Replay.txt")), as: UTF8.self))
    }

    static func parse(_ text: String) throws -> [ReplayLine] {
        var lines: [ReplayLine] = []
        var scenario = ""
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            if line.hasPrefix("[") {
                scenario = String(line.dropFirst().prefix { $0 != "]" })
            } else if line.hasPrefix("    "), var last = lines.popLast() {
                try note(String(line.dropFirst(4)), on: &last)
                lines.append(last)
            } else {
                let fails = line.hasPrefix("! ")
                lines.append(
                    ReplayLine(scenario: scenario, text: String(fails ? line.dropFirst(2) : line), fails: fails))
            }
        }
        return lines
    }

    private static func note(_ note: String, on line: inout ReplayLine) throws {
        let parts = note.split(separator: ": ", maxSplits: 1).map(String.init)
        guard let key = parts.first, let value = parts.last, parts.count == 2 else { throw Misread(text: note) }
        switch key {
        case "input": line.input = value.replacing("\\n", with: "\n")
        case "only": line.only = value
        case "status differs": line.meant[.status] = value
        case "output differs": line.meant[.output] = value
        case "errors differ": line.meant[.errors] = value
        default: throw Misread(text: note)
        }
    }

    /// A note that says nothing the test understands.
    struct Misread: Error {
        let text: String
    }
}
