import Glibc
package import NIOCore

/// Why a form is none.
package struct FormError: Error, Equatable, CustomStringConvertible {
    package let description: String
}

/// Takes a `multipart/form-data` body (RFC 7578) apart as it comes; decides only, and does nothing. What comes may be
/// hostile: it keeps no more of it than the headers of one part, and a part's bytes go out as they come.
package struct FormSplitter {
    /// What comes out of the body, in order.
    package enum Piece: Equatable {
        /// A part begins; its headers' names are in lower case.
        case part(headers: [String: String])
        /// More of the part.
        case bytes(ByteBuffer)
    }

    private enum Place {
        case beforeFirst
        case headers
        case content
        case behindLast
    }
    private let delimiter: [UInt8]
    private var place = Place.beforeFirst
    // The first boundary may stand at the very beginning; with this it looks like the others.
    private var buffer = ByteBuffer(string: "\r\n")

    /// A splitter for the boundary that the `Content-Type` names; nil when that is another type.
    package init?(contentType: String) {
        let fields = contentType.split(separator: ";").map { $0.trimmed }
        guard fields.first?.lowercased() == "multipart/form-data",
            let boundary = fields.first(where: { $0.lowercased().hasPrefix("boundary=") })?
                .dropFirst("boundary=".count)
        else { return nil }
        let text = boundary.hasPrefix("\"") && boundary.hasSuffix("\"") ? boundary.dropFirst().dropLast() : boundary
        guard (1...200).contains(text.utf8.count) else { return nil }
        delimiter = Array("\r\n--\(text)".utf8)
    }

    /// Whether the last boundary has been seen.
    package var isComplete: Bool { if case .behindLast = place { true } else { false } }

    package mutating func take(_ data: ByteBuffer) throws(FormError) -> [Piece] {
        buffer.writeImmutableBuffer(data)
        var pieces: [Piece] = []
        while let more = try step() { pieces += more }
        buffer.discardReadBytes()
        return pieces
    }

    /// One thing that can be decided with what is there; nil when more is needed.
    private mutating func step() throws(FormError) -> [Piece]? {
        switch place {
        case .behindLast:
            buffer.clear()
            return nil
        case .beforeFirst:
            guard let at = find(delimiter) else {
                try checkRoom("it does not begin with the boundary of its parts")
                return nil
            }
            buffer.moveReaderIndex(forwardBy: at + delimiter.count)
            place = .headers
            return []
        case .headers:
            guard let mark = buffer.getString(at: buffer.readerIndex, length: 2) else { return nil }
            if mark == "--" {
                place = .behindLast
                return []
            }
            guard let end = find(Array("\r\n\r\n".utf8)), let text = buffer.readString(length: end) else {
                try checkRoom("a part of it has headers of more than \(Self.mostHeld) bytes")
                return nil
            }
            buffer.moveReaderIndex(forwardBy: 4)
            place = .content
            return [.part(headers: Self.headers(text))]
        case .content:
            if let at = find(delimiter) {
                let bytes = buffer.readSlice(length: at)
                buffer.moveReaderIndex(forwardBy: delimiter.count)
                place = .headers
                return (bytes?.readableBytes ?? 0) > 0 ? bytes.map { [.bytes($0)] } : []
            }
            // The end of what is there may be the beginning of the boundary.
            let sure = buffer.readableBytes - delimiter.count
            guard sure > 0, let bytes = buffer.readSlice(length: sure) else { return nil }
            return [.bytes(bytes)]
        }
    }

    /// The most bytes that are held until they mean something.
    private static let mostHeld = 1 << 16

    private func checkRoom(_ sentence: String) throws(FormError) {
        if buffer.readableBytes > Self.mostHeld { throw FormError(description: "the form cannot be read: \(sentence)") }
    }

    /// A value out of a part's `Content-Disposition`: `name`, `filename`.
    package static func value(_ key: String, of disposition: String?) -> String? {
        for field in (disposition ?? "").split(separator: ";") {
            let halves = field.split(separator: "=", maxSplits: 1)
            guard halves.count == 2, let name = halves.first, let value = halves.last,
                name.trimmed.lowercased() == key
            else { continue }
            let text = value.trimmed
            return text.count >= 2 && text.hasPrefix("\"") && text.hasSuffix("\"")
                ? String(text.dropFirst().dropLast()) : text
        }
        return nil
    }

    private func find(_ pattern: [UInt8]) -> Int? {
        buffer.withUnsafeReadableBytes { space in
            pattern.withUnsafeBytes { pattern in
                guard let start = space.baseAddress, let wanted = pattern.baseAddress else { return nil }
                var at = 0
                while at + pattern.count <= space.count {
                    // Every pattern begins with a carriage return.
                    guard let hit = memchr(start + at, 13, space.count - at) else { return nil }
                    at = UnsafeRawPointer(hit) - start
                    if at + pattern.count <= space.count, memcmp(hit, wanted, pattern.count) == 0 { return at }
                    at += 1
                }
                return nil
            }
        }
    }

    private static func headers(_ text: String) -> [String: String] {
        var headers: [String: String] = [:]
        for line in text.split(separator: "\r\n") {
            let halves = line.split(separator: ":", maxSplits: 1)
            guard halves.count == 2, let name = halves.first, let value = halves.last else { continue }
            headers[name.trimmed.lowercased()] = value.trimmed
        }
        return headers
    }
}

extension Substring {
    var trimmed: String {
        var rest = self
        while rest.first?.isWhitespace == true { rest.removeFirst() }
        while rest.last?.isWhitespace == true { rest.removeLast() }
        return String(rest)
    }
}
