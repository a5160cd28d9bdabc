import FoundationEssentials
import LexAPI
import Synchronization

/// What happens to an instance, told to whoever in it listens on `/dev/lxd/sock`.
final class GuestEvents: Sendable {
    /// The kinds there are.
    static let types: Set<String> = ["config", "device"]
    /// How many events a listener may be behind; one that is further behind is cut off.
    private static let patience = 256

    private struct Listener: Sendable {
        let key: String
        let types: Set<String>
        let deliver: AsyncStream<Data>.Continuation
    }
    private struct State {
        var next = 0
        var listeners: [Int: Listener] = [:]
    }
    private let state = Mutex(State())

    /// An event as it is sent.
    private struct Sent: Encodable {
        let type: String
        let timestamp: Timestamp
        let metadata: JSONValue
    }

    /// Follows what happens to an instance until the stream is given up. It ends when the listener is too far behind.
    func listen(_ key: String, types: Set<String>) -> AsyncStream<Data> {
        let (stream, continuation) = AsyncStream<Data>.makeStream(bufferingPolicy: .bufferingOldest(Self.patience))
        let id = state.withLock { state in
            defer { state.next += 1 }
            state.listeners[state.next] = Listener(key: key, types: types, deliver: continuation)
            return state.next
        }
        continuation.onTermination = { [weak self] _ in
            self?.state.withLock { state in state.listeners[id] = nil }
        }
        return stream
    }

    /// Whether anybody in an instance listens.
    func isHeard(_ key: String) -> Bool { state.withLock { $0.listeners.values.contains { $0.key == key } } }

    /// Ends all listening in an instance.
    func finish(_ key: String) {
        let listeners = state.withLock { $0.listeners.values.filter { $0.key == key } }
        for listener in listeners { listener.deliver.finish() }
    }

    /// Tells an instance what a change of its configuration means for it, by LXD's rules: of keys those under `user.` and
    /// `cloud-init.`, and all devices.
    func tell(_ key: String, from old: Expansion, to new: Expansion) {
        for name in Set(old.config.keys).union(new.config.keys).sorted()
        where Self.isMeant(name) && old.config[name] != new.config[name] {
            send(
                key, "config",
                [
                    "key": .string(name), "old_value": .string(old.config[name] ?? ""),
                    "value": .string(new.config[name] ?? ""),
                ])
        }
        for name in Set(old.devices.keys).union(new.devices.keys).sorted() where old.devices[name] != new.devices[name]
        {
            let action = new.devices[name] == nil ? "removed" : old.devices[name] == nil ? "added" : "updated"
            let config = new.devices[name] ?? old.devices[name] ?? [:]
            send(
                key, "device",
                [
                    "action": .string(action), "name": .string(name),
                    "config": .object(config.mapValues { .string($0) }),
                ])
        }
    }

    /// Whether a key of the configuration is for the instance to know.
    static func isMeant(_ name: String) -> Bool { name.hasPrefix("user.") || name.hasPrefix("cloud-init.") }

    private func send(_ key: String, _ type: String, _ metadata: [String: JSONValue]) {
        guard let data = try? JSONCoding.encode(Sent(type: type, timestamp: .now, metadata: .object(metadata))) else {
            return
        }
        let listeners = state.withLock { $0.listeners.values.filter { $0.key == key && $0.types.contains(type) } }
        for listener in listeners {
            if case .dropped = listener.deliver.yield(data) { listener.deliver.finish() }
        }
    }
}
