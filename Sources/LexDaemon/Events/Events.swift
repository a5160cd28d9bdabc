import FoundationEssentials
import LexAPI
import Synchronization

/// What happens, handed to everyone who listens: operations, life cycles, log lines.
///
/// Nobody waits for a listener: one that falls too far behind is cut off, as a connection that is not read.
final class Events: Sendable {
    /// How many events a listener may be behind.
    private static let patience = 4096

    struct Listener: Sendable {
        let types: Set<String>
        /// The project listened to; nil for all.
        let project: String?
        let deliver: AsyncStream<Data>.Continuation
        let cutOff: @Sendable () -> Void
    }
    private struct State {
        var next = 0
        var listeners: [Int: Listener] = [:]
    }
    private let state = Mutex(State())

    /// The kinds of events there are.
    static let types = ["logging", "operation", "lifecycle"]

    /// Follows events until the stream is given up. `cutOff` runs when the listener is too far behind: what waits for
    /// it is not to be sent any more.
    func listen(
        types: Set<String>, project: String?, cutOff: @escaping @Sendable () -> Void
    ) -> AsyncStream<Data> {
        let (stream, continuation) = AsyncStream<Data>.makeStream(bufferingPolicy: .bufferingOldest(Self.patience))
        let id = state.withLock { state in
            defer { state.next += 1 }
            state.listeners[state.next] = Listener(
                types: types, project: project, deliver: continuation, cutOff: cutOff)
            return state.next
        }
        continuation.onTermination = { [weak self] _ in
            self?.state.withLock { state in state.listeners[id] = nil }
        }
        return stream
    }

    /// Whether anyone would hear events of this kind.
    func isHeard(_ type: String) -> Bool {
        state.withLock { $0.listeners.values.contains { $0.types.contains(type) } }
    }

    /// Ends all listening.
    func finish() {
        let listeners = state.withLock { Array($0.listeners.values) }
        for listener in listeners { listener.deliver.finish() }
    }

    /// Tells everyone of an operation's new state.
    func operation(_ operation: LexAPI.Operation, project: String?) {
        guard isHeard("operation"), let metadata = try? JSONCoding.value(operation) else { return }
        send("operation", metadata, project: project)
    }

    /// Tells everyone of something that was done.
    ///
    /// - Parameters:
    ///   - source: The path of the thing.
    ///   - project: The project that holds it, which its address then names.
    ///   - isOfServer: Whether it belongs to no project, so that its address names none.
    func lifecycle(
        _ action: String, source: String, context: [String: JSONValue]? = nil, requestor: Event.Requestor?,
        project: String = Project.defaultName, isOfServer: Bool = false
    ) {
        guard isHeard("lifecycle") else { return }
        let event = Event.Lifecycle(
            action: action, source: isOfServer ? source : Projects.url(source, project: project), context: context,
            requestor: requestor)
        guard let metadata = try? JSONCoding.value(event) else { return }
        send("lifecycle", metadata, project: project)
    }

    /// Tells everyone of a log line; of those that belong to no project.
    func logging(_ event: Event.Logging) {
        guard isHeard("logging"), let metadata = try? JSONCoding.value(event) else { return }
        send("logging", metadata, project: nil)
    }

    private func send(_ type: String, _ metadata: JSONValue, project: String?) {
        let event = Event(type: type, timestamp: .now, metadata: metadata, location: "none", project: project)
        guard let data = try? JSONCoding.encode(event) else { return }
        let listeners = state.withLock { state in
            state.listeners.values.filter { listener in
                listener.types.contains(type)
                    && (project == nil || listener.project == nil || listener.project == project)
            }
        }
        for listener in listeners {
            guard case .dropped = listener.deliver.yield(data) else { continue }
            listener.deliver.finish()
            listener.cutOff()
        }
    }
}
