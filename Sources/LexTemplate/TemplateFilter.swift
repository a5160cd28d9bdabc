/// What can be done to a value behind `|`.
enum TemplateFilter: String, CaseIterable {
    case `default`, defaultIfNone = "default_if_none", lower, upper, title, capfirst, trim, length
    case lengthIs = "length_is", join, split, replace, cut, first, last, slice, truncatechars, truncatewords, truncate
    case add, addslashes, ljust, rjust, center, wordcount, yesno, integer, float, floatformat, divisibleby, urlencode
    case linenumbers, escape, safe, stringformat, pluralize, makeList = "make_list"

    init?(name: String) { self.init(rawValue: name) }
}

extension TemplateRenderer {
    /// A value behind a filter.
    mutating func apply(
        _ filter: TemplateFilter, to value: TemplateValue, _ argument: TemplateValue?, line: Int
    ) throws(TemplateError) -> TemplateValue {
        try charge(line, bytes: value.printed?.utf8.count ?? value.length)
        switch filter {
        case .default: return value.isTrue ? value : argument ?? .none
        case .defaultIfNone: return value == .none ? argument ?? .none : value
        case .length: return .int(Int64(value.length))
        case .lengthIs: return .bool(Int64(value.length) == argument?.integer ?? 0)
        case .first, .last: return Self.end(of: value, isFirst: filter == .first)
        case .integer: return .int(value.integer)
        case .float: return .double(value.number)
        case .floatformat: return .text(decimal(value.number, places: Int(max(0, min(argument?.integer ?? 1, 12)))))
        case .divisibleby: return .bool(Self.isDivisible(value.integer, by: argument?.integer ?? 0))
        case .yesno: return .text(Self.yesNo(value, argument?.printed ?? ""))
        case .pluralize:
            return .text(value.integer == 1 ? "" : argument?.printed ?? "s")
        case .add: return try added(value, argument ?? .none, line: line)
        case .join:
            guard case .list(let values) = value else { return value }
            return .text(
                try values.map { value throws(TemplateError) in try text(value, line) }
                    .joined(separator: argument?.printed ?? ""))
        case .slice: return try slice(value, argument?.printed ?? "", line: line)
        case .makeList: return .list(try text(value, line).map { .text(String($0)) })
        default: return try applyToText(filter, try text(value, line), argument, line: line)
        }
    }

    private mutating func applyToText(
        _ filter: TemplateFilter, _ text: String, _ argument: TemplateValue?, line: Int
    ) throws(TemplateError) -> TemplateValue {
        let words = argument?.printed ?? ""
        switch filter {
        case .lower: return .text(text.lowercased())
        case .upper: return .text(text.uppercased())
        case .title: return .text(Self.title(text))
        case .capfirst: return .text(text.prefix(1).uppercased() + text.dropFirst())
        case .trim: return .text(Self.trimmed(text))
        case .cut: return .text(try replaced(text, words, by: "", line: line))
        case .replace:
            let sides = words.split(separator: ",", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard sides.count == 2, !sides[0].isEmpty else {
                throw TemplateError(line, "replace takes \"OLD,NEW\"")
            }
            return .text(try replaced(text, sides[0], by: sides[1], line: line))
        case .split:
            guard !words.isEmpty else { return .list(text.map { .text(String($0)) }) }
            return .list(Self.split(text, words).map { .text($0) })
        case .truncate, .truncatechars: return .text(Self.truncated(text, argument?.integer ?? 0))
        case .truncatewords:
            let all = text.split(whereSeparator: \.isWhitespace)
            let most = Int(clamping: max(0, argument?.integer ?? 0))
            return .text(all.prefix(most).joined(separator: " ") + (all.count > most ? " ..." : ""))
        case .addslashes:
            return .text(text.reduce(into: "") { $0 += "\\\"'".contains($1) ? "\\\($1)" : String($1) })
        case .ljust, .rjust, .center: return .text(try padded(text, filter, argument?.integer ?? 0, line: line))
        case .wordcount: return .int(Int64(text.split(whereSeparator: \.isWhitespace).count))
        case .linenumbers:
            return .text(
                text.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
                    .map { "\($0.offset + 1). \($0.element)" }.joined(separator: "\n"))
        case .urlencode: return .text(Self.urlEncoded(text))
        case .escape:
            let signs: [Character: String] = ["&": "&amp;", "<": "&lt;", ">": "&gt;", "\"": "&quot;", "'": "&#39;"]
            return .text(text.reduce(into: "") { $0 += signs[$1] ?? String($1) })
        case .stringformat:
            // Go's formats are many; templates use these two.
            guard words == "%s" || words == "%v" || words == "%d" else {
                throw TemplateError(line, "stringformat takes %s, %v or %d")
            }
            return .text(words == "%d" ? String(TemplateValue.text(text).integer) : text)
        default: return .text(text)
        }
    }

    // MARK: what they do

    private static func end(of value: TemplateValue, isFirst: Bool) -> TemplateValue {
        switch value {
        case .list(let values): return (isFirst ? values.first : values.last) ?? .none
        case .text(let text): return .text((isFirst ? text.first : text.last).map { String($0) } ?? "")
        default: return .none
        }
    }

    private static func isDivisible(_ value: Int64, by other: Int64) -> Bool {
        other != 0 && value.remainderReportingOverflow(dividingBy: other).partialValue == 0
    }

    private static func yesNo(_ value: TemplateValue, _ words: String) -> String {
        let parts = words.isEmpty ? ["yes", "no", "maybe"] : words.split(separator: ",").map(String.init)
        if value == .none, parts.count > 2 { return parts[2] }
        return (value.isTrue ? parts.first : parts.dropFirst().first) ?? ""
    }

    private static func title(_ text: String) -> String {
        var isBegin = true
        return text.reduce(into: "") { result, character in
            result += isBegin ? character.uppercased() : character.lowercased()
            isBegin = character.isWhitespace
        }
    }

    private static func trimmed(_ text: String) -> String {
        var scalars = text.unicodeScalars[...]
        while let first = scalars.first, first.properties.isWhitespace { scalars.removeFirst() }
        while let last = scalars.last, last.properties.isWhitespace { scalars.removeLast() }
        return String(scalars)
    }

    private static func split(_ text: String, _ separator: String) -> [String] {
        let bytes = Array(text.utf8)
        var parts: [String] = []
        var start = 0
        for place in positions(of: separator, in: bytes) {
            parts.append(String(decoding: bytes[start..<place], as: UTF8.self))
            start = place + separator.utf8.count
        }
        parts.append(String(decoding: bytes[start...], as: UTF8.self))
        return parts
    }

    private mutating func replaced(
        _ text: String, _ old: String, by new: String, line: Int
    ) throws(TemplateError) -> String {
        guard !old.isEmpty else { return text }
        let parts = Self.split(text, old)
        let (added, overflows) = (parts.count - 1).multipliedReportingOverflow(by: new.utf8.count)
        guard !overflows else { throw tooLong(line) }
        try charge(line, bytes: added)
        return parts.joined(separator: new)
    }

    private static func truncated(_ text: String, _ most: Int64) -> String {
        let most = Int(clamping: max(0, most))
        guard text.unicodeScalars.count > most else { return text }
        if most < 3 { return String(text.unicodeScalars.prefix(most)) }
        return String(text.unicodeScalars.prefix(most - 3)) + "..."
    }

    private mutating func padded(
        _ text: String, _ filter: TemplateFilter, _ width: Int64, line: Int
    ) throws(TemplateError) -> String {
        let missing = max(0, Int(clamping: max(0, width)) - text.unicodeScalars.count)
        try charge(line, bytes: missing)
        switch filter {
        case .ljust: return text + String(repeating: " ", count: missing)
        case .rjust: return String(repeating: " ", count: missing) + text
        default:
            let left = missing / 2
            return String(repeating: " ", count: left) + text + String(repeating: " ", count: missing - left)
        }
    }

    /// `2:5`, either side of which may be missing.
    private mutating func slice(
        _ value: TemplateValue, _ words: String, line: Int
    ) throws(TemplateError) -> TemplateValue {
        let sides = words.split(separator: ":", omittingEmptySubsequences: false)
        guard sides.count == 2, let from = Int(sides[0].isEmpty ? "0" : sides[0]),
            let to = Int(sides[1].isEmpty ? "\(Int32.max)" : sides[1])
        else { throw TemplateError(line, "slice takes \"FROM:TO\"") }
        func range(_ count: Int) -> Range<Int> {
            let start = min(max(from < 0 ? from.addingReportingOverflow(count).partialValue : from, 0), count)
            let end = min(max(to < 0 ? to.addingReportingOverflow(count).partialValue : to, start), count)
            return start..<end
        }
        switch value {
        case .list(let values): return .list(Array(values[range(values.count)]))
        case .text(let text):
            let scalars = Array(text.unicodeScalars)
            return .text(scalars[range(scalars.count)].reduce(into: "") { $0.unicodeScalars.append($1) })
        default: return value
        }
    }

    private static func urlEncoded(_ text: String) -> String {
        var bytes: [UInt8] = []
        let digits = Array("0123456789ABCDEF".utf8)
        for byte in text.utf8 {
            switch byte {
            case 48...57, 65...90, 97...122, UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."),
                UInt8(ascii: "~"):
                bytes.append(byte)
            case 32: bytes.append(UInt8(ascii: "+"))
            default: bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
