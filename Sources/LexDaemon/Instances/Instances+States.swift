import LexAPI
import LexInstance
import NIOCore

/// A change of an instance's state as it was asked for, judged.
struct StateWish: Sendable {
    private enum Action: String {
        case start, stop, restart, freeze, unfreeze
    }
    private let action: Action
    private let force: Bool
    private let timeout: TimeAmount?

    init(_ change: Instance.StateChange) throws(APIError) {
        guard let action = Action(rawValue: change.action) else {
            throw .badRequest("Unknown action: '\(change.action.prefix(64))'")
        }
        guard !change.stateful else {
            throw .badRequest("This version of lexd cannot keep the memory of an instance: leave out stateful")
        }
        self.action = action
        // LXD's rule: no time, or none left, is a kill; -1 is as long as it takes.
        let seconds = change.timeout ?? 0
        force = change.force || seconds == 0
        timeout = seconds < 0 ? nil : .seconds(min(seconds, 1 << 31))
    }

    /// What the operation is called.
    var description: String {
        switch action {
        case .start: "Starting instance"
        case .stop: "Stopping instance"
        case .restart: "Restarting instance"
        case .freeze: "Freezing instance"
        case .unfreeze: "Unfreezing instance"
        }
    }

    /// Whether it makes sense for an instance in this state, when all are meant.
    func concerns(_ status: StatusCode) -> Bool {
        switch action {
        case .start: status == .stopped
        case .stop, .restart: status != .stopped
        case .freeze: status == .running
        case .unfreeze: status == .frozen
        }
    }

    /// How many instances it is good for at once: a start works, an end is mostly waited for.
    var atOnce: Int { action == .start || action == .restart ? 16 : .max }

    func carryOut(on key: String, of instances: Instances, requestor: Event.Requestor) async throws {
        switch action {
        case .start: try await instances.start(key, requestor: requestor)
        case .stop: try await instances.stop(key, force: force, timeout: timeout, requestor: requestor)
        case .restart: try await instances.restart(key, force: force, timeout: timeout, requestor: requestor)
        case .freeze: try await instances.freeze(key, true, requestor: requestor)
        case .unfreeze: try await instances.freeze(key, false, requestor: requestor)
        }
    }
}

extension Instances {
    /// Begins to change the state of one instance.
    func changeState(
        _ record: InstanceRecord, _ change: Instance.StateChange, requestor: Event.Requestor
    ) throws -> LexAPI.Operation {
        let wish = try StateWish(change)
        return operations.start(
            OperationPlan(
                description: wish.description, project: record.project,
                resources: Self.resources(record.name, legacy: false))
        ) { _ in
            try await wish.carryOut(on: record.key, of: self, requestor: requestor)
        }
    }

    /// Begins the same change for all instances of a project for which it makes sense. One that fails keeps none of the
    /// others from it, and the operation's error names all that did.
    func changeStates(
        in project: String, _ change: Instance.StateChange?, areContainersMeant: Bool, requestor: Event.Requestor
    ) async throws -> LexAPI.Operation {
        let wish = try StateWish(change ?? Instance.StateChange(action: ""))
        let records = try await list(project: project).map(\.value).filter {
            areContainersMeant && wish.concerns(liveInstance($0.key).lifecycle.status)
        }
        return operations.start(
            OperationPlan(
                description: wish.description, project: project,
                resources: ["instances": records.map(\.url)])
        ) { _ in
            let failures = await self.forEach(records, atOnce: wish.atOnce) { record in
                try await wish.carryOut(on: record.key, of: self, requestor: requestor)
            }
            guard failures.isEmpty else {
                throw APIError.failed(
                    "The following instances failed to update state:\n"
                        + failures.map { " - Instance: \($0.name): \($0.reason)\n" }.joined())
            }
        }
    }

    private typealias Failure = (name: String, reason: String)

    /// Does something with many instances, so many at a time.
    private func forEach(
        _ records: [InstanceRecord], atOnce: Int, _ body: @escaping @Sendable (InstanceRecord) async throws -> Void
    ) async -> [Failure] {
        await withTaskGroup(of: Failure?.self) { group in
            var failures: [Failure] = []
            for (index, record) in records.enumerated() {
                if index >= atOnce, let failure = await group.next() ?? nil { failures.append(failure) }
                group.addTask {
                    do {
                        try await body(record)
                        return nil
                    } catch { return (record.name, ErrorAnswers.apiError(error).message) }
                }
            }
            for await failure in group.compactMap(\.self) { failures.append(failure) }
            return failures.sorted { $0.name < $1.name }
        }
    }
}
