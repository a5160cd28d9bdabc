import LexClient
import NIOCore
import NIOWebSocket

/// One websocket (RFC 6455), the server's side.
///
/// Binary messages come in as the frames they are sent in: what streams over it does not care where a message ends.
/// Text, which says something, is put together.
struct WebSocket: Sendable {
    enum Message: Sendable {
        case binary(ByteBuffer)
        case text(ByteBuffer)
    }

    /// The largest frame taken, in bytes.
    static let largestFrame = 16 << 20
    /// The largest text message, in bytes: pylxd sends all of a command's input in one.
    static let largestText = largestFrame

    private let channel: any Channel
    private let inbound: NIOAsyncChannelInboundStream<WebSocketFrame>

    init(channel: any Channel, inbound: NIOAsyncChannelInboundStream<WebSocketFrame>) {
        self.channel = channel
        self.inbound = inbound
    }

    /// Hands over what the other side sends, until its close, its end, or `handle` answers false; pings are answered
    /// on the way. Who breaks RFC 6455 is told so, and the connection ends. To be called once.
    func receive(_ handle: (Message) async throws -> Bool) async throws {
        var assembly = WebSocketAssembly(longestText: Self.largestText)
        for try await frame in inbound {
            let step: WebSocketAssembly.Step
            do {
                step = try assembly.take(frame.opcode, final: frame.fin, frame.unmaskedData)
            } catch {
                var code = ByteBuffer()
                code.write(webSocketErrorCode: .protocolError)
                try await send(.connectionClose, code)
                throw error
            }
            switch step {
            case .deliver(.text(let text)): guard try await handle(.text(text)) else { return }
            case .deliver(.bytes(let bytes)): guard try await handle(.binary(bytes)) else { return }
            case .answerPing(let data): try await send(.pong, data)
            case .close: return
            case .wait: break
            }
        }
    }

    func send(binary data: ByteBuffer) async throws { try await send(.binary, data) }
    func send(text data: ByteBuffer) async throws { try await send(.text, data) }

    /// Asks whether the other side is there; one that is not ends the connection. Not waited for, and not asked while
    /// the other side is behind: then what waits to be sent asks already.
    func ping() {
        guard channel.isWritable else { return }
        let frame = WebSocketFrame(fin: true, opcode: .ping, data: ByteBuffer(string: "keepalive"))
        channel.writeAndFlush(frame, promise: nil)
    }

    /// The end of a stream while the websocket stays open: LXD's empty text message.
    func sendEndOfStream() async throws { try await send(.text, ByteBuffer()) }

    /// Sends the closing frame with code 1000. The connection is closed when both sides have said so.
    func sendClose() async throws { try await send(.connectionClose, ByteBuffer(integer: UInt16(1000))) }

    /// Cuts the connection, with all that waits to be sent.
    func cut() { channel.close(promise: nil) }

    /// Done when the connection is closed.
    var closed: EventLoopFuture<Void> { channel.closeFuture }

    // Waits until the kernel has the bytes; the async channel's own writer has no bound over TLS.
    private func send(_ opcode: WebSocketOpcode, _ data: ByteBuffer) async throws {
        try await channel.send(WebSocketFrame(fin: true, opcode: opcode, data: data))
    }
}

extension Channel {
    /// Writes and waits until the kernel has the bytes. A task that is cancelled meanwhile closes the connection: NIO's
    /// promise knows of no cancellation, and who does not read would keep the daemon from ending.
    func send(_ part: some Sendable) async throws {
        try await withTaskCancellationHandler {
            try await writeAndFlush(part).get()
        } onCancel: {
            close(promise: nil)
        }
    }
}
