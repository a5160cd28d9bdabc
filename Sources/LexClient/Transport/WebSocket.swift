import LexAPI
import NIOCore
import NIOPosix
import NIOWebSocket

/// One websocket of a server: what is said in order, both ways, and neither way faster than the other side takes it.
final class WebSocket: Sendable {
    private let channel: any Channel
    private let inbox: NIOLoopBound<WebSocketInbox>

    private init(channel: any Channel, inbox: NIOLoopBound<WebSocketInbox>) {
        self.channel = channel
        self.inbox = inbox
    }

    /// Connects to a path of a server; a refusal by the server is thrown as `APIError`.
    static func connect(to address: ServerAddress, path: String, on loop: any EventLoop) async throws -> WebSocket {
        let done = loop.makePromise(of: Void.self)
        let inbox = try await loop.submit { NIOLoopBound(WebSocketInbox(), eventLoop: loop) }.get()
        let bootstrap = ClientBootstrap(group: loop).channelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
                try WebSocketHandshake.install(on: channel, path: path, inbox: inbox.value, done: done)
            }
        }
        let channel: any Channel
        switch address {
        case .unix(let path):
            do {
                channel = try await bootstrap.connect(unixDomainSocketPath: path).get()
            } catch {
                done.fail(error)
                throw error
            }
        }
        try await done.futureResult.get()
        return WebSocket(channel: channel, inbox: inbox)
    }

    /// The next thing the other side says; nil when it is done. Only one task may ask.
    ///
    /// When the task is cancelled the socket is closed.
    func next() async throws -> WebSocketAssembly.Part? {
        try await withTaskCancellationHandler {
            let promise = channel.eventLoop.makePromise(of: WebSocketAssembly.Part?.self)
            channel.eventLoop.execute { [inbox] in inbox.value.next(promise) }
            return try await promise.futureResult.get()
        } onCancel: {
            channel.close(promise: nil)
        }
    }

    /// Sends bytes as one binary message and returns when the socket has taken them.
    func send(bytes: ByteBuffer) async throws { try await send(.binary, bytes) }

    /// Sends a text message; an empty one is LXD's marker for the end of a stream.
    func send(text: String) async throws { try await send(.text, ByteBuffer(string: text)) }

    /// Says good-bye and closes the socket.
    func close() async {
        var code = ByteBuffer()
        code.write(webSocketErrorCode: .normalClosure)
        try? await send(.connectionClose, code)
        try? await channel.close().get()
    }

    private func send(_ opcode: WebSocketOpcode, _ data: ByteBuffer) async throws {
        let frame = WebSocketFrame(fin: true, opcode: opcode, maskKey: .random(), data: data)
        try await channel.writeAndFlush(frame).get()
    }
}
