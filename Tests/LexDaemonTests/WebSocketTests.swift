import LexAPI
import LexTestKit
import NIOCore
import Synchronization
import Testing

@testable import LexDaemon

@Suite(.timeLimit(.minutes(2))) struct WebSocketTests {
    /// Sends back what comes, each message after its kind.
    private func router() -> Router {
        var router = Router()
        router.on(.get, "/hello") { _ in .text("hello") }
        router.on(.get, "/socket") { request in
            .webSocket(request) { socket in
                try await socket.receive { message in
                    switch message {
                    case .binary(let data): try await socket.send(binary: data)
                    case .text(let data):
                        if String(buffer: data) == "end" { return false }
                        try await socket.send(text: data)
                    }
                    return true
                }
                try await socket.sendClose()
            }
        }
        router.on(.get, "/endless") { request in
            .webSocket(request) { socket in
                while true { try await socket.send(binary: ByteBuffer(repeating: 0, count: 65536)) }
            }
        }
        router.on(.get, "/endless-body") { _ in
            Answer(
                .stream(length: 1 << 40) { writer in
                    while true { try await writer.write(ByteBuffer(repeating: 0, count: 65536)) }
                })
        }
        router.on(.get, "/refused") { _ in throw APIError.forbidden("not authorized") }
        return router
    }

    @Test func upgradesAtAnyRequest() async throws {
        try await withServer(router()) { path in
            let client = try RawClient(path)
            #expect(try await client.get("/hello").body == "hello")
            #expect(try await client.get("/hello").body == "hello")
            let head = try await client.upgrade("/socket")
            #expect(
                head.status == 101 && head.headers["upgrade"] == "websocket" && head.headers["connection"] == "Upgrade")
            // The example of RFC 6455, 1.3.
            #expect(head.headers["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
            try await client.sendFrame(2, [1, 2, 3])
            let frame = try await client.readFrame()
            #expect(frame.opcode == 2 && frame.payload == [1, 2, 3])
        }
    }

    @Test func framesBehindTheHandshakeAreNotLost() async throws {
        try await withServer(router()) { path in
            for count in [1, 2, 20] {
                let client = try RawClient(path)
                var bytes = Array(RawClient.handshake("/socket").utf8)
                for number in 0..<count { bytes += RawClient.frame(2, [UInt8(number)]) }
                try await client.send(bytes)
                #expect(try await client.readHead().status == 101)
                for number in 0..<count { #expect(try await client.readFrame().payload == [UInt8(number)]) }
            }
        }
    }

    @Test func aRefusedUpgradeEndsTheConnection() async throws {
        try await withServer(router()) { path in
            for (target, status) in [("/refused", 403), ("/none", 404), ("/hello", 200)] {
                let client = try RawClient(path)
                try await client.send(RawClient.handshake(target))
                let answer = try await client.readAnswer()
                #expect(answer.status == status && answer.headers["connection"] == "close")
                #expect(try await client.isClosed())
            }
        }
    }

    @Test func whatIsNoHandshakeIsRefused() async throws {
        try await withServer(router()) { path in
            for headers in [
                "", "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
                "Upgrade: h2c\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: x\r\n",
                "Upgrade: websocket\r\nSec-WebSocket-Version: 8\r\nSec-WebSocket-Key: x\r\n",
            ] {
                let client = try RawClient(path)
                #expect(try await client.get("/socket", headers: headers).status == 400, "\(headers)")
            }
        }
    }

    @Test func pingsAreAnsweredOnTheWay() async throws {
        try await withServer(router()) { path in
            let client = try RawClient(path)
            #expect(try await client.upgrade("/socket").status == 101)
            try await client.sendFrame(9, Array("are you there".utf8))
            let pong = try await client.readFrame()
            #expect(pong.opcode == 10 && pong.payload == Array("are you there".utf8))
            try await client.sendFrame(10, [])
            try await client.sendFrame(2, [5])
            #expect(try await client.readFrame().payload == [5])
        }
    }

    @Test func textInPiecesIsOneMessage() async throws {
        try await withServer(router()) { path in
            let client = try RawClient(path)
            #expect(try await client.upgrade("/socket").status == 101)
            try await client.sendFrame(1, Array("{\"command\":".utf8), isFinal: false)
            // Control frames may come between.
            try await client.sendFrame(9, [])
            #expect(try await client.readFrame().opcode == 10)
            try await client.sendFrame(0, Array("\"signal\"".utf8), isFinal: false)
            try await client.sendFrame(0, Array("}".utf8))
            let whole = try await client.readFrame()
            #expect(whole.opcode == 1 && String(decoding: whole.payload, as: UTF8.self) == #"{"command":"signal"}"#)
            // An empty text is a message too: the end of a stream.
            try await client.sendFrame(1, [])
            let empty = try await client.readFrame()
            #expect(empty.opcode == 1 && empty.payload.isEmpty)
        }
    }

    @Test func binaryPiecesComeAsTheyAre() async throws {
        try await withServer(router()) { path in
            let client = try RawClient(path)
            #expect(try await client.upgrade("/socket").status == 101)
            try await client.sendFrame(2, [1], isFinal: false)
            try await client.sendFrame(0, [2], isFinal: false)
            try await client.sendFrame(0, [3])
            for number in 1...3 as ClosedRange<UInt8> {
                let frame = try await client.readFrame()
                #expect(frame.opcode == 2 && frame.payload == [number])
            }
        }
    }

    @Test func aLargeFramePasses() async throws {
        try await withServer(router()) { path in
            let client = try RawClient(path)
            #expect(try await client.upgrade("/socket").status == 101)
            for count in [125, 126, 65535, 65536, 4 << 20] {
                let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0) }
                async let sent: Void = client.sendFrame(2, bytes)
                #expect(try await client.readFrame().payload == bytes)
                try await sent
            }
        }
    }

    @Test func whatIsTooLargeEndsTheConnection() async throws {
        try await withServer(router()) { path in
            let framed = try RawClient(path)
            #expect(try await framed.upgrade("/socket").status == 101)
            try await framed.send([0x82, 0xff, 0x7f, 0, 0, 0, 0, 0, 0, 0])
            let frames = try await framed.readToEnd()
            #expect(frames.isEmpty || frames.first == 0x88)
            #expect(try await RawClient(path).get("/hello").body == "hello")
        }
    }

    /// Each is told that it broke the protocol (1002), and the connection ends.
    @Test func whatBreaksTheProtocolEndsTheConnection() async throws {
        let breaches: [[(opcode: UInt8, payload: [UInt8], isFinal: Bool)]] = [
            // What goes on that has not begun, by itself and behind a message that has ended.
            [(0, [1], true)], [(0, [], false)], [(1, [65], true), (0, [66], true)],
            // A message inside another.
            [(1, [65], false), (2, [1], true)], [(2, [1], false), (1, [65], true)],
            [(1, [65], false), (1, [66], true)],
            // A text of ever more pieces with nothing in them.
            [(1, [], false)] + Array(repeating: (0, [], false), count: 4096),
        ]
        try await withServer(router()) { path in
            for breach in breaches {
                let client = try RawClient(path)
                #expect(try await client.upgrade("/socket").status == 101)
                try await client.send(
                    breach.flatMap { RawClient.frame($0.opcode, $0.payload, isFinal: $0.isFinal) })
                var frame = try await client.readFrame()
                while frame.opcode != 8 { frame = try await client.readFrame() }
                #expect(frame.payload == [0x03, 0xea], "\(breach.prefix(3))")
                #expect(try await client.isClosed())
            }
        }
    }

    /// A client that does not read does not keep the server from ending.
    @Test func whoDoesNotReadHoldsNothingUp() async throws {
        let clients = Mutex<[RawClient]>([])
        try await withServer(router()) { path in
            let socket = try RawClient(path)
            #expect(try await socket.upgrade("/endless").status == 101)
            let body = try RawClient(path)
            try await body.send("GET /endless-body HTTP/1.1\r\nHost: x\r\n\r\n")
            #expect(try await body.readHead().status == 200)
            // They stay connected while the server ends.
            clients.withLock { $0 = [socket, body] }
            #expect(try await RawClient(path).get("/hello").body == "hello")
        }
        for client in clients.withLock({ $0 }) { _ = try? await client.readToEnd() }
    }

    @Test func eitherSideCanClose() async throws {
        try await withServer(router()) { path in
            let first = try RawClient(path)
            #expect(try await first.upgrade("/socket").status == 101)
            try await first.sendFrame(8, [0x03, 0xe8])
            #expect(try await first.readFrame().opcode == 8)
            #expect(try await first.isClosed())
            let second = try RawClient(path)
            #expect(try await second.upgrade("/socket").status == 101)
            try await second.sendFrame(1, Array("end".utf8))
            let close = try await second.readFrame()
            #expect(close.opcode == 8 && close.payload == [0x03, 0xe8])
            #expect(try await second.isClosed())
            // One that goes without a word.
            do {
                let third = try RawClient(path)
                #expect(try await third.upgrade("/socket").status == 101)
            }
            #expect(try await RawClient(path).get("/hello").body == "hello")
        }
    }
}
