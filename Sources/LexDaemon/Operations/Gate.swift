import NIOCore
import Synchronization

/// A gate that is opened once and then stays open; any number may wait before it.
final class Gate: Sendable {
    private struct State {
        var isOpen = false
        var next = 0
        var waiting: [Int: CheckedContinuation<Bool, Never>] = [:]
        /// Those whose time was up before they lay down.
        var givenUp: Set<Int> = []
    }
    private let state = Mutex(State())

    var isOpen: Bool { state.withLock { $0.isOpen } }

    func open() {
        let waiting = state.withLock { state in
            state.isOpen = true
            defer { state.waiting = [:] }
            return state.waiting.values
        }
        for continuation in waiting { continuation.resume(returning: true) }
    }

    /// Waits until it is open. False when the time, or the patience of whoever waits (`giveUp`), ended before.
    @discardableResult
    func wait(_ limit: TimeAmount? = nil, giveUp: EventLoopFuture<Void>? = nil) async -> Bool {
        let number: Int? = state.withLock { state in
            guard !state.isOpen else { return nil }
            defer { state.next += 1 }
            return state.next
        }
        guard let number else { return true }
        let timer = limit.map { MultiThreadedLoops.any.scheduleTask(in: $0) { [weak self] in self?.wake(number) } }
        giveUp?.whenComplete { [weak self] _ in self?.wake(number) }
        let opened = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let answer: Bool? = state.withLock { state in
                    if state.isOpen { return true }
                    if state.givenUp.remove(number) != nil { return false }
                    state.waiting[number] = continuation
                    return nil
                }
                if let answer { continuation.resume(returning: answer) }
            }
        } onCancel: {
            wake(number)
        }
        timer?.cancel()
        state.withLock { _ = $0.givenUp.remove(number) }
        return opened
    }

    private func wake(_ number: Int) {
        let continuation = state.withLock { state in
            let continuation = state.waiting.removeValue(forKey: number)
            // `next` tells a waiter that has not lain down yet from one that is gone.
            if continuation == nil, !state.isOpen { state.givenUp.insert(number) }
            return continuation
        }
        continuation?.resume(returning: false)
    }
}
