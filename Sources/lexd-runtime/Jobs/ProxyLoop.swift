import CLexLinux
import Glibc
import LexIPC

/// How long a peer of packets may be silent before it is forgotten.
private let packetPatience: Int64 = 180_000
/// How many such peers there are at most.
private let mostPeers = 8192

/// Waits at sockets and moves what comes.
///
/// What is read from one side is written to the other at once; what that side does not take is kept, and nothing more is
/// read until it has been taken. So a connection holds at most one piece of 64 KiB for each way.
final class ProxyLoop {
    private let epoll: Int32
    private let connects: [ProxyAddress]
    private let tellsWho: Bool
    private var listeners: [Listener] = []
    private var handlers: [UInt64: Handler] = [:]
    private var nextToken: UInt64 = 1
    private var peers: [Peer.Key: Peer] = [:]
    private var lastSweep = monotonicMilliseconds()
    /// Unix sockets whose queue was full, to be tried again.
    private var waiting: [(connection: Connection, place: ProxyAddress, since: Int64)] = []
    private var areListenersPaused = false
    private var buffer = [UInt8](repeating: 0, count: 65536)

    private struct Listener {
        let socket: Int32
        let isPackets: Bool
        let token: UInt64
    }

    private enum Handler {
        case instance
        case listener(Int)
        case client(Connection)
        case server(Connection)
        case peer(Peer)
    }

    init(epoll: Int32, connects: [ProxyAddress], tellsWho: Bool) {
        self.epoll = epoll
        self.connects = connects
        self.tellsWho = tellsWho
    }

    func watch(_ sockets: [Int32], _ arePackets: [Bool], instance: Int32) throws {
        for (index, (socket, isPackets)) in zip(sockets, arePackets).enumerated() {
            let token = add(.listener(index))
            listeners.append(Listener(socket: socket, isPackets: isPackets, token: token))
            try checked("watch", "a socket") { lex_epoll_wish(epoll, socket, token, 1, 1) }
        }
        try checked("watch", "the instance") { lex_epoll_wish(epoll, instance, add(.instance), 1, 1) }
    }

    private func add(_ handler: Handler) -> UInt64 {
        nextToken += 1
        handlers[nextToken] = handler
        return nextToken
    }

    private func place(for listener: Int) -> ProxyAddress { connects.count == 1 ? connects[0] : connects[listener] }

    /// Goes on until the instance has ended.
    func run() {
        var tokens = [UInt64](repeating: 0, count: 64)
        var events = [Int32](repeating: 0, count: 64)
        while true {
            let patience: Int32 = !waiting.isEmpty ? 10 : peers.isEmpty ? -1 : 10_000
            let count = lex_epoll_wait_events(epoll, &tokens, &events, 64, patience)
            if count < 0 && errno != EINTR { return }
            for index in 0..<max(0, Int(count)) {
                // What one event closed may have another one in the same round.
                guard let handler = handlers[tokens[index]] else { continue }
                switch handler {
                case .instance: return
                case .listener(let number):
                    if listeners[number].isPackets { receive(number) } else { accept(number) }
                case .client(let connection): move(connection, clientEvents: events[index])
                case .server(let connection): serverIsReady(connection, events[index])
                case .peer(let peer): answer(peer, events[index])
                }
            }
            tryAgain()
            forgetSilent()
        }
    }

    // MARK: streams

    /// One connection: two sockets and what waits between them.
    private final class Connection {
        let client: Side
        let server: Side
        var isConnected = false

        init(client: Int32, server: Int32, isPackets: Bool) {
            self.client = Side(client)
            self.server = Side(server)
            self.server.isPackets = isPackets
        }
    }

    /// One socket of a connection, and what is to be written to it.
    private final class Side {
        let socket: Int32
        var token: UInt64 = 0
        var wishes: Int32 = 0
        var isWatched = false
        /// What it has not taken yet.
        var pending: ArraySlice<UInt8> = []
        /// It has said everything.
        var hasEnded = false
        /// It was told that nothing more comes.
        var isShut = false
        var isPackets = false

        init(_ socket: Int32) { self.socket = socket }
    }

    private func accept(_ number: Int) {
        for _ in 0..<64 {
            let client = lex_proxy_accept(listeners[number].socket)
            if client < 0 {
                // Without descriptors those who wait would wake us for ever: until one has gone nobody is let in.
                if [EMFILE, ENFILE, ENOBUFS, ENOMEM].contains(errno) { pauseListeners(true) }
                return
            }
            let place = place(for: number)
            let server = lex_proxy_socket(place.family, place.isPackets ? 1 : 0)
            if server < 0 {
                close(client)
                pauseListeners(true)
                return
            }
            let connection = Connection(client: client, server: server, isPackets: place.isPackets)
            connection.client.token = add(.client(connection))
            connection.server.token = add(.server(connection))
            if tellsWho { connection.server.pending = header(client)[...] }
            connect(connection, place)
        }
    }

    private func header(_ client: Int32) -> [UInt8] {
        var text = [CChar](repeating: 0, count: 160)
        lex_describe_ends(client, &text, text.count)
        let said = text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        return Array("PROXY ".utf8) + (said.isEmpty ? Array("UNKNOWN".utf8) : said) + [13, 10]
    }

    private func connect(_ connection: Connection, _ place: ProxyAddress, since: Int64? = nil) {
        var address = place.value
        if lex_proxy_connect(connection.server.socket, &address) == 0 {
            connection.isConnected = true
            move(connection, clientEvents: 0)
        } else if errno == EINPROGRESS {
            wish(connection.server, 2)
        } else if errno == EAGAIN {
            // A Unix socket whose queue is full says so at once (unix(7)).
            waiting.append((connection, place, since ?? monotonicMilliseconds()))
        } else {
            end(connection)
        }
    }

    private func tryAgain() {
        guard !waiting.isEmpty else { return }
        let again = waiting
        waiting = []
        let now = monotonicMilliseconds()
        for entry in again where handlers[entry.connection.client.token] != nil {
            if now - entry.since > 10_000 {
                end(entry.connection)
            } else {
                connect(entry.connection, entry.place, since: entry.since)
            }
        }
    }

    private func serverIsReady(_ connection: Connection, _ events: Int32) {
        if !connection.isConnected {
            guard lex_socket_error(connection.server.socket) == 0 else { return end(connection) }
            connection.isConnected = true
        }
        move(connection, clientEvents: 0)
    }

    /// Moves what can be moved both ways, and wishes for what cannot.
    private func move(_ connection: Connection, clientEvents: Int32) {
        let (client, server) = (connection.client, connection.server)
        guard connection.isConnected else { return }
        guard pump(from: client, to: server), pump(from: server, to: client) else { return end(connection) }
        // Packets have no end of their own to wait for.
        if client.hasEnded && (server.hasEnded || server.isPackets) && client.pending.isEmpty && server.pending.isEmpty
        {
            return end(connection)
        }
        wish(client, (client.hasEnded || !server.pending.isEmpty ? 0 : 1) | (client.pending.isEmpty ? 0 : 2))
        wish(server, (server.hasEnded || !client.pending.isEmpty ? 0 : 1) | (server.pending.isEmpty ? 0 : 2))
    }

    /// False when the connection is broken.
    private func pump(from source: Side, to target: Side) -> Bool {
        guard flush(target) else { return false }
        // Not for ever with one: there are others.
        for _ in 0..<16 where target.pending.isEmpty && !source.hasEnded {
            let got = buffer.withUnsafeMutableBytes { recv(source.socket, $0.baseAddress, $0.count, 0) }
            if got < 0 {
                if errno == EINTR { continue }
                return errno == EAGAIN || (source.isPackets && errno == ECONNREFUSED)
            }
            if got == 0 && !source.isPackets {
                source.hasEnded = true
                break
            }
            let sent = buffer.withUnsafeBytes { lex_send_quietly(target.socket, $0.baseAddress, got) }
            if sent < 0 {
                // A packet that there is no room for is lost, as packets are.
                if target.isPackets { continue }
                guard errno == EAGAIN || errno == EINTR else { return false }
                target.pending = buffer[..<got]
            } else if sent < got, !target.isPackets {
                target.pending = buffer[sent..<got]
            }
        }
        if source.hasEnded, target.pending.isEmpty, !target.isShut {
            target.isShut = true
            if !target.isPackets { shutdown(target.socket, Int32(SHUT_WR)) }
        }
        return true
    }

    /// Writes what waits; false when nobody takes it any more.
    private func flush(_ side: Side) -> Bool {
        while !side.pending.isEmpty {
            let sent = side.pending.withUnsafeBytes { lex_send_quietly(side.socket, $0.baseAddress, $0.count) }
            if sent < 0 {
                if errno == EINTR { continue }
                return errno == EAGAIN
            }
            side.pending = side.pending.dropFirst(sent)
        }
        side.pending = []
        return true
    }

    private func wish(_ side: Side, _ wishes: Int32) {
        guard wishes != side.wishes else { return }
        _ = lex_epoll_wish(epoll, side.socket, side.token, wishes, side.isWatched ? 0 : 1)
        side.isWatched = wishes != 0
        side.wishes = wishes
    }

    private func end(_ connection: Connection) {
        for side in [connection.client, connection.server] where handlers.removeValue(forKey: side.token) != nil {
            close(side.socket)
        }
        pauseListeners(false)
    }

    private func pauseListeners(_ paused: Bool) {
        guard paused != areListenersPaused else { return }
        areListenersPaused = paused
        for listener in listeners {
            _ = lex_epoll_wish(epoll, listener.socket, listener.token, paused ? 0 : 1, paused ? 0 : 1)
        }
    }

    // MARK: packets

    /// Somebody who sends packets, and the socket that stands for them on the other side.
    private final class Peer {
        let key: Key
        let address: lex_socket_address
        let side: Side
        var isConnected: Bool
        var lastHeard: Int64

        struct Key: Hashable {
            let listener: Int
            let address: [UInt8]
        }

        init(_ key: Key, _ address: lex_socket_address, _ side: Side, isConnected: Bool) {
            self.key = key
            self.address = address
            self.side = side
            self.isConnected = isConnected
            lastHeard = monotonicMilliseconds()
        }
    }

    private func receive(_ number: Int) {
        for _ in 0..<64 {
            var from = lex_socket_address()
            let got = buffer.withUnsafeMutableBytes {
                lex_receive_packet(listeners[number].socket, $0.baseAddress, $0.count, &from)
            }
            guard got >= 0 else { return }
            let length = Int(min(from.length, 128))
            let key = Peer.Key(
                listener: number, address: withUnsafeBytes(of: from.bytes) { Array($0.prefix(length)) })
            guard let peer = peers[key] ?? newPeer(key, from) else { continue }
            peer.lastHeard = monotonicMilliseconds()
            send(Array(buffer[..<got]), to: peer)
        }
    }

    private func newPeer(_ key: Peer.Key, _ from: lex_socket_address) -> Peer? {
        guard peers.count < mostPeers else { return nil }
        let place = place(for: key.listener)
        let socket = lex_proxy_socket(place.family, place.isPackets ? 1 : 0)
        guard socket >= 0 else { return nil }
        var address = place.value
        let isConnected = lex_proxy_connect(socket, &address) == 0
        guard isConnected || errno == EINPROGRESS else {
            close(socket)
            return nil
        }
        let side = Side(socket)
        side.isPackets = place.isPackets
        let peer = Peer(key, from, side, isConnected: isConnected)
        side.token = add(.peer(peer))
        peers[key] = peer
        wish(side, isConnected ? 1 : 2)
        return peer
    }

    private func send(_ packet: [UInt8], to peer: Peer) {
        let side = peer.side
        if side.isPackets {
            _ = packet.withUnsafeBytes { lex_send_quietly(side.socket, $0.baseAddress, $0.count) }
            return
        }
        // Into a stream, as far as there is room for it.
        guard side.pending.count + packet.count <= 1 << 18 else { return }
        side.pending += packet
        guard peer.isConnected else { return }
        guard flush(side) else { return forget(peer) }
        wish(side, side.pending.isEmpty ? 1 : 3)
    }

    private func answer(_ peer: Peer, _ events: Int32) {
        let side = peer.side
        if !peer.isConnected {
            guard lex_socket_error(side.socket) == 0 else { return forget(peer) }
            peer.isConnected = true
        }
        guard flush(side) else { return forget(peer) }
        for _ in 0..<64 {
            let got = buffer.withUnsafeMutableBytes { recv(side.socket, $0.baseAddress, $0.count, Int32(MSG_DONTWAIT)) }
            if got < 0 {
                if errno == EAGAIN { break }
                // Nobody listens there at this moment: that is no reason to forget who asks.
                if side.isPackets, errno == ECONNREFUSED || errno == EINTR { continue }
                return forget(peer)
            }
            if got == 0 && !side.isPackets { return forget(peer) }
            peer.lastHeard = monotonicMilliseconds()
            var address = peer.address
            _ = buffer.withUnsafeBytes {
                lex_send_packet(listeners[peer.key.listener].socket, $0.baseAddress, got, &address)
            }
        }
        wish(side, side.pending.isEmpty ? 1 : 3)
    }

    private func forget(_ peer: Peer) {
        guard handlers.removeValue(forKey: peer.side.token) != nil else { return }
        peers[peer.key] = nil
        close(peer.side.socket)
        pauseListeners(false)
    }

    private func forgetSilent() {
        guard !peers.isEmpty else { return }
        let now = monotonicMilliseconds()
        guard now - lastSweep > 5000 else { return }
        lastSweep = now
        for peer in peers.values.filter({ now - $0.lastHeard > packetPatience }) { forget(peer) }
    }
}
