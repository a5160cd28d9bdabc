import NIOCore
import NIOWebSocket

/// The last handler of a websocket's pipeline: keeps what came until it is asked for, answers pings, and lets the
/// socket be read only as fast as its parts are taken. All of it happens on the event loop.
final class WebSocketInbox: ChannelInboundHandler, ChannelOutboundHandler {
    typealias InboundIn = WebSocketFrame
    typealias OutboundIn = WebSocketFrame
    typealias OutboundOut = WebSocketFrame

    /// How many bytes may lie here before reading stops. Above one frame's size, so that pings are still seen when the
    /// reader is slow for a moment.
    private static let roomiest = 1 << 20

    // A long list in an event is the longest.
    private var assembly = WebSocketAssembly(longestText: 64 << 20)
    private var parts: CircularBuffer<WebSocketAssembly.Part> = []
    private var bytesWaiting = 0
    private var readHeld = false
    private var ending: Result<Void, any Error>?
    private var waiting: EventLoopPromise<WebSocketAssembly.Part?>?
    private var context: ChannelHandlerContext?

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }
    func handlerRemoved(context: ChannelHandlerContext) {
        end(.success(()))
        self.context = nil
    }

    /// The next part, nil after the last; one caller at a time.
    func next(_ promise: EventLoopPromise<WebSocketAssembly.Part?>) {
        if let part = parts.popFirst() {
            bytesWaiting -= Self.size(part)
            promise.succeed(part)
            if readHeld, bytesWaiting < Self.roomiest {
                readHeld = false
                context?.read()
            }
        } else if let ending {
            promise.completeWith(ending.map { nil })
        } else if waiting != nil {
            promise.fail(ClientError.protocolViolation("two readers of one websocket"))
        } else {
            waiting = promise
        }
    }

    func read(context: ChannelHandlerContext) {
        if bytesWaiting < Self.roomiest { context.read() } else { readHeld = true }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let frame = unwrapInboundIn(data)
        do {
            switch try assembly.take(frame.opcode, final: frame.fin, frame.unmaskedData) {
            case .deliver(let part): deliver(part)
            case .answerPing(let data): send(.pong, data, context: context)
            case .close(let data):
                send(.connectionClose, data, context: context)
                end(.success(()))
                context.close(promise: nil)
            case .wait: break
            }
        } catch {
            end(.failure(ClientError.protocolViolation("\(error)")))
            context.close(promise: nil)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        end(.failure(error))
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        // LXD ends a socket by closing it as often as by a close frame; what a stream needs to be complete is its
        // marker, which the reader looks for.
        end(.success(()))
        context.fireChannelInactive()
    }

    private func send(_ opcode: WebSocketOpcode, _ data: ByteBuffer, context: ChannelHandlerContext) {
        let frame = WebSocketFrame(fin: true, opcode: opcode, maskKey: .random(), data: data)
        context.writeAndFlush(wrapOutboundOut(frame), promise: nil)
    }

    private func deliver(_ part: WebSocketAssembly.Part) {
        if let promise = waiting {
            waiting = nil
            promise.succeed(part)
        } else {
            bytesWaiting += Self.size(part)
            parts.append(part)
        }
    }

    private func end(_ result: Result<Void, any Error>) {
        guard ending == nil else { return }
        ending = result
        if let promise = waiting {
            waiting = nil
            promise.completeWith(result.map { nil })
        }
    }

    private static func size(_ part: WebSocketAssembly.Part) -> Int {
        switch part {
        case .text(let bytes), .bytes(let bytes): bytes.readableBytes
        }
    }
}
