import Glibc

/// Keys and values as they stand on the command line.
enum KeyValues {
    /// `key=value…`, or the two words `key value`. A value `-` is read from standard input, unless that is a terminal.
    static func parse(_ words: [String], input: () throws -> String? = StandardInput.all) throws -> [String: String] {
        if words.count == 2, let key = words.first, let value = words.last, !key.contains("=") {
            return [key: try resolved(value, input)]
        }
        return try assignments(words).mapValues { try resolved($0, input) }
    }

    /// Only `key=value…`.
    static func assignments(_ words: [String]) throws -> [String: String] {
        var result: [String: String] = [:]
        for word in words {
            guard let (key, value) = split(word) else {
                throw Failure("\"\(word)\" is not a key and a value; write it as KEY=VALUE")
            }
            result[key] = value
        }
        return result
    }

    /// The two sides of the first equals sign.
    static func split(_ word: String) -> (key: String, value: String)? {
        guard let sign = word.firstIndex(of: "="), sign != word.startIndex else { return nil }
        return (String(word[..<sign]), String(word[word.index(after: sign)...]))
    }

    private static func resolved(_ value: String, _ input: () throws -> String?) throws -> String {
        value == "-" ? try input() ?? value : value
    }
}

/// What stands on standard input.
enum StandardInput {
    /// All of it; nil when a person sits there.
    static func all() throws -> String? {
        guard !Terminal.isTerminal(0) else { return nil }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let got = read(0, &buffer, buffer.count)
            if got > 0 {
                bytes += buffer.prefix(got)
            } else if got == 0 || errno == EBADF {
                // Closed input is empty input: cron and systemd start programs so.
                return String(decoding: bytes, as: UTF8.self)
            } else if errno != EINTR {
                throw Failure("Cannot read standard input: \(String(cString: strerror(errno)))")
            }
        }
    }

    /// The next line a person types; nil at the end.
    static func line() -> String? { readLine(strippingNewline: true) }
}
