import CLexLinux
import Glibc
import LexAPI
import LexIPC
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix

enum MultiThreadedLoops {
    static var any: any EventLoop { MultiThreadedEventLoopGroup.singleton.next() }
}

/// Serves HTTP on the Unix socket: accepts, hands requests to the router, sends the answers.
struct HTTPServer: Sendable {
    let router: Router
    let logger: Logger
    /// The project a request is about, by its path and query; throws when there is no such project.
    let project: @Sendable (_ path: String, _ query: [String: String]) async throws -> String
    /// Answered instead of the router while the daemon is starting or stopping; nil lets the request through.
    let gate: @Sendable (Method, String) -> APIError?

    /// Listens on a Unix socket until the task is cancelled. `ready` runs when connections are taken.
    ///
    /// The socket has mode 0660 and belongs to `group`: who may connect is the host's root in effect.
    func run(
        unixSocket path: String, group: gid_t, ready: @escaping @Sendable () async throws -> Void
    ) async throws {
        let (requests, delivery) = AsyncStream<PendingRequest>.makeStream()
        let listener = try listen(path, group)
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            // As many as the kernel lets wait (net.core.somaxconn): a crowd of clients is not to be turned away.
            .serverChannelOption(.backlog, value: 4096)
            .childChannelInitializer { channel in Self.speakHTTP(on: channel) { delivery.yield($0) } }
            .withBoundSocket(listener).get()
        defer { channel.close(promise: nil) }
        try await ready()
        await withTaskCancellationHandler {
            await withDiscardingTaskGroup { group in
                for await request in requests { group.addTask { await self.answer(request) } }
                group.cancelAll()
            }
        } onCancel: {
            delivery.finish()
        }
    }

    /// Makes a connection that was accepted on a Unix socket one of HTTP.
    static func speakHTTP(
        on channel: any Channel, deliver: @escaping @Sendable (PendingRequest) -> Void
    ) -> EventLoopFuture<Void> {
        peer(of: channel).flatMapThrowing { try speakHTTP(on: channel, with: $0, deliver: deliver) }
    }

    /// The same where it is known who connected, with a time of its own for who says nothing. To be called on the
    /// channel's event loop.
    static func speakHTTP(
        on channel: any Channel, with peer: Peer, idleLimit: TimeAmount = .minutes(10),
        deliver: @escaping @Sendable (PendingRequest) -> Void
    ) throws {
        let encoder = HTTPResponseEncoder()
        let decoder = ByteToMessageHandler(HTTPRequestDecoder(leftOverBytesStrategy: .forwardBytes))
        let operations = channel.pipeline.syncOperations
        try operations.addHandler(encoder)
        try operations.addHandler(decoder)
        try operations.addHandler(
            Connection(peer: peer, idleLimit: idleLimit, encoder: encoder, decoder: decoder, deliver: deliver))
    }

    private func answer(_ pending: PendingRequest) async {
        let answer: Answer
        do {
            answer = try await route(pending)
        } catch {
            let error = ErrorAnswers.apiError(error)
            if error.status >= 500, error.status != 501, error.status != 503 {
                logger.warning(
                    "request failed",
                    metadata: [
                        "method": "\(pending.head.method)", "url": "\(pending.head.uri)", "status": "\(error.status)",
                        "reason": "\(error.message)",
                    ])
            }
            answer = .failure(error)
        }
        await pending.answer(with: answer)
    }

    private func route(_ pending: PendingRequest) async throws -> Answer {
        guard let target = RequestTarget(pending.head.uri) else {
            throw APIError.badRequest("The address of the request is not a path")
        }
        guard let method = Method(rawValue: pending.head.method.rawValue) else {
            throw APIError(status: 501, "not implemented")
        }
        var path = target.path
        var legacyName: String?
        for name in ["containers", "virtual-machines"] where path.hasPrefix("/1.0/\(name)") {
            let rest = path.dropFirst("/1.0/\(name)".count)
            guard rest.isEmpty || rest.hasPrefix("/") else { continue }
            path = "/1.0/instances" + rest
            legacyName = name
        }
        if let refusal = gate(method, path) { throw refusal }
        switch router.match(method, path) {
        case .notFound: throw APIError.notFound("not found")
        case .noSuchMethod: throw APIError(status: 501, "not implemented")
        case .found(let handler, let parameters):
            try ClusterMember.check(method, path, target.query)
            let request = Request(
                method: method, path: path, parameters: parameters, query: target.query, queryText: target.queryText,
                headers: pending.head.headers, peer: pending.peer, body: pending.body,
                closed: pending.channel.closeFuture,
                project: try await project(path, target.query), legacyName: legacyName)
            return try await handler(request)
        }
    }

    /// Who connected, by the kernel.
    static func peer(of channel: any Channel) -> EventLoopFuture<Peer> {
        guard let provider = channel as? any SocketOptionProvider else {
            return channel.eventLoop.makeFailedFuture(ChannelError.operationUnsupported)
        }
        // struct ucred is hidden behind _GNU_SOURCE: the same layout.
        struct Credentials: Sendable {
            var process: Int32 = 0
            var user: UInt32 = 0
            var group: UInt32 = 0
        }
        let credentials: EventLoopFuture<Credentials> = provider.unsafeGetSocketOption(
            level: .socket, name: .init(rawValue: SO_PEERCRED))
        return credentials.map { Peer(user: $0.user, process: $0.process) }
    }

    private func listen(_ path: String, _ group: gid_t) throws -> NIOBSDSocket.Handle {
        let other = lex_connect_unix(path)
        if other >= 0 {
            close(other)
            throw APIError.failed(
                "Another lexd already listens on \(path): stop it first, or give this one another LEXD_DIR")
        }
        unlink(path)
        let listener = OwnedDescriptor(taking: try checked("listen on", path) { lex_listen_unix(path) })
        try checked("change the group of", path) { chown(path, uid_t.max, group) }
        try checked("change the mode of", path) { chmod(path, 0o660) }
        return listener.release()
    }
}
