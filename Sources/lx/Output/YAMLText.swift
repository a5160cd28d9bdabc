import Yams

/// YAML as the stock client writes it: what would be read as another type than text stands in double quotes.
enum YAMLText {
    /// A document with a newline at its end.
    static func document(_ tree: Tree) throws -> String {
        try Yams.serialize(node: node(tree), allowUnicode: true)
    }

    private static func node(_ tree: Tree) -> Node {
        // Tags are always given: Yams finds out a missing one with a dozen regular expressions.
        switch tree {
        case .nothing(.value): .scalar(.init("null", Tag(.null), .plain))
        case .nothing(.list): .sequence(.init([], Tag(.seq), .flow))
        case .nothing(.map): .mapping(.init([], Tag(.map), .flow))
        case .bool(let value): .scalar(.init(value ? "true" : "false", Tag(.bool), .plain))
        case .integer(let value): .scalar(.init(String(value), Tag(.int), .plain))
        case .unsigned(let value): .scalar(.init(String(value), Tag(.int), .plain))
        case .number(let value): .scalar(.init(JSONText.number(value), Tag(.float), .plain))
        case .moment(let value): .scalar(.init(value, Tag(.timestamp), .plain))
        case .text(let value): .scalar(.init(value, Tag(.str), style(value)))
        case .list(let elements):
            .sequence(.init(elements.map(node), Tag(.seq), elements.isEmpty ? .flow : .block))
        case .map(let members):
            .mapping(
                .init(
                    members.map { (.scalar(.init($0.name, Tag(.str), style($0.name))), node($0.value)) }, Tag(.map),
                    members.isEmpty ? .flow : .block))
        }
    }

    /// The emitter itself leaves the plain style where YAML's grammar demands it, and the literal style where it
    /// cannot hold the text.
    private static func style(_ text: String) -> Node.Scalar.Style {
        if text.unicodeScalars.contains("\n") { return .literal }
        return isPlainText(text) ? .plain : .doubleQuoted
    }

    /// Whether YAML 1.1 reads the unquoted text as text. Beyond YAML 1.1 this is how Go's library sees it, which takes
    /// `0b101` and `0o17` for numbers.
    static func isPlainText(_ text: String) -> Bool {
        guard let first = text.utf8.first else { return false }
        switch first {
        case UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "0")...UInt8(ascii: "9"):
            return !isNumber(text) && !isMoment(text) && !isBase60(text)
        default: return !words.contains(text)
        }
    }

    private static let words: Set<String> = {
        var words: Set<String> = ["", "~"]
        for word in ["y", "n", "yes", "no", "true", "false", "on", "off", "null"] {
            words.formUnion([word, word.uppercased(), word.prefix(1).uppercased() + word.dropFirst()])
        }
        return words
    }()

    private static func isNumber(_ text: String) -> Bool {
        let unsigned = text.hasPrefix("-") || text.hasPrefix("+") ? text.dropFirst() : text[...]
        if [".inf", ".Inf", ".INF"].contains(unsigned) { return true }
        if [".nan", ".NaN", ".NAN"].contains(text) { return true }
        let digits = unsigned.filter { $0 != "_" }
        for (prefix, radix) in [("0x", 16), ("0X", 16), ("0b", 2), ("0o", 8)] where digits.hasPrefix(prefix) {
            return UInt64(digits.dropFirst(2), radix: radix) != nil
        }
        if !digits.isEmpty, digits.utf8.allSatisfy(isDigit) { return true }
        return isFloat(digits)
    }

    /// `[0-9]* (. [0-9]*)? ([eE] [-+]? [0-9]+)?` with at least one digit before the exponent.
    private static func isFloat(_ text: String) -> Bool {
        let halves = text.split(maxSplits: 1, omittingEmptySubsequences: false) { $0 == "e" || $0 == "E" }
        guard let mantissa = halves.first, mantissa.utf8.contains(where: isDigit) else { return false }
        let parts = mantissa.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count <= 2, parts.allSatisfy({ $0.utf8.allSatisfy(isDigit) }) else { return false }
        guard halves.count == 2, let exponent = halves.last else { return true }
        let power = exponent.hasPrefix("-") || exponent.hasPrefix("+") ? exponent.dropFirst() : exponent
        return !power.isEmpty && power.utf8.allSatisfy(isDigit)
    }

    /// A date, or a date and a time: four digits, a hyphen and what may follow.
    private static func isMoment(_ text: String) -> Bool {
        let parts = text.split(maxSplits: 1, omittingEmptySubsequences: false) { "Tt ".contains($0) }
        guard let date = parts.first?.split(separator: "-", omittingEmptySubsequences: false), date.count == 3,
            date[0].utf8.count == 4, date.allSatisfy({ !$0.isEmpty && $0.utf8.count <= 4 }),
            date.allSatisfy({ $0.utf8.allSatisfy(isDigit) }),
            let month = Int(date[1]), (1...12).contains(month), let day = Int(date[2]), (1...31).contains(day)
        else { return false }
        guard parts.count == 2, let time = parts.last else { return true }
        let allowed = time.utf8.allSatisfy { isDigit($0) || ":.+-Zz".utf8.contains($0) }
        return allowed && time.filter { $0 == ":" }.count >= 2
    }

    /// YAML 1.1's numbers to the base 60, `1:30`.
    private static func isBase60(_ text: String) -> Bool {
        let unsigned = text.hasPrefix("-") || text.hasPrefix("+") ? text.dropFirst() : text[...]
        let parts = unsigned.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count >= 2, let head = parts.first, let lead = head.utf8.first, isDigit(lead),
            head.utf8.allSatisfy({ isDigit($0) || $0 == UInt8(ascii: "_") })
        else { return false }
        for (index, part) in parts.enumerated().dropFirst() {
            let halves = part.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
            guard let whole = halves.first, (1...2).contains(whole.utf8.count), let value = UInt8(whole), value < 60,
                halves.count == 1 || index == parts.count - 1
            else { return false }
        }
        return true
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
}
