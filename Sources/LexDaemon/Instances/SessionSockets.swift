import LexAPI
import NIOCore
import Synchronization

/// The websockets of one session, of a command or at a console: a secret for each of its streams, and who has come with
/// it.
final class SessionSockets<Slot: Hashable & Sendable & RawRepresentable>: Sendable where Slot.RawValue == String {
    private let secrets: [Slot: String]
    private let sockets = Mutex<[Slot: WebSocket]>([:])

    init(_ slots: [Slot]) {
        secrets = Dictionary(uniqueKeysWithValues: slots.map { ($0, Secret.random()) })
    }

    /// The secrets as the operation shows them to who asked for the session.
    var descriptors: JSONValue {
        .object(Dictionary(uniqueKeysWithValues: secrets.map { ($0.key.rawValue, .string($0.value)) }))
    }

    func isSecret(_ text: String) -> Bool { slot(text) != nil }

    private func slot(_ secret: String) -> Slot? { secrets.first { Secret.equal($0.value, secret) }?.key }

    /// Takes a connection; answers the stream it is for, nil when there is none: a secret opens its stream once.
    func take(_ secret: String, _ socket: WebSocket) -> Slot? {
        guard let slot = slot(secret) else { return nil }
        return sockets.withLock { sockets in
            guard sockets[slot] == nil else { return nil }
            sockets[slot] = socket
            return slot
        }
    }

    /// The streams somebody has come for.
    var taken: Set<Slot> { sockets.withLock { Set($0.keys) } }

    subscript(slot: Slot) -> WebSocket? { sockets.withLock { $0[slot] } }

    private var all: [WebSocket] { sockets.withLock { Array($0.values) } }

    /// Keeps the connections alive, until the task is cancelled.
    func keepAlive() async throws {
        while true {
            try await Task.sleep(for: .seconds(10))
            for socket in all { socket.ping() }
        }
    }

    func sendClose() async {
        for socket in all { try? await socket.sendClose() }
    }
}
