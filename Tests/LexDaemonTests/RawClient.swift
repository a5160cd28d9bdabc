import CLexLinux
import Glibc
import LexIPC
import LexTestKit

/// One connection to the server with nothing between the test and the bytes.
final class RawClient: Sendable {
    private let socket: Int32
    /// What was received and not yet taken; used by one task at a time.
    private let received = Received()

    init(_ path: String) throws {
        socket = try checked("connect to", path) { lex_connect_unix(path) }
        // A test that waits for what does not come ends by itself.
        var patience = timeval(tv_sec: 20, tv_usec: 0)
        setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    }

    deinit { close(socket) }

    private actor Received {
        var bytes: [UInt8] = []
        func append(_ new: [UInt8]) { bytes += new }
        func take(_ count: Int) -> [UInt8]? {
            guard bytes.count >= count else { return nil }
            defer { bytes.removeFirst(count) }
            return Array(bytes[..<count])
        }
        func takeHead() -> [UInt8]? {
            let end = Array("\r\n\r\n".utf8)
            guard bytes.count >= 4,
                let place = (0...(bytes.count - 4)).first(where: { Array(bytes[$0..<$0 + 4]) == end })
            else { return nil }
            return take(place + 4)
        }
        func takeAll() -> [UInt8] {
            defer { bytes = [] }
            return bytes
        }
    }

    func send(_ text: String) async throws { try await send(Array(text.utf8)) }

    func send(_ bytes: [UInt8]) async throws {
        let socket = socket
        try await onThread {
            var done = 0
            while done < bytes.count {
                done += try checked("send to", "the server") {
                    bytes.withUnsafeBytes {
                        Glibc.send(socket, $0.baseAddress?.advanced(by: done), bytes.count - done, Int32(MSG_NOSIGNAL))
                    }
                }
            }
        }
    }

    /// Sends as much of `total` bytes as the server takes without being asked twice; answers how many those were.
    func flood(_ total: Int, patience: Int32 = 300) async throws -> Int {
        let socket = socket
        return try await onThread {
            let chunk = [UInt8](repeating: UInt8(ascii: "x"), count: 65536)
            var done = 0
            while done < total {
                var question = pollfd(fd: socket, events: Int16(POLLOUT), revents: 0)
                guard poll(&question, 1, patience) > 0 else { return done }
                let sent = chunk.withUnsafeBytes {
                    Glibc.send(socket, $0.baseAddress, min($0.count, total - done), Int32(MSG_NOSIGNAL | MSG_DONTWAIT))
                }
                if sent < 0, errno != EAGAIN { throw SystemError("send to", "the server") }
                done += max(0, sent)
            }
            return done
        }
    }

    /// No more will be sent; the answers can still be read.
    func finishSending() { shutdown(socket, Int32(SHUT_WR)) }

    /// Receives what there is; false at the end.
    private func receiveMore() async throws -> Bool {
        let socket = socket
        let bytes = try await onThread {
            var chunk = [UInt8](repeating: 0, count: 65536)
            let got = try checked("receive from", "the server") { recv(socket, &chunk, chunk.count, 0) }
            return Array(chunk[..<got])
        }
        await received.append(bytes)
        return !bytes.isEmpty
    }

    struct Ended: Error {}

    func read(_ count: Int) async throws -> [UInt8] {
        while true {
            if let bytes = await received.take(count) { return bytes }
            guard try await receiveMore() else { throw Ended() }
        }
    }

    /// Everything up to the end of the connection.
    func readToEnd() async throws -> [UInt8] {
        while try await receiveMore() {}
        return await received.takeAll()
    }

    /// Whether the server has closed, with nothing left unread.
    func isClosed() async throws -> Bool {
        do {
            if try await receiveMore() { return false }
        } catch let error as SystemError where error.code == ECONNRESET {
            return true
        }
        return await received.takeAll().isEmpty
    }

    struct Head {
        var status: Int
        var headers: [String: String]
    }
    struct Answer {
        var status: Int
        var headers: [String: String]
        var body: String
    }

    /// The head of an answer.
    func readHead() async throws -> Head {
        while true {
            if let bytes = await received.takeHead() {
                let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\r\n")
                var headers: [String: String] = [:]
                for line in lines.dropFirst() {
                    guard let colon = line.firstIndex(of: ":") else { continue }
                    headers[line[..<colon].lowercased()] = String(
                        line[line.index(after: colon)...].drop(while: \.isWhitespace))
                }
                let status = lines.first.flatMap { Int($0.split(separator: " ").dropFirst().first ?? "") } ?? 0
                return Head(status: status, headers: headers)
            }
            guard try await receiveMore() else { throw Ended() }
        }
    }

    /// One whole answer with a length.
    func readAnswer() async throws -> Answer {
        let head = try await readHead()
        let body = try await read(Int(head.headers["content-length"] ?? "0") ?? 0)
        return Answer(status: head.status, headers: head.headers, body: String(decoding: body, as: UTF8.self))
    }

    func get(_ path: String, headers: String = "") async throws -> Answer {
        try await send("GET \(path) HTTP/1.1\r\nHost: x\r\n\(headers)\r\n")
        return try await readAnswer()
    }

    func request(_ method: String, _ path: String, _ body: String, headers: String = "") async throws -> Answer {
        try await send(
            "\(method) \(path) HTTP/1.1\r\nHost: x\r\nContent-Length: \(body.utf8.count)\r\n\(headers)\r\n\(body)")
        return try await readAnswer()
    }

    // MARK: websockets

    func upgrade(_ path: String, headers: String = "") async throws -> Head {
        try await send(Self.handshake(path, headers: headers))
        return try await readHead()
    }

    static func handshake(_ path: String, headers: String = "") -> String {
        "GET \(path) HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\(headers)\r\n"
    }

    /// A frame as a client sends it, masked.
    static func frame(_ opcode: UInt8, _ payload: [UInt8], isFinal: Bool = true) -> [UInt8] {
        let mask: [UInt8] = [1, 2, 3, 4]
        var bytes: [UInt8] = [(isFinal ? 0x80 : 0) | opcode]
        switch payload.count {
        case ..<126: bytes.append(0x80 | UInt8(payload.count))
        case ..<65536: bytes += [0x80 | 126, UInt8(payload.count >> 8), UInt8(payload.count & 255)]
        default:
            bytes.append(0x80 | 127)
            bytes += (0..<8).map { UInt8(truncatingIfNeeded: payload.count >> (56 - 8 * $0)) }
        }
        return bytes + mask + payload.enumerated().map { $0.element ^ mask[$0.offset % 4] }
    }

    func sendFrame(_ opcode: UInt8, _ payload: [UInt8], isFinal: Bool = true) async throws {
        try await send(Self.frame(opcode, payload, isFinal: isFinal))
    }

    /// One frame of the server's.
    func readFrame() async throws -> (opcode: UInt8, payload: [UInt8]) {
        let head = try await read(2)
        var length = Int(head[1] & 0x7f)
        if length == 126 {
            length = try await read(2).reduce(0) { $0 << 8 | Int($1) }
        } else if length == 127 {
            length = try await read(8).reduce(0) { $0 << 8 | Int($1) }
        }
        return (head[0] & 0x0f, try await read(length))
    }
}
