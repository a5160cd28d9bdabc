import Glibc
import LexAPI
import NIOHTTP1

/// What of a file a request is about, by its conditions and ranges (RFC 9110, 13 and 14), read as Go's
/// `http.ServeContent` reads them for a file without an ETag.
enum ContentRequest: Equatable {
    /// All of it.
    case whole
    /// These bytes of it.
    case part(Range<Int64>)
    /// The client has what there is.
    case notModified
    /// A condition does not hold.
    case conditionFailed
    /// No byte of it is among those that are asked for, or they are asked for in no known way.
    case outside

    init(_ headers: HTTPHeaders, size: Int64, modified: time_t) {
        if let refusal = Self.refusal(headers, modified) {
            self = refusal
            return
        }
        guard let range = headers.first(name: "Range"), !range.isEmpty else {
            self = .whole
            return
        }
        if let condition = headers.first(name: "If-Range"), HTTPDate.seconds(of: condition) != modified {
            self = .whole
            return
        }
        self = Self.ranges(range, of: size)
    }

    private static func refusal(_ headers: HTTPHeaders, _ modified: time_t) -> ContentRequest? {
        func time(_ name: String) -> time_t? { headers.first(name: name).flatMap { HTTPDate.seconds(of: $0) } }
        if let tags = headers.first(name: "If-Match") {
            if tags.filter({ $0 != " " }) != "*" { return .conditionFailed }
        } else if let time = time("If-Unmodified-Since"), modified > time {
            return .conditionFailed
        }
        if let tags = headers.first(name: "If-None-Match") {
            return tags.filter { $0 != " " } == "*" ? .notModified : nil
        }
        if let time = time("If-Modified-Since"), modified <= time { return .notModified }
        return nil
    }

    /// Of several ranges those that are not in the file do not count; where several are left it is the whole.
    private static func ranges(_ header: String, of size: Int64) -> ContentRequest {
        guard header.hasPrefix("bytes=") else { return .outside }
        var found: [Range<Int64>] = []
        var areMissed = false
        for part in header.dropFirst("bytes=".count).split(separator: ",") {
            let text = part.drop { $0 == " " || $0 == "\t" }
            let sides = text.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false).map(trimmed)
            if sides == [""] { continue }
            guard sides.count == 2 else { return .outside }
            if sides[0].isEmpty {
                guard let count = number(sides[1]) else { return .outside }
                if count == 0 || size == 0 { areMissed = true } else { found.append(max(0, size - count)..<size) }
                continue
            }
            guard let start = number(sides[0]) else { return .outside }
            guard start < size else {
                areMissed = true
                continue
            }
            guard !sides[1].isEmpty else {
                found.append(start..<size)
                continue
            }
            guard let last = number(sides[1]), last >= start else { return .outside }
            found.append(start..<(last >= size ? size : last + 1))
        }
        if found.isEmpty { return areMissed ? .outside : .whole }
        return found.count == 1 ? .part(found[0]) : .whole
    }

    private static func trimmed(_ text: Substring) -> String { text.filter { $0 != " " && $0 != "\t" } }

    private static func number(_ text: String) -> Int64? {
        text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) } ? Int64(text) : nil
    }
}
