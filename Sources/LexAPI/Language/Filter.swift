/// The `filter` of a list: `status eq Running and not config.user.role eq test`.
///
/// Clauses of a field, an operator (`eq`, `ne`) and a value are joined by `and` and `or`, judged from left to right;
/// `not` turns a clause round. Fields are the names on the wire, dotted into maps. Text is compared as a regular
/// expression without regard to case, from end to end unless the value has its own `^` or `$`; a value with spaces
/// stands in quotes (LXD's `lxd/filter`).
public struct Filter: Sendable {
    private struct Clause: Sendable {
        var joinedByOr: Bool
        var isNegated: Bool
        var field: [String]
        var isUnequal: Bool
        var wanted: Wanted
    }
    private enum Wanted: Sendable {
        /// In lower case.
        case text(String)
        case pattern(Pattern)
    }
    private let clauses: [Clause]

    /// The longest filter taken, in bytes.
    private static let longest = 4096

    /// Reads a filter; empty text fits everything. Throws a 400 that begins with LXD's "Invalid filter".
    public init(_ text: String) throws(APIError) {
        func invalid(_ why: String) -> APIError { .badRequest("Invalid filter: \(why)") }
        guard text.utf8.count <= Self.longest else { throw invalid("it is longer than \(Self.longest) bytes") }
        var words = try Self.words(text)[...]
        var clauses: [Clause] = []
        var joinedByOr = false
        while var word = words.popFirst() {
            var isNegated = false
            if word.lowercased() == "not" {
                isNegated = true
                guard let next = words.popFirst() else { throw invalid("incomplete not clause") }
                word = next
            }
            guard let sign = words.popFirst() else { throw invalid("clause has no operator") }
            guard let value = words.popFirst() else { throw invalid("clause has no value") }
            let isUnequal: Bool
            switch sign.lowercased() {
            case "eq": isUnequal = false
            case "ne": isUnequal = true
            default: throw invalid("there is no operator \"\(clipped(sign))\": use eq or ne")
            }
            clauses.append(
                Clause(
                    joinedByOr: joinedByOr, isNegated: isNegated,
                    field: word.split(separator: ".", omittingEmptySubsequences: false).map(String.init),
                    isUnequal: isUnequal, wanted: try Self.wanted(value)))
            guard let joint = words.popFirst() else { break }
            switch joint.lowercased() {
            case "and": joinedByOr = false
            case "or": joinedByOr = true
            default: throw invalid("invalid clause composition")
            }
            guard !words.isEmpty else { throw invalid("unterminated compound clause") }
        }
        self.clauses = clauses
    }

    /// Whether it fits everything.
    public var isEmpty: Bool { clauses.isEmpty }

    private static func words(_ text: String) throws(APIError) -> [String] {
        var words: [String] = []
        var word = ""
        var isOpen = false
        var wasQuoted = false
        for character in text {
            switch character {
            case "\"":
                isOpen.toggle()
                wasQuoted = true
            case _ where character.isWhitespace && !isOpen:
                if !word.isEmpty || wasQuoted { words.append(word) }
                word = ""
                wasQuoted = false
            default: word.append(character)
            }
        }
        guard !isOpen else { throw .badRequest("Invalid filter: a quote is not closed") }
        if !word.isEmpty || wasQuoted { words.append(word) }
        return words
    }

    /// What a value of the filter stands for. Most are plain words; only what has a sign of a regular expression is
    /// made one, and what is none after all is compared as it stands, as LXD does.
    private static func wanted(_ value: String) throws(APIError) -> Wanted {
        let signs = "^$.*+?()[]{}|\\".utf8
        guard value.utf8.contains(where: { signs.contains($0) }) else { return .text(value.lowercased()) }
        guard value.utf8.count <= Pattern.longest else {
            throw .badRequest("Invalid filter: a value is longer than \(Pattern.longest) bytes")
        }
        let anchored = value.contains("^") || value.contains("$") ? value : "^(?:\(value))$"
        return Pattern(anchored).map { .pattern($0) } ?? .text(value.lowercased())
    }

    /// Whether an object, as it is on the wire, fits.
    public func fits(_ object: JSONValue) -> Bool {
        var result = true
        for clause in clauses {
            let text = Self.value(clause.field[...], in: object)
            var fits = text.map { Self.isEqual($0, clause.wanted) } ?? false
            if clause.isUnequal { fits.toggle() }
            if clause.isNegated { fits.toggle() }
            result = clause.joinedByOr ? result || fits : result && fits
        }
        return result
    }

    private static func value(_ field: ArraySlice<String>, in object: JSONValue) -> String? {
        guard let first = field.first else {
            switch object {
            case .string(let text): return text
            case .int(let number): return String(number)
            case .bool(let truth): return String(truth)
            case .double(let number): return String(number)
            case .null, .array, .object: return nil
            }
        }
        guard case .object(let members) = object else { return nil }
        // The keys of a configuration have dots themselves: `config.user.role`.
        if let whole = members[field.joined(separator: ".")] { return value([], in: whole) }
        return members[first].flatMap { value(field.dropFirst(), in: $0) }
    }

    private static func isEqual(_ text: String, _ wanted: Wanted) -> Bool {
        switch wanted {
        case .text(let wanted): text.lowercased() == wanted
        case .pattern(let pattern): pattern.isFound(in: text.unicodeScalars.prefix(1024))
        }
    }
}
