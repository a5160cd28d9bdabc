package import Logging

/// Steps that undo what was done so far, run newest first when what follows fails.
package actor Rollback {
    private var steps: [(String, @Sendable () async throws -> Void)] = []

    /// Adds the step that undoes what was just done; `what` names it in the log when it fails itself.
    package func add(_ what: String, _ step: @escaping @Sendable () async throws -> Void) {
        steps.append((what, step))
    }

    fileprivate func run(_ logger: Logger) async {
        while let (what, step) = steps.popLast() {
            do { try await step() } catch {
                logger.error("a step back failed", metadata: ["step": "\(what)", "error": "\(error)"])
            }
        }
    }
}

/// Runs `body`; when it throws, everything it added to the rollback is undone before the error goes on.
package func withRollback<Result: Sendable>(
    _ logger: Logger, _ body: (Rollback) async throws -> Result
) async throws -> Result {
    let rollback = Rollback()
    do {
        return try await body(rollback)
    } catch {
        // A task of its own, since ours may have been cancelled: what was begun is undone all the same.
        await Task { await rollback.run(logger) }.value
        throw error
    }
}
