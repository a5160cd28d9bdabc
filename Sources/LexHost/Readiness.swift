import CLexLinux
import Glibc
import LexIPC
import Synchronization

/// Waits for descriptors that are neither files nor NIO channels: pidfds, sockets that carry descriptors.
///
/// One thread sleeps in epoll_wait(2) for all of them.
package final class Readiness: Sendable {
    /// The one for the whole process.
    package static let shared = Readiness()

    private struct Waiting {
        var next: UInt64 = 1
        var waiters: [UInt64: Waiter] = [:]
    }
    private struct Waiter {
        var continuation: CheckedContinuation<Bool, any Error>
        var descriptor: Int32
    }
    private let epoll: Int32
    private let waiting = Mutex(Waiting())

    private init() {
        epoll = lex_epoll_create()
        precondition(epoll >= 0, "cannot make an epoll descriptor")
        var thread = pthread_t()
        let unmanaged = Unmanaged.passRetained(self)
        let rc = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<Readiness>.fromOpaque(argument).takeUnretainedValue().loop()
                return nil
            }, unmanaged.toOpaque())
        precondition(rc == 0, "cannot start the thread that waits for descriptors")
        pthread_detach(thread)
    }

    /// Waits until the descriptor can be read, has ended, or hung up. The caller keeps it open meanwhile, and waits
    /// for it in one place at a time.
    package func readable(_ descriptor: Int32) async throws { try await wait(descriptor, forWriting: false) }

    /// The same, but not longer than `patience`; answers whether it came about.
    package func readable(_ descriptor: Int32, within patience: Duration) async throws -> Bool {
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                try await self.readable(descriptor)
                return true
            }
            group.addTask {
                try await Task.sleep(for: patience)
                return false
            }
            defer { group.cancelAll() }
            return try await group.next() ?? false
        }
    }

    /// Waits until the descriptor can be written, or nobody reads it any more; with the same rules.
    package func writable(_ descriptor: Int32) async throws { try await wait(descriptor, forWriting: true) }

    private func wait(_ descriptor: Int32, forWriting: Bool) async throws {
        let token = waiting.withLock { state in
            defer { state.next += 1 }
            return state.next
        }
        _ = try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Bool, any Error>) in
                waiting.withLock { $0.waiters[token] = Waiter(continuation: continuation, descriptor: descriptor) }
                if lex_epoll_add_oneshot(epoll, descriptor, token, forWriting ? 1 : 0) != 0 {
                    let error = SystemError("wait for", "descriptor \(descriptor)")
                    take(token)?.continuation.resume(throwing: error)
                } else if Task.isCancelled {
                    cancel(token)
                    // A cancellation between the two steps above found nothing to remove. What stays would be in the way
                    // of the next who waits for the same thing by the same number.
                    _ = lex_epoll_remove(epoll, descriptor)
                }
            }
        } onCancel: {
            cancel(token)
        }
    }

    private func cancel(_ token: UInt64) {
        guard let waiter = take(token) else { return }
        _ = lex_epoll_remove(epoll, waiter.descriptor)
        waiter.continuation.resume(throwing: CancellationError())
    }

    private func take(_ token: UInt64) -> Waiter? { waiting.withLock { $0.waiters.removeValue(forKey: token) } }

    private func loop() {
        var tokens = [UInt64](repeating: 0, count: 64)
        while true {
            let count = lex_epoll_wait(epoll, &tokens, Int32(tokens.count), -1)
            guard count > 0 else { continue }
            for token in tokens.prefix(Int(count)) {
                guard let waiter = take(token) else { continue }
                _ = lex_epoll_remove(epoll, waiter.descriptor)
                waiter.continuation.resume(returning: true)
            }
        }
    }
}
