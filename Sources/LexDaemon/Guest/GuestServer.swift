import CLexLinux
import Glibc
import LexAPI
import LexHost
import LexIPC
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// Listens for each running instance on a socket of its own, which the instance finds as `/dev/lxd/sock`.
///
/// Who asks is known by the socket it came through: only one instance can reach it, and nothing it says can make it
/// another. What lies in the instance is the directory of the socket, so that the socket of a later lexd is found there
/// too.
final class GuestServer: Sendable {
    /// A request of an instance.
    struct Arrival: Sendable {
        let listener: Listener
        let request: PendingRequest
    }

    /// One instance's socket, and what it may cost.
    final class Listener: Sendable {
        /// The instance, by its record's key.
        let key: String
        /// The host's id of the instance's root: nobody else in it may ask.
        let owner: UInt32
        fileprivate let channel = Mutex<(any Channel)?>(nil)
        private struct Connections {
            var ofRoot = 0
            var ofStrangers: [UInt32: Int] = [:]
        }
        private let connections = Mutex(Connections())
        private let pace = Mutex(Pace())
        private let paceOfStrangers = Mutex(Pace())

        /// The most connections of the instance's root at a time, of any other of its users, and of all others together:
        /// these are only told that they may not ask, and must keep nobody from it who may.
        static let mostConnections = 32
        static let mostOfOneStranger = 4
        static let mostOfStrangers = 32

        init(key: String, owner: UInt32) {
            self.key = key
            self.owner = owner
        }

        /// Counts a connection of a user; false when there are too many.
        func connect(_ user: UInt32) -> Bool {
            connections.withLock { connections in
                guard user != owner else {
                    guard connections.ofRoot < Self.mostConnections else { return false }
                    connections.ofRoot += 1
                    return true
                }
                let present = connections.ofStrangers[user] ?? 0
                guard present < Self.mostOfOneStranger,
                    connections.ofStrangers.values.reduce(0, +) < Self.mostOfStrangers
                else { return false }
                connections.ofStrangers[user] = present + 1
                return true
            }
        }

        /// Counts one less.
        func disconnect(_ user: UInt32) {
            connections.withLock { connections in
                if user == owner {
                    connections.ofRoot -= 1
                } else {
                    let left = (connections.ofStrangers[user] ?? 0) - 1
                    connections.ofStrangers[user] = left > 0 ? left : nil
                }
            }
        }

        /// Waits until it is the turn of a request of this user.
        func waitForTurn(of user: UInt32) async throws {
            let wait =
                user == owner ? pace.withLock { $0.take(.now) } : paceOfStrangers.withLock { $0.take(.now) }
            if wait > .zero { try await Task.sleep(for: wait) }
        }
    }

    /// So many requests in a second, and some more at once.
    struct Pace {
        private static let interval = Duration.milliseconds(5)
        private static let burst = 400
        private var next = ContinuousClock.now

        /// How long a request that comes at a moment has to wait.
        mutating func take(_ now: ContinuousClock.Instant) -> Duration {
            let earliest = now - Self.interval * Self.burst
            if next < earliest { next = earliest }
            next += Self.interval
            return next > now ? now.duration(to: next) : .zero
        }
    }

    private let listeners = Mutex<[String: Listener]>([:])
    private let arrivals: AsyncStream<Arrival>
    private let arrive: AsyncStream<Arrival>.Continuation

    init() { (arrivals, arrive) = AsyncStream<Arrival>.makeStream() }

    /// Answers all requests until the task is cancelled.
    func run(_ answer: @escaping @Sendable (Arrival) async -> Void) async {
        await withTaskCancellationHandler {
            await withDiscardingTaskGroup { group in
                for await arrival in arrivals { group.addTask { await answer(arrival) } }
                group.cancelAll()
            }
        } onCancel: {
            arrive.finish()
        }
    }

    /// Begins to listen for an instance in a directory that is there; an earlier socket in it is replaced.
    func open(_ key: String, owner: UInt32, in directory: String) async throws {
        await close(key)
        let listener = Listener(key: key, owner: owner)
        let socket = try await blocking { try Self.listen(in: directory) }
        let arrive = arrive
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.backlog, value: 16)
            .childChannelInitializer { channel in
                HTTPServer.peer(of: channel).flatMapThrowing { peer in
                    let user = peer.user
                    guard listener.connect(user) else { throw TooManyConnections() }
                    channel.closeFuture.whenComplete { _ in listener.disconnect(user) }
                    if user != listener.owner {
                        // Whatever it sends, or does not: it has no business here.
                        let end = channel.eventLoop.scheduleTask(in: Self.longestOfStrangers) {
                            channel.close(promise: nil)
                        }
                        channel.closeFuture.whenComplete { _ in end.cancel() }
                    }
                    try HTTPServer.speakHTTP(on: channel, with: peer, idleLimit: Self.idleLimit) {
                        arrive.yield(Arrival(listener: listener, request: $0))
                    }
                }
            }
            .withBoundSocket(socket).get()
        listener.channel.withLock { $0 = channel }
        listeners.withLock { $0[key] = listener }
    }

    /// How long a connection of the instance's root may stay open without a request; who follows events has made one.
    private static let idleLimit = TimeAmount.seconds(30)
    /// How long one of another user may be open at all.
    private static let longestOfStrangers = TimeAmount.seconds(5)

    private struct TooManyConnections: Error {}

    /// Ends listening for an instance.
    func close(_ key: String) async {
        guard let listener = listeners.withLock({ $0.removeValue(forKey: key) }) else { return }
        try? await listener.channel.withLock { $0 }?.close().get()
    }

    /// Whether it listens for an instance.
    func isOpen(_ key: String) -> Bool { listeners.withLock { $0[key] != nil } }

    /// By a descriptor of the directory: its path may be too long for the address of a socket (unix(7)).
    private static func listen(in directory: String) throws -> NIOBSDSocket.Handle {
        let place = try OwnedDescriptor.directory(directory)
        let path = "/proc/self/fd/\(place.number)/sock"
        unlink(path)
        let socket = OwnedDescriptor(taking: try checked("listen in", directory) { lex_listen_unix(path) })
        // Everybody in there may connect; who is not root is told that it may not ask.
        try checked("change the mode of the socket in", directory) { chmod(path, 0o666) }
        return socket.release()
    }
}
