/// The value of `snapshots.pattern`: the name of a snapshot that is given none.
///
/// `%d` stands for the next number, `{{ creation_date|date:'2006-01-02' }}` for the moment in a layout of Go's. That is
/// what of Pongo2's language has a meaning in a name.
public struct SnapshotPattern: ConfigValue, Equatable {
    private enum Part: Equatable {
        case text(String)
        case number
        case date(layout: String)
    }
    private let parts: [Part]

    static let summary =
        "The name of a snapshot that is given none: %d stands for the next number, "
        + "{{ creation_date|date:'2006-01-02_15-04-05' }} for the time, written as the reference time is to look."

    /// A name with at most one `%d` and any number of dates, which is a name with whatever they become.
    public init?(configText: String) {
        guard let parts = Self.read(configText), parts.filter({ $0 == .number }).count <= 1 else { return nil }
        self.parts = parts
        let sample = CalendarTime(year: 2006, month: 12, day: 22, hour: 15, minute: 44, second: 55)
        guard (try? ObjectName.validateSnapshot(name(at: sample, taken: []))) != nil else { return nil }
    }

    /// What a snapshot is called that is made at a moment, beside those there are: its number is one more than the
    /// highest, and one is added where the name without is taken.
    public func name(at moment: CalendarTime, taken: [String]) -> String {
        func text(_ parts: some Sequence<Part>) -> String {
            parts.map { part in
                switch part {
                case .text(let text): text
                case .number: ""
                case .date(let layout): moment.text(layout)
                }
            }.joined()
        }
        guard let place = parts.firstIndex(of: .number) else {
            let name = text(parts)
            return taken.contains(name) ? Self.numbered(name + "-", "", taken) : name
        }
        return Self.numbered(text(parts[..<place]), text(parts[(place + 1)...]), taken)
    }

    private static func numbered(_ before: String, _ after: String, _ taken: [String]) -> String {
        let numbers = taken.compactMap { name -> UInt32? in
            guard name.hasPrefix(before), name.hasSuffix(after), name.count > before.count + after.count else {
                return nil
            }
            return Digits.number(name.dropFirst(before.count).dropLast(after.count))
        }
        return before + String(numbers.max().map { UInt64($0) + 1 } ?? 0) + after
    }

    /// Takes the text apart; nil where it is no pattern.
    private static func read(_ text: String) -> [Part]? {
        guard !text.contains("{%"), !text.contains("{#") else { return nil }
        var parts: [Part] = []
        var rest = Substring(text)
        var plain = ""
        func end() { if !plain.isEmpty { parts.append(.text(plain)) }; plain = "" }
        while !rest.isEmpty {
            if rest.hasPrefix("%d") {
                end()
                parts.append(.number)
                rest = rest.dropFirst(2)
            } else if rest.hasPrefix("{{") {
                guard let close = rest.firstRange(of: "}}"),
                    let layout = layout(rest[rest.index(rest.startIndex, offsetBy: 2)..<close.lowerBound])
                else { return nil }
                end()
                parts.append(.date(layout: layout))
                rest = rest[close.upperBound...]
            } else {
                plain.append(rest.removeFirst())
            }
        }
        end()
        return parts
    }

    /// The layout in `creation_date|date:'LAYOUT'`.
    private static func layout(_ expression: Substring) -> String? {
        let sides = expression.split(separator: "|", maxSplits: 1).map(trimmed)
        guard sides.count == 2, sides[0] == "creation_date" else { return nil }
        let call = sides[1].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(trimmed)
        guard call.count == 2, call[0] == "date", let quote = call[1].first, quote == "'" || quote == "\"",
            call[1].count > 2, call[1].last == quote
        else { return nil }
        let layout = call[1].dropFirst().dropLast()
        return layout.contains(quote) || layout.contains("\\") ? nil : String(layout)
    }

    private static func trimmed(_ text: Substring) -> Substring {
        var text = text
        while text.first == " " { text.removeFirst() }
        while text.last == " " { text.removeLast() }
        return text
    }

    /// In the words of an error message.
    public static var allowedText: String {
        "a name without spaces and slashes, with at most one %d and with dates such as "
            + "{{ creation_date|date:'2006-01-02_15-04-05' }}"
    }
    /// In the manual.
    public static var typeName: String { "string" }
}
