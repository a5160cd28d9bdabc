import Synchronization

/// One thing at a time for each name, in the order it was asked for.
///
/// Not an actor's method: actors take up other work at every `await`.
final class Locks: Sendable {
    private struct State {
        /// Who waits, by name; a name that is there is locked.
        var waiting: [String: [CheckedContinuation<Void, Never>]] = [:]
    }
    private let state = Mutex(State())

    func with<Result: Sendable>(_ name: String, _ body: () async throws -> Result) async rethrows -> Result {
        await take(name)
        defer { release(name) }
        return try await body()
    }

    /// The same with several names at once, taken in their order, so that no two wait for each other.
    func with<Result: Sendable>(
        all names: Set<String>, _ body: () async throws -> Result
    ) async rethrows -> Result {
        let names = names.sorted()
        for name in names { await take(name) }
        defer { for name in names { release(name) } }
        return try await body()
    }

    private func take(_ name: String) async {
        await withCheckedContinuation { continuation in
            let free = state.withLock { state in
                if state.waiting[name] == nil {
                    state.waiting[name] = []
                    return true
                }
                state.waiting[name]?.append(continuation)
                return false
            }
            if free { continuation.resume() }
        }
    }

    private func release(_ name: String) {
        let next: CheckedContinuation<Void, Never>? = state.withLock { state in
            guard let first = state.waiting[name]?.first else {
                state.waiting[name] = nil
                return nil
            }
            state.waiting[name]?.removeFirst()
            return first
        }
        next?.resume()
    }
}
