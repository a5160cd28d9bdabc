import Glibc
import NIOCore
import NIOPosix
import NIOWebSocket
import Synchronization

/// A server on a Unix socket that answers as a test says, byte by byte where it matters.
final class FakeServer: Sendable {
    /// A request as it came.
    struct Request: Sendable {
        var method: String
        var path: String
        var headers: [String: String]
        var body: [UInt8]
        var text: String { String(decoding: body, as: UTF8.self) }
    }

    /// What is answered.
    enum Reply: Sendable {
        /// A JSON body.
        case json(String, status: Int = 200, headers: [(String, String)] = [])
        /// Any bytes, and the connection is closed behind them.
        case bytes([UInt8])
        /// Agreement to a websocket; these bytes follow in the same packet, and then the function goes on with it.
        case webSocket(early: [UInt8], @Sendable (Peer) async throws -> Void)
    }

    /// The server's end of a websocket.
    struct Peer: Sendable {
        let channel: any Channel
        let frames: AsyncStream<WebSocketFrame>

        func send(_ opcode: WebSocketOpcode, _ text: String, final: Bool = true) async throws {
            try await send(opcode, Array(text.utf8), final: final)
        }
        func send(_ opcode: WebSocketOpcode, _ bytes: [UInt8], final: Bool = true) async throws {
            let frame = WebSocketFrame(fin: final, opcode: opcode, data: ByteBuffer(bytes: bytes))
            try await channel.writeAndFlush(frame).get()
        }
        func close() async { try? await channel.close().get() }
        /// The bytes of the binary frames up to the empty text that marks the end of a stream.
        func stream() async -> [UInt8] {
            var bytes: [UInt8] = []
            for await frame in frames {
                if frame.opcode == .text && frame.length == 0 { break }
                if frame.opcode == .binary { bytes += Array(buffer: frame.unmaskedData) }
            }
            return bytes
        }
    }

    let path: String
    private let log = Mutex<[Request]>([])

    /// The requests so far.
    var requests: [Request] { log.withLock { $0 } }

    private init(path: String) {
        self.path = path
    }

    /// Runs a server while the body runs.
    @discardableResult
    static func running<Result>(
        _ answer: @escaping @Sendable (Request) async -> Reply, _ body: (FakeServer) async throws -> Result
    ) async throws -> Result {
        let server = FakeServer(path: "/tmp/lexclient-test-\(getpid())-\(UInt64.random(in: .min ... .max)).socket")
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        RequestReader { request in
                            server.log.withLock { $0.append(request) }
                            return await answer(request)
                        })
                }
            }.bind(unixDomainSocketPath: server.path).get()
        defer { unlink(server.path) }
        do {
            let result = try await body(server)
            try await channel.close().get()
            return result
        } catch {
            try? await channel.close().get()
            throw error
        }
    }
}

/// Reads requests with a Content-Length, answers each, and turns to frames when asked to.
private final class RequestReader: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private var buffer = ByteBuffer()
    private let answer: @Sendable (FakeServer.Request) async -> FakeServer.Reply

    init(_ answer: @escaping @Sendable (FakeServer.Request) async -> FakeServer.Reply) {
        self.answer = answer
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var data = unwrapInboundIn(data)
        buffer.writeBuffer(&data)
        guard let request = takeRequest() else { return }
        Self.start(request, answer, context.channel)
    }

    /// Answers in a task of its own, which ends with the test's client.
    private static func start(
        _ request: FakeServer.Request, _ answer: @escaping @Sendable (FakeServer.Request) async -> FakeServer.Reply,
        _ channel: any Channel
    ) {
        Task<Void, Never> {
            let answered: FakeServer.Reply = await answer(request)
            await reply(answered, on: channel)
        }
    }

    private static func reply(_ reply: FakeServer.Reply, on channel: any Channel) async {
        switch reply {
        case .json(let body, let status, let headers):
            var head = "HTTP/1.1 \(status) Whatever\r\nContent-Length: \(body.utf8.count)\r\n"
            for (name, value) in headers { head += "\(name): \(value)\r\n" }
            try? await channel.writeAndFlush(ByteBuffer(string: head + "\r\n" + body)).get()
        case .bytes(let bytes):
            try? await channel.writeAndFlush(ByteBuffer(bytes: bytes)).get()
            try? await channel.close().get()
        case .webSocket(let early, let talk): await upgrade(channel, early, talk)
        }
    }

    private static func upgrade(
        _ channel: any Channel, _ early: [UInt8], _ talk: @Sendable (FakeServer.Peer) async throws -> Void
    ) async {
        let (stream, continuation) = AsyncStream.makeStream(of: WebSocketFrame.self)
        let switched = channel.eventLoop.submit {
            let pipeline = channel.pipeline.syncOperations
            let head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
            channel.writeAndFlush(ByteBuffer(bytes: Array(head.utf8) + early), promise: nil)
            try pipeline.addHandlers([
                WebSocketFrameEncoder(), ByteToMessageHandler(WebSocketFrameDecoder(maxFrameSize: 1 << 26)),
                FrameReader(continuation),
            ])
            pipeline.removeHandler(try pipeline.handler(type: RequestReader.self), promise: nil)
        }
        try? await switched.get()
        try? await talk(FakeServer.Peer(channel: channel, frames: stream))
    }

    private func takeRequest() -> FakeServer.Request? {
        let bytes = Array(buffer: buffer)
        let mark = Array("\r\n\r\n".utf8)
        guard let end = bytes.indices.first(where: { bytes[$0...].starts(with: mark) }) else { return nil }
        let lines = String(decoding: bytes[..<end], as: UTF8.self).split(separator: "\r\n")
        let first = (lines.first ?? "").split(separator: " ")
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            let halves = line.split(separator: ":", maxSplits: 1)
            if let name = halves.first, let value = halves.last {
                headers[name.lowercased()] = String(value.drop { $0 == " " })
            }
        }
        let length = Int(headers["content-length"] ?? "0") ?? 0
        guard bytes.count >= end + 4 + length, first.count == 3 else { return nil }
        buffer.moveReaderIndex(forwardBy: end + 4)
        let body = buffer.readBytes(length: length) ?? []
        return .init(method: String(first[0]), path: String(first[1]), headers: headers, body: body)
    }
}

private final class FrameReader: ChannelInboundHandler {
    typealias InboundIn = WebSocketFrame
    private let frames: AsyncStream<WebSocketFrame>.Continuation

    init(_ frames: AsyncStream<WebSocketFrame>.Continuation) { self.frames = frames }
    func channelRead(context: ChannelHandlerContext, data: NIOAny) { frames.yield(unwrapInboundIn(data)) }
    func channelInactive(context: ChannelHandlerContext) { frames.finish() }
}
