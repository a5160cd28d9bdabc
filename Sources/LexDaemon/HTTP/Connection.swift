import Crypto
import FoundationEssentials
import LexAPI
import NIOCore
import NIOHTTP1
import NIOWebSocket

/// A request whose head has arrived, on its way to the task that answers it.
struct PendingRequest: Sendable {
    let head: HTTPRequestHead
    let peer: Peer
    let body: RequestBody
    let channel: any Channel
    let connection: NIOLoopBound<Connection>

    /// Sends the answer; returns when it is sent, or, for a websocket, when that has ended.
    func answer(with answer: Answer) async {
        let loop = channel.eventLoop
        do {
            switch answer.payload {
            case .bytes(let bytes):
                loop.execute { connection.value.send(answer, bytes) }
            case .stream(let length, let write):
                try await loop.submit { connection.value.sendHead(answer, length: length) }.get()
                if head.method != .HEAD { try await write(BodyWriter(channel: channel)) }
                loop.execute { connection.value.sendEnd() }
            case .webSocket(let run):
                let wrapped = try await loop.flatSubmit { connection.value.becomeWebSocket(answer) }.get()
                try await wrapped.executeThenClose { inbound, _ in
                    try await run(WebSocket(channel: wrapped.channel, inbound: inbound))
                }
            case .upgrade(let name, let run):
                let wrapped = try await loop.flatSubmit { connection.value.leaveHTTP(answer, for: name) }.get()
                try await wrapped.executeThenClose { inbound, _ in
                    try await run(ByteStream(channel: wrapped.channel, inbound: inbound))
                }
            case .bare(let run):
                let wrapped = try await loop.flatSubmit { connection.value.leaveHTTP(answer, for: nil) }.get()
                try await wrapped.executeThenClose { inbound, _ in
                    try await run(ByteStream(channel: wrapped.channel, inbound: inbound))
                }
            }
        } catch {
            // The other side went away, or the source of the body failed half-way: all that is left is to say so by
            // closing, since the length that was promised cannot be kept.
            channel.close(promise: nil)
        }
    }
}

/// One HTTP/1.1 connection: requests one at a time, bodies with back-pressure both ways, an upgrade at any request.
///
/// NIO's own upgrade handler leaves the pipeline after the first request and loses the head of a refused upgrade
/// (swift-nio issues 680 and 2632), so upgrading is done here, after the router has said yes.
final class Connection: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    private enum Phase { case idle, busy, upgrading, closing }

    private var phase = Phase.idle
    private var queue: CircularBuffer<HTTPServerRequestPart> = []
    private var leftOver: [NIOAny] = []
    private var body: RequestBody.Source?
    private var bodyIsFull = false
    private var bodyIsUnwanted = false
    private var requestEnded = false
    private var answerEnded = false
    private var readIsHeld = false
    private var keepAlive = true
    /// What followed the last whole request is no HTTP: nothing more can be read, but what was asked is answered.
    private var isBroken = false
    /// Whether the request wants the head of an answer only: a body would be taken for the next answer.
    private var isHead = false
    /// Whether the request was of HTTP/1.0.
    private var isOld = false
    /// Counts the requests: what the reader of one's body wants must not be taken for the next one's.
    private var request = 0
    private var context: ChannelHandlerContext?
    private var idleTimeout: Scheduled<Void>?

    private let peer: Peer
    private let encoder: HTTPResponseEncoder
    private let decoder: ByteToMessageHandler<HTTPRequestDecoder>
    private let deliver: @Sendable (PendingRequest) -> Void

    /// How long the connection may stay open without a request, or take to send the head of one.
    private let idleLimit: TimeAmount

    init(
        peer: Peer, idleLimit: TimeAmount, encoder: HTTPResponseEncoder,
        decoder: ByteToMessageHandler<HTTPRequestDecoder>,
        deliver: @escaping @Sendable (PendingRequest) -> Void
    ) {
        self.peer = peer
        self.idleLimit = idleLimit
        self.encoder = encoder
        self.decoder = decoder
        self.deliver = deliver
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        startIdleTimeout()
    }
    func handlerRemoved(context: ChannelHandlerContext) {
        idleTimeout?.cancel()
        self.context = nil
    }

    private func startIdleTimeout() {
        guard let context else { return }
        let channel = context.channel
        idleTimeout = context.eventLoop.scheduleTask(in: idleLimit) { channel.close(promise: nil) }
    }

    // Reading stops while the body's reader is behind, while one request is being answered, and during an upgrade.
    private var holdsReads: Bool {
        bodyIsFull || phase == .upgrading || (phase == .busy && requestEnded)
    }
    func read(context: ChannelHandlerContext) {
        if holdsReads { readIsHeld = true } else { context.read() }
    }
    private func releaseRead() {
        guard readIsHeld, !holdsReads else { return }
        readIsHeld = false
        context?.read()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if phase == .upgrading {
            leftOver.append(data)
            return
        }
        queue.append(Self.unwrapInboundIn(data))
        drain()
    }

    private func drain() {
        while let part = queue.first {
            switch part {
            case .head(let head):
                guard phase == .idle else { return }
                queue.removeFirst()
                begin(head)
            case .body(let bytes):
                queue.removeFirst()
                guard !bodyIsUnwanted, let body else { continue }
                switch body.yield(bytes) {
                case .produceMore: break
                case .stopProducing: bodyIsFull = true
                case .dropped: bodyIsUnwanted = true
                }
            case .end:
                queue.removeFirst()
                requestEnded = true
                body?.finish()
                body = nil
                bodyIsFull = false
                finishIfDone()
            }
        }
        // The rest of a request that broke off never comes.
        if isBroken, !(phase == .busy && requestEnded) { context?.close(promise: nil) }
    }

    fileprivate func wantsMoreBody(of request: Int) {
        guard request == self.request else { return }
        bodyIsFull = false
        releaseRead()
    }
    fileprivate func wantsNoMoreBody(of request: Int) {
        guard request == self.request else { return }
        bodyIsUnwanted = true
        bodyIsFull = false
        releaseRead()
    }

    private func begin(_ head: HTTPRequestHead) {
        guard let context else { return }
        idleTimeout?.cancel()
        phase = .busy
        requestEnded = false
        answerEnded = false
        bodyIsUnwanted = false
        // Behind a request to change the protocol the decoder reads nothing more, also when we refuse.
        keepAlive = head.isKeepAlive && head.headers.first(name: "upgrade") == nil && head.method != .CONNECT
        isHead = head.method == .HEAD
        isOld = head.version == .http1_0
        request += 1
        let producer = NIOThrowingAsyncSequenceProducer.makeSequence(
            elementType: ByteBuffer.self, failureType: (any Error).self,
            backPressureStrategy: NIOAsyncSequenceProducerBackPressureStrategies.HighLowWatermark(
                lowWatermark: 4, highWatermark: 16),
            finishOnDeinit: true, delegate: RequestBodyDelegate(self, request, context.eventLoop))
        body = producer.source
        if head.headers.first(name: "expect")?.lowercased() == "100-continue" {
            context.writeAndFlush(
                Self.wrapOutboundOut(.head(.init(version: .http1_1, status: .continue))), promise: nil)
        }
        deliver(
            PendingRequest(
                head: head, peer: peer, body: producer.sequence, channel: context.channel,
                connection: NIOLoopBound(self, eventLoop: context.eventLoop)))
    }

    private func responseHead(_ answer: Answer, length: Int64?) -> HTTPServerResponsePart {
        var head = HTTPResponseHead(version: .http1_1, status: answer.status, headers: answer.headers)
        if let length {
            if answer.status.mayHaveResponseBody {
                head.headers.replaceOrAdd(name: "Content-Length", value: String(length))
            }
        } else if isOld {
            // HTTP/1.0 has no chunks: the body ends with the connection.
            head.version = .http1_0
            keepAlive = false
        } else {
            head.headers.replaceOrAdd(name: "Transfer-Encoding", value: "chunked")
        }
        head.headers.replaceOrAdd(name: "Date", value: HTTPDate.now)
        if !keepAlive || (isBroken && queue.isEmpty) { head.headers.replaceOrAdd(name: "Connection", value: "close") }
        return .head(head)
    }

    fileprivate func send(_ answer: Answer, _ bytes: ByteBuffer) {
        guard let context else { return }
        if answer.headers.first(name: "Connection") == "close" { keepAlive = false }
        context.write(
            Self.wrapOutboundOut(responseHead(answer, length: Int64(bytes.readableBytes))), promise: nil)
        if bytes.readableBytes > 0, !isHead {
            context.write(Self.wrapOutboundOut(.body(.byteBuffer(bytes))), promise: nil)
        }
        sendEnd()
    }
    fileprivate func sendHead(_ answer: Answer, length: Int64?) {
        context?.writeAndFlush(Self.wrapOutboundOut(responseHead(answer, length: length)), promise: nil)
    }
    fileprivate func sendEnd() {
        guard let context else { return }
        // Behind a head alone the encoder would write the end of chunks, which the next answer is taken to begin with.
        if isHead { context.flush() } else { context.writeAndFlush(Self.wrapOutboundOut(.end(nil)), promise: nil) }
        answerEnded = true
        if !requestEnded { wantsNoMoreBody(of: request) }
        finishIfDone()
    }

    private func finishIfDone() {
        guard answerEnded, requestEnded, phase == .busy else { return }
        guard keepAlive, !(isBroken && queue.isEmpty) else {
            phase = .closing
            context?.close(promise: nil)
            return
        }
        phase = .idle
        startIdleTimeout()
        releaseRead()
        drain()
    }

    /// Turns the connection into a websocket.
    fileprivate func becomeWebSocket(
        _ answer: Answer
    ) -> EventLoopFuture<NIOAsyncChannel<WebSocketFrame, WebSocketFrame>> {
        upgrade(answer, to: "websocket") { operations in
            try operations.addHandler(WebSocketFrameEncoder())
            try operations.addHandler(
                ByteToMessageHandler(WebSocketFrameDecoder(maxFrameSize: WebSocket.largestFrame)))
            try operations.addHandler(WebSocketProtocolErrorHandler())
        }
    }

    /// Turns the connection into one of another protocol, whose bytes are handed on as they are.
    fileprivate func leaveHTTP(
        _ answer: Answer, for name: String?
    ) -> EventLoopFuture<NIOAsyncChannel<ByteBuffer, ByteBuffer>> {
        upgrade(answer, to: name) { _ in }
    }

    /// Changes the protocol: the HTTP decoder goes first and leaves its unread bytes, then the 101 is sent, then the
    /// encoder goes and the new protocol's handlers come, and last the unread bytes are played to them. Without a name
    /// nothing is sent here.
    private func upgrade<Unit: Sendable>(
        _ answer: Answer, to name: String?,
        _ addHandlers: @escaping @Sendable (ChannelPipeline.SynchronousOperations) throws -> Void
    ) -> EventLoopFuture<NIOAsyncChannel<Unit, Unit>> {
        guard let context, requestEnded else {
            return (context?.eventLoop ?? MultiThreadedLoops.any).makeFailedFuture(
                ChannelError.inappropriateOperationForState)
        }
        phase = .upgrading
        var head = HTTPResponseHead(version: .http1_1, status: .switchingProtocols, headers: answer.headers)
        head.headers.replaceOrAdd(name: "Connection", value: "Upgrade")
        if let name { head.headers.replaceOrAdd(name: "Upgrade", value: name) }
        let isTold = name != nil
        let channel = context.channel
        let me = NIOLoopBound(self, eventLoop: context.eventLoop)
        let encoder = NIOLoopBound(self.encoder, eventLoop: context.eventLoop)
        let part = Self.wrapOutboundOut(.head(head))
        let boxed = NIOLoopBound(part, eventLoop: context.eventLoop)
        return context.pipeline.syncOperations.removeHandler(decoder).flatMap {
            guard let context = me.value.context else {
                return channel.eventLoop.makeFailedFuture(ChannelError.ioOnClosedChannel)
            }
            return isTold ? context.writeAndFlush(boxed.value) : channel.eventLoop.makeSucceededVoidFuture()
        }.flatMap {
            channel.pipeline.syncOperations.removeHandler(encoder.value)
        }.flatMapThrowing {
            let operations = channel.pipeline.syncOperations
            try addHandlers(operations)
            let wrapped = try NIOAsyncChannel<Unit, Unit>(
                wrappingChannelSynchronously: channel,
                configuration: .init(
                    backPressureStrategy: .init(lowWatermark: 2, highWatermark: 8), isOutboundHalfClosureEnabled: false)
            )
            me.value.leave()
            return wrapped
        }
    }

    /// Leaves the pipeline and plays what was read too early to who comes after.
    private func leave() {
        guard let context else { return }
        for data in leftOver { context.fireChannelRead(data) }
        if !leftOver.isEmpty { context.fireChannelReadComplete() }
        leftOver = []
        phase = .closing
        let channel = context.channel
        let hadRead = readIsHeld
        readIsHeld = false
        context.pipeline.syncOperations.removeHandler(self, promise: nil)
        if hadRead { channel.read() }
    }

    func channelInactive(context: ChannelHandlerContext) {
        body?.finish(ChannelError.inputClosed)
        body = nil
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if isBroken || error is HTTPParserError, phase == .busy, requestEnded {
            isBroken = true
            return
        }
        if error is HTTPParserError, phase == .idle {
            let answer = Answer.failure(.badRequest("The request is not valid HTTP/1.1"))
            keepAlive = false
            if case .bytes(let bytes) = answer.payload {
                context.write(
                    Self.wrapOutboundOut(responseHead(answer, length: Int64(bytes.readableBytes))), promise: nil)
                context.write(Self.wrapOutboundOut(.body(.byteBuffer(bytes))), promise: nil)
                context.writeAndFlush(Self.wrapOutboundOut(.end(nil)), promise: nil)
            }
        }
        context.close(promise: nil)
    }
}

/// Tells the connection what the reader of a body wants.
final class RequestBodyDelegate: NIOAsyncSequenceProducerDelegate, Sendable {
    private let loop: any EventLoop
    private let connection: NIOLoopBound<Connection>
    private let request: Int

    init(_ connection: Connection, _ request: Int, _ loop: any EventLoop) {
        self.loop = loop
        self.request = request
        self.connection = NIOLoopBound(connection, eventLoop: loop)
    }
    func produceMore() { loop.execute { self.connection.value.wantsMoreBody(of: self.request) } }
    func didTerminate() { loop.execute { self.connection.value.wantsNoMoreBody(of: self.request) } }
}

extension Answer {
    /// Turns a request into a websocket, or refuses what is not a websocket request.
    static func webSocket(
        _ request: Request, _ run: @escaping @Sendable (WebSocket) async throws -> Void
    ) -> Answer {
        guard request.headers[canonicalForm: "upgrade"].contains(where: { $0.lowercased() == "websocket" }),
            let key = request.headers.first(name: "sec-websocket-key"),
            request.headers.first(name: "sec-websocket-version") == "13"
        else { return .failure(.badRequest("This address takes websocket connections only (RFC 6455)")) }
        let digest = Insecure.SHA1.hash(data: Data((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").utf8))
        let accept = Data(digest).base64EncodedString()
        return Answer(status: .switchingProtocols, headers: ["Sec-WebSocket-Accept": accept], .webSocket(run))
    }
}
