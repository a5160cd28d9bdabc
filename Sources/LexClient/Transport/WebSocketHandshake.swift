import LexAPI
import NIOCore
import NIOHTTP1
import NIOWebSocket

/// Asks for a websocket on a fresh connection and, when the server agrees, makes room for its frames.
///
/// The server's first frames may follow its agreement in the same packet. They survive because the frame decoder is
/// in place before the HTTP decoder, which holds them, is taken out and forwards them.
final class WebSocketHandshake: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    private let path: String
    private let inbox: WebSocketInbox
    private let done: EventLoopPromise<Void>
    private let decoder: ByteToMessageHandler<HTTPResponseDecoder>
    private let encoder: HTTPRequestEncoder
    private var head: HTTPResponseHead?
    private var refusal = ByteBuffer()
    private var timer: Scheduled<Void>?

    /// The largest frame taken. LXD puts whatever it has read into one frame; a long list in an event is the longest.
    private static let largestFrame = 64 << 20

    private init(path: String, inbox: WebSocketInbox, done: EventLoopPromise<Void>) {
        self.path = path
        self.inbox = inbox
        self.done = done
        decoder = ByteToMessageHandler(HTTPResponseDecoder(leftOverBytesStrategy: .forwardBytes))
        encoder = HTTPRequestEncoder()
    }

    /// Puts the handlers into a new channel's pipeline, on its event loop.
    static func install(
        on channel: any Channel, path: String, inbox: WebSocketInbox, done: EventLoopPromise<Void>
    ) throws {
        let handshake = WebSocketHandshake(path: path, inbox: inbox, done: done)
        try channel.pipeline.syncOperations.addHandlers([handshake.encoder, handshake.decoder, handshake])
    }

    func channelActive(context: ChannelHandlerContext) {
        var request = HTTPRequestHead(version: .http1_1, method: .GET, uri: path)
        request.headers = [
            "Host": "lexd", "User-Agent": "lx", "Connection": "Upgrade", "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": Self.key(),
        ]
        context.write(wrapOutboundOut(.head(request)), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: .seconds(10)) { [done] in
            done.fail(ClientError.connectionLost(during: self.path, reason: "no answer within 10 seconds"))
            context.close(promise: nil)
        }
        context.fireChannelActive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): self.head = head
        case .body(var body):
            // A refusal is a short text; a longer one is cut.
            if refusal.readableBytes < 1 << 16 { refusal.writeBuffer(&body) }
        case .end:
            timer?.cancel()
            guard let head, head.status == .switchingProtocols else {
                done.fail(refused())
                context.close(promise: nil)
                return
            }
            do {
                try switchToFrames(context: context)
                done.succeed()
            } catch {
                done.fail(error)
                context.close(promise: nil)
            }
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        done.fail(error)
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        timer?.cancel()
        done.fail(ClientError.connectionLost(during: path, reason: "the server closed it"))
        context.fireChannelInactive()
    }

    private func switchToFrames(context: ChannelHandlerContext) throws {
        let pipeline = context.pipeline.syncOperations
        try pipeline.addHandlers([
            WebSocketFrameEncoder(),
            ByteToMessageHandler(WebSocketFrameDecoder(maxFrameSize: Self.largestFrame)),
            inbox,
        ])
        pipeline.removeHandler(context: context, promise: nil)
        pipeline.removeHandler(encoder, promise: nil)
        pipeline.removeHandler(decoder, promise: nil)
    }

    private func refused() -> any Error {
        let text = String(buffer: refusal)
        if let value = try? JSONValue.parse(Array(text.utf8)), let reason = value["error"]?.text, !reason.isEmpty {
            return APIError(status: value["error_code"]?.integer.map(Int.init(truncatingIfNeeded:)) ?? 500, reason)
        }
        let status = head.map { "\($0.status.code)" } ?? "nothing"
        return ClientError.protocolViolation("asked for a websocket it said \(status) \"\(text.prefix(200))\"")
    }

    /// Sixteen random bytes in base64, as RFC 6455 wants them. They guard against caches that take a websocket for a
    /// page; there are none on the way, so the server's proof that it has read them is not looked at.
    private static func key() -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        var text = (0..<21).compactMap { _ in alphabet.randomElement() }
        // 128 bits end in a character with two of them, of which the other four are zero.
        text.append(alphabet[Int.random(in: 0..<4) * 16])
        return String(decoding: text, as: UTF8.self) + "=="
    }
}
