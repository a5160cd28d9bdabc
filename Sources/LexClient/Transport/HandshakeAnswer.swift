import LexAPI
import NIOCore

/// A server's answer to the request for a websocket, put together from the bytes as they come; decides only, and does
/// nothing.
///
/// NIO's HTTP decoder is not used here because it leaves a pipeline only in a later turn of the event loop. Until then
/// it takes frames being sent for requests, and what the server has already sent behind its agreement is lost when the
/// server closes the connection in the same turn, as it does for a command that ends at once.
struct HandshakeAnswer {
    enum Outcome: Equatable {
        /// The server agrees; these bytes already belong to the websocket.
        case agreed(rest: ByteBuffer)
        /// The server does not, for a reason that stands in the body.
        case refused(status: Int, body: String)
    }

    private struct Head {
        var status: Int
        /// Nil when the body goes on to the end of the connection.
        var length: Int?
        var isChunked: Bool
    }
    private var buffer = ByteBuffer()
    private var head: Head?

    /// An answer with a longer head or body than this is none of LXD's.
    private static let longest = 1 << 20

    /// The outcome once it is clear; nil as long as more has to come.
    mutating func take(_ data: ByteBuffer) throws -> Outcome? {
        buffer.writeImmutableBuffer(data)
        if head == nil {
            guard let end = buffer.readableBytesView.firstRange(of: "\r\n\r\n".utf8) else {
                return try wait()
            }
            let length = end.lowerBound - buffer.readerIndex
            head = try Self.head(buffer.readString(length: length) ?? "")
            buffer.moveReaderIndex(forwardBy: 4)
        }
        guard let head else { return nil }
        if head.status == 101 { return .agreed(rest: buffer.slice()) }
        if head.isChunked {
            guard let body = Self.unchunked(buffer) else { return try wait() }
            return .refused(status: head.status, body: body)
        }
        guard let length = head.length, buffer.readableBytes >= length else { return try wait() }
        return .refused(status: head.status, body: buffer.getString(at: buffer.readerIndex, length: length) ?? "")
    }

    /// The outcome when the connection ends here; nil when that is too early for one.
    func end() -> Outcome? {
        head.flatMap { $0.status == 101 ? nil : .refused(status: $0.status, body: String(buffer: buffer)) }
    }

    private func wait() throws -> Outcome? {
        guard buffer.readableBytes < Self.longest else {
            throw ClientError.protocolViolation("asked for a websocket it sent more than \(Self.longest) bytes")
        }
        return nil
    }

    private static func head(_ text: String) throws -> Head {
        var lines = text.split(separator: "\r\n", omittingEmptySubsequences: false)[...]
        let words = (lines.popFirst() ?? "").split(separator: " ", maxSplits: 2)
        guard words.count >= 2, words[0].hasPrefix("HTTP/1."), let status = Int(words[1]) else {
            throw ClientError.protocolViolation("asked for a websocket it said \"\(text.prefix(100))\"")
        }
        var head = Head(status: status, length: nil, isChunked: false)
        for line in lines {
            let halves = line.split(separator: ":", maxSplits: 1)
            guard halves.count == 2 else { continue }
            switch halves[0].lowercased() {
            case "content-length": head.length = Int(halves[1].trimmed)
            case "transfer-encoding": head.isChunked = halves[1].lowercased().contains("chunked")
            default: break
            }
        }
        return head
    }

    /// The text of a body in chunks; nil when the last one is not there yet.
    private static func unchunked(_ buffer: ByteBuffer) -> String? {
        var buffer = buffer
        var text = ""
        while let end = buffer.readableBytesView.firstRange(of: "\r\n".utf8),
            let line = buffer.readString(length: end.lowerBound - buffer.readerIndex)
        {
            let digits = line.prefix { $0 != ";" }
            guard let length = Int(digits, radix: 16), length >= 0 else { return text }
            if length == 0 { return text }
            guard length <= buffer.readableBytes - 4 else { return nil }
            buffer.moveReaderIndex(forwardBy: 2)
            text += buffer.readString(length: length) ?? ""
            buffer.moveReaderIndex(forwardBy: 2)
        }
        return nil
    }
}

extension ByteBufferView {
    fileprivate func firstRange(of pattern: some Collection<UInt8>) -> Range<Int>? {
        guard count >= pattern.count else { return nil }
        for start in startIndex...(endIndex - pattern.count) where self[start...].starts(with: pattern) {
            return start..<(start + pattern.count)
        }
        return nil
    }
}
