import NIOCore
import Synchronization

/// A gate that is opened once and then stays open; any number may wait before it.
final class Gate: Sendable {
    private struct State {
        var isOpen = false
        var next = 0
        var waiters: [Int: Waiter] = [:]
    }
    /// One who waits, from its coming to its going.
    private enum Waiter {
        case arriving
        case waiting(CheckedContinuation<Bool, Never>)
        /// Its time was up before it lay down.
        case givenUp
    }
    private let state = Mutex(State())

    var isOpen: Bool { state.withLock { $0.isOpen } }
    /// How many wait.
    var waiterCount: Int { state.withLock { $0.waiters.count } }

    func open() {
        let waiters = state.withLock { state in
            state.isOpen = true
            defer { state.waiters = [:] }
            return state.waiters.values
        }
        for case .waiting(let continuation) in waiters { continuation.resume(returning: true) }
    }

    /// Waits until it is open. False when the time, or the patience of whoever waits (`giveUp`), ended before.
    @discardableResult
    func wait(_ limit: TimeAmount? = nil, giveUp: EventLoopFuture<Void>? = nil) async -> Bool {
        let number: Int? = state.withLock { state in
            guard !state.isOpen else { return nil }
            defer { state.next += 1 }
            state.waiters[state.next] = .arriving
            return state.next
        }
        guard let number else { return true }
        let timer = limit.map { MultiThreadedLoops.any.scheduleTask(in: $0) { [weak self] in self?.wake(number) } }
        giveUp?.whenComplete { [weak self] _ in self?.wake(number) }
        let opened = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let answer: Bool? = state.withLock { state in
                    if state.isOpen { return true }
                    if case .givenUp? = state.waiters[number] { return false }
                    state.waiters[number] = .waiting(continuation)
                    return nil
                }
                if let answer { continuation.resume(returning: answer) }
            }
        } onCancel: {
            wake(number)
        }
        timer?.cancel()
        state.withLock { $0.waiters[number] = nil }
        return opened
    }

    private func wake(_ number: Int) {
        let continuation: CheckedContinuation<Bool, Never>? = state.withLock { state in
            // Who is gone is not there: a connection may tell of its end long after.
            guard let waiter = state.waiters[number] else { return nil }
            state.waiters[number] = .givenUp
            if case .waiting(let continuation) = waiter { return continuation }
            return nil
        }
        continuation?.resume(returning: false)
    }
}
