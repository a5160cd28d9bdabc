import LexAPI
import Logging
import NIOCore
import Synchronization

/// How a stream of an operation is served; the operation's kind gives it when it is made.
typealias SocketHandler = @Sendable (_ secret: String, WebSocket) async throws -> Void

/// What an operation is made from.
struct OperationPlan: Sendable {
    /// What it does, LXD's words: "Creating instance".
    var description: String
    /// The project whose listeners are told of it; nil for the server's own, of which all are.
    var project: String? = Project.defaultName
    /// The URLs of what it works on, by kind.
    var resources: [String: [String]]?
    var metadata: [String: JSONValue]?
    /// For the class `websocket`: what the secrets open, and how they are served.
    var socket: (isSecret: @Sendable (String) -> Bool, serve: SocketHandler)?
    /// Runs when a person cancels it; nil when that is not possible.
    var cancel: (@Sendable () async -> Void)?
    /// Whether it is of the class `token`: it does nothing, but is there to be used.
    var isToken = false
}

/// Work in the background: begun here, followed here, remembered for a little while after its end.
///
/// Every operation is a child of `run`, so the daemon's end waits for all of them.
final class Operations: Sendable {
    /// How long an operation can be asked for after its end.
    private static let retention = Duration.seconds(5)

    private struct Job: Sendable {
        let operation: RunningOperation
        let work: @Sendable (RunningOperation) async throws -> Void
    }
    private struct State {
        var operations: [String: RunningOperation] = [:]
    }
    private let state = Mutex(State())
    private let jobs: AsyncStream<Job>
    private let begin: AsyncStream<Job>.Continuation
    private let events: Events
    private let logger: Logger

    init(events: Events, logger: Logger) {
        (jobs, begin) = AsyncStream<Job>.makeStream()
        self.events = events
        self.logger = logger
    }

    /// Carries operations out until the task is cancelled.
    func run() async {
        await withTaskCancellationHandler {
            await withDiscardingTaskGroup { group in
                for await job in jobs { group.addTask { await self.perform(job) } }
            }
        } onCancel: {
            begin.finish()
        }
    }

    /// Begins an operation and answers what it is at this moment.
    func start(
        _ plan: OperationPlan, _ work: @escaping @Sendable (RunningOperation) async throws -> Void
    ) -> LexAPI.Operation {
        let operation = RunningOperation(plan, events: events)
        state.withLock { $0.operations[operation.id] = operation }
        operation.announce()
        operation.setRunning()
        begin.yield(Job(operation: operation, work: work))
        return operation.view
    }

    /// Begins an operation that does nothing until it is cancelled, by a person or because it was used.
    func startToken(_ plan: OperationPlan) -> LexAPI.Operation {
        let end = Gate()
        var plan = plan
        plan.isToken = true
        plan.cancel = { end.open() }
        return start(plan) { _ in
            await end.wait()
            throw CancellationError()
        }
    }

    /// The tokens that can still be used.
    func tokens() -> [RunningOperation] {
        state.withLock { Array($0.operations.values) }.filter { $0.view.class == "token" && !$0.view.isFinal }
    }

    private func perform(_ job: Job) async {
        let operation = job.operation
        logger.debug(
            "operation began", metadata: ["operation": "\(operation.id)", "kind": "\(operation.view.description)"])
        do {
            try await job.work(operation)
            operation.finish(.success)
        } catch is CancellationError {
            operation.finish(.cancelled, error: "Operation cancelled")
        } catch {
            let reason = ErrorAnswers.apiError(error).message
            logger.info(
                "operation failed",
                metadata: [
                    "operation": "\(operation.id)", "kind": "\(operation.view.description)", "reason": "\(reason)",
                ])
            operation.finish(operation.isBeingCancelled ? .cancelled : .failure, error: reason)
        }
        try? await Task.sleep(for: Self.retention)
        state.withLock { state in state.operations[operation.id] = nil }
    }

    /// Waits until nothing is under way but what goes on for as long as a client wants: streams. Answers whether that
    /// came about in time.
    @discardableResult
    func idle(atMost limit: TimeAmount) async -> Bool {
        let deadline = NIODeadline.now() + limit
        while let operation = state.withLock({ state in
            state.operations.values.first { !$0.view.isFinal && $0.view.class == "task" }
        }) {
            let left = deadline - .now()
            guard left > .nanoseconds(0), await operation.ended.wait(left) else { return false }
        }
        return true
    }

    /// How many have not come to their end.
    var underWay: Int { state.withLock { Array($0.operations.values) }.count { !$0.view.isFinal } }

    func find(_ id: String) throws(APIError) -> RunningOperation {
        guard let operation = state.withLock({ $0.operations[id] }) else { throw .notFound("Operation not found") }
        return operation
    }

    /// All of them, or those of a project, by the lower-case name of their state.
    func byStatus(project: String?) -> [String: [LexAPI.Operation]] {
        let all = state.withLock { Array($0.operations.values) }.filter {
            project == nil || $0.project == nil || $0.project == project
        }
        return Dictionary(grouping: all.map(\.view).sorted { $0.createdAt < $1.createdAt }) { $0.status.lowercased() }
    }
}
