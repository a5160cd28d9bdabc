import Glibc

/// Words that stand for others: `lx alias`.
enum Aliases {
    /// Those that everybody has; a person's own come first.
    static let standard = ["shell": "exec @ARGS@ -- su -l"]

    /// What an alias stands for, put in its place.
    enum Expansion: Equatable {
        /// Other words for lx.
        case words([String])
        /// A program to be run in place of lx, and its arguments.
        case program(String, [String])
    }

    /// The words with the alias at their beginning replaced by its target, once: an alias may so be called as the
    /// command it stands for. `@ARGS@` in the target stands for all words behind the alias; without it they follow.
    ///
    /// Options of all commands may stand before the alias, and stay there.
    static func expand(_ words: [String], own: [String: String]) -> Expansion? {
        var rest = words[...]
        var options: [String] = []
        while let word = rest.first, word.hasPrefix("-"), word != "--" {
            options.append(rest.removeFirst())
            if Arguments.globalWithValue.contains(word), let value = rest.popFirst() { options.append(value) }
        }
        guard let (name, target) = match(rest, own) ?? match(rest, standard) else { return nil }
        let arguments = Array(rest.dropFirst(name.count))
        var result: [String] = []
        for word in target { result += word == "@ARGS@" ? arguments : [word] }
        if !target.contains("@ARGS@") { result += arguments }
        if let program = result.first, program.hasPrefix("/") {
            return .program(program, Array(result.dropFirst()))
        }
        return .words(options + result)
    }

    /// The alias that the words begin with, the longest of several.
    private static func match(
        _ words: ArraySlice<String>, _ aliases: [String: String]
    ) -> (name: [String], target: [String])? {
        func split(_ text: String) -> [String] { text.split(separator: " ").map(String.init) }
        return aliases.map { (name: split($0.key), target: split($0.value)) }
            .filter { !$0.name.isEmpty && !$0.target.isEmpty && words.starts(with: $0.name) }
            .max { $0.name.count < $1.name.count }
    }

    /// Gives this process to another program. Comes back only when that fails.
    static func become(_ program: String, _ arguments: [String]) throws -> Never {
        // Only what lx itself does with a broken pipe.
        signal(SIGPIPE, SIG_DFL)
        var vector: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { strdup($0) } + [nil]
        execv(program, &vector)
        throw Failure("Cannot run \(program), for which the alias stands: \(String(cString: strerror(errno)))")
    }
}
