import LexAPI
import NIOCore
import NIOWebSocket

/// Asks for a websocket on a fresh connection and, when the server agrees, makes room for its frames.
final class WebSocketHandshake: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let path: String
    private let inbox: WebSocketInbox
    private let done: EventLoopPromise<Void>
    private var answer = HandshakeAnswer()
    private var timer: Scheduled<Void>?

    /// The largest frame taken. LXD puts whatever it has read into one frame; a long list in an event is the longest.
    private static let largestFrame = 64 << 20

    /// A handler for a new channel. The promise is kept when frames can be sent, or the server has refused.
    init(path: String, inbox: WebSocketInbox, done: EventLoopPromise<Void>) {
        self.path = path
        self.inbox = inbox
        self.done = done
    }

    func channelActive(context: ChannelHandlerContext) {
        let request = """
            GET \(path) HTTP/1.1\r
            Host: lexd\r
            User-Agent: lx\r
            Connection: Upgrade\r
            Upgrade: websocket\r
            Sec-WebSocket-Version: 13\r
            Sec-WebSocket-Key: \(Self.key())\r
            \r

            """
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: request)), promise: nil)
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: .seconds(10)) { [done, path] in
            done.fail(ClientError.connectionLost(during: path, reason: "no answer within 10 seconds"))
            context.close(promise: nil)
        }
        context.fireChannelActive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        do {
            switch try answer.take(unwrapInboundIn(data)) {
            case nil: break
            case .refused(let status, let body): fail(Self.refusal(status, body), context)
            case .agreed(let rest):
                timer?.cancel()
                let pipeline = context.pipeline.syncOperations
                try pipeline.addHandlers([
                    WebSocketFrameEncoder(),
                    ByteToMessageHandler(WebSocketFrameDecoder(maxFrameSize: Self.largestFrame)),
                    inbox,
                ])
                done.succeed()
                if rest.readableBytes > 0 { context.fireChannelRead(wrapInboundOut(rest)) }
                pipeline.removeHandler(context: context, promise: nil)
            }
        } catch {
            fail(error, context)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { fail(error, context) }

    func channelInactive(context: ChannelHandlerContext) {
        if case .refused(let status, let body) = answer.end() {
            fail(Self.refusal(status, body), context)
        } else {
            fail(ClientError.connectionLost(during: path, reason: "the server closed it"), context)
        }
        context.fireChannelInactive()
    }

    private func fail(_ error: any Error, _ context: ChannelHandlerContext) {
        timer?.cancel()
        done.fail(error)
        context.close(promise: nil)
    }

    static func refusal(_ status: Int, _ body: String) -> any Error {
        if let value = try? JSONValue.parse(Array(body.utf8)), let reason = value["error"]?.text, !reason.isEmpty {
            return APIError(status: value["error_code"]?.integer.map(Int.init(truncatingIfNeeded:)) ?? status, reason)
        }
        return ClientError.protocolViolation("asked for a websocket it said \(status) \"\(body.prefix(200))\"")
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
