import LexAPI
import NIOCore
import Synchronization

/// One operation, from its beginning to a little after its end.
final class RunningOperation: Sendable {
    let id: String
    let project: String?
    private let plan: OperationPlan
    private let events: Events

    private let state: Mutex<LexAPI.Operation>
    /// Opened at its end.
    let ended = Gate()

    init(_ plan: OperationPlan, events: Events) {
        id = UUIDText.random()
        project = plan.project
        self.plan = plan
        self.events = events
        let now = Timestamp.now
        state = Mutex(
            LexAPI.Operation(
                id: id, class: plan.isToken ? "token" : plan.socket == nil ? "task" : "websocket",
                description: plan.description,
                createdAt: now, updatedAt: now, status: .pending, resources: plan.resources,
                metadata: plan.metadata, mayCancel: plan.cancel != nil, err: ""))
    }

    /// What it is at this moment.
    var view: LexAPI.Operation { state.withLock { $0 } }

    var isBeingCancelled: Bool { state.withLock { $0.statusCode == StatusCode.cancelling.rawValue } }

    /// Sets one value of its metadata; nil removes it.
    func set(_ key: String, _ value: JSONValue?) {
        let isChanged = state.withLock { state in
            guard !state.isFinal else { return false }
            var metadata = state.metadata ?? [:]
            metadata[key] = value
            state.metadata = metadata
            state.updatedAt = .now
            return true
        }
        if isChanged { announce() }
    }

    func setRunning() { change(to: .running) }

    /// Ends it and wakes everyone who waits.
    func finish(_ status: StatusCode, error: String = "") {
        change(to: status, error: error)
        ended.open()
    }

    /// Answers whether it was changed: what has ended stays as it ended.
    @discardableResult
    private func change(to status: StatusCode, error: String = "") -> Bool {
        let isChanged = state.withLock { state in
            guard !state.isFinal else { return false }
            state.status = status.name
            state.statusCode = status.rawValue
            state.err = error
            state.updatedAt = .now
            if status.isFinal { state.mayCancel = false }
            return true
        }
        if isChanged { announce() }
        return isChanged
    }

    func announce() { events.operation(view, project: project) }

    /// Cancels it; throws a 400 when it cannot be.
    func cancel() async throws(APIError) {
        guard let cancel = plan.cancel, change(to: .cancelling) else {
            throw .badRequest("This operation can't be cancelled")
        }
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
        await ended.wait(limit, giveUp: closed)
    }
}

extension LexAPI.Operation {
    /// Whether it changes no more.
    var isFinal: Bool { statusCode >= 200 }
}
