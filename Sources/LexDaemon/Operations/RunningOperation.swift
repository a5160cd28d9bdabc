import LexAPI
import NIOCore
import Synchronization

/// One operation, from its beginning to a little after its end.
final class RunningOperation: Sendable {
    let id: String
    let project: String
    private let plan: OperationPlan
    private let events: Events

    private struct State {
        var view: LexAPI.Operation
        var waiters: [Int: CheckedContinuation<Void, Never>] = [:]
        var nextWaiter = 0
        /// Waiters whose time was up before they lay down.
        var wokenEarly: Set<Int> = []
    }
    private let state: Mutex<State>

    init(_ plan: OperationPlan, events: Events) {
        id = UUIDText.random()
        project = plan.project
        self.plan = plan
        self.events = events
        let now = Timestamp.now
        state = Mutex(
            State(
                view: LexAPI.Operation(
                    id: id, class: plan.socket == nil ? "task" : "websocket", description: plan.description,
                    createdAt: now, updatedAt: now, status: .pending, resources: plan.resources,
                    metadata: plan.metadata, mayCancel: plan.cancel != nil, err: "")))
    }

    /// What it is at this moment.
    var view: LexAPI.Operation { state.withLock { $0.view } }

    var isBeingCancelled: Bool { state.withLock { $0.view.statusCode == StatusCode.cancelling.rawValue } }

    /// Sets one value of its metadata; nil removes it.
    func set(_ key: String, _ value: JSONValue?) {
        state.withLock { state in
            var metadata = state.view.metadata ?? [:]
            metadata[key] = value
            state.view.metadata = metadata
            state.view.updatedAt = .now
        }
        announce()
    }

    /// Sets the URLs of what it works on, once that is known.
    func setResources(_ resources: [String: [String]]) {
        state.withLock { $0.view.resources = resources }
        announce()
    }

    func setRunning() { change(to: .running) }

    /// Ends it and wakes everyone who waits.
    func finish(_ status: StatusCode, error: String = "") {
        change(to: status, error: error)
        let waiters = state.withLock { state in
            defer { state.waiters = [:] }
            return state.waiters.values
        }
        for waiter in waiters { waiter.resume() }
    }

    private func change(to status: StatusCode, error: String = "") {
        state.withLock { state in
            state.view.status = status.name
            state.view.statusCode = status.rawValue
            state.view.err = error
            state.view.updatedAt = .now
            if status.isFinal { state.view.mayCancel = false }
        }
        announce()
    }

    func announce() { events.operation(view, project: project) }

    /// Cancels it; throws a 400 when it cannot be.
    func cancel() async throws(APIError) {
        guard let cancel = plan.cancel, !view.isFinal else {
            throw .badRequest("This operation can't be cancelled")
        }
        change(to: .cancelling)
        await cancel()
    }

    /// Serves one of its streams to whoever knows its secret.
    func serve(secret: String) throws(APIError) -> SocketHandler {
        guard let socket = plan.socket, !view.isFinal else {
            throw .badRequest("This operation takes no websocket connections")
        }
        guard socket.isSecret(secret) else { throw .forbidden("not authorized") }
        return socket.serve
    }

    /// Waits for its end, at most that long, and no longer than whoever asks is there.
    func wait(_ limit: TimeAmount?, closed: EventLoopFuture<Void>) async {
        let number: Int? = state.withLock { state in
            guard !state.view.isFinal else { return nil }
            defer { state.nextWaiter += 1 }
            return state.nextWaiter
        }
        guard let number else { return }
        let timer = limit.map { closed.eventLoop.scheduleTask(in: $0) { [weak self] in self?.wake(number) } }
        defer { timer?.cancel() }
        closed.whenComplete { [weak self] _ in self?.wake(number) }
        await withCheckedContinuation { continuation in
            let isDone = state.withLock { state in
                if state.view.isFinal || state.wokenEarly.remove(number) != nil { return true }
                state.waiters[number] = continuation
                return false
            }
            if isDone { continuation.resume() }
        }
        state.withLock { _ = $0.wokenEarly.remove(number) }
    }

    private func wake(_ number: Int) {
        let waiter = state.withLock { state in
            let waiter = state.waiters.removeValue(forKey: number)
            if waiter == nil, !state.view.isFinal { state.wokenEarly.insert(number) }
            return waiter
        }
        waiter?.resume()
    }
}

extension LexAPI.Operation {
    /// Whether it changes no more.
    var isFinal: Bool { statusCode >= 200 }
}
