import Glibc
import NIOPosix
import Synchronization

/// Runs work that may wait for a disk, a lock or another process on a thread of its own pool.
///
/// On two cores Swift's async code has two threads; one that waits there makes the whole daemon wait.
@discardableResult
package func blocking<Result: Sendable>(_ work: @escaping @Sendable () throws -> Result) async throws -> Result {
    try await NIOThreadPool.singleton.runIfActive(work)
}

/// The results of the same work for each of many, in their order; for more than a few, on a thread for each processor.
package func blocking<Element: Sendable, Result: Sendable>(
    each elements: [Element], _ work: @escaping @Sendable (Element) throws -> Result
) async throws -> [Result] {
    // A hand-over to a thread costs as much as a look or two.
    let processors = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    let share = max(16, (elements.count + processors - 1) / processors)
    return try await withThrowingTaskGroup(of: (Int, [Result]).self) { group in
        for start in stride(from: 0, to: elements.count, by: share) {
            let some = elements[start..<min(start + share, elements.count)]
            group.addTask { (start, try await blocking { try some.map(work) }) }
        }
        var shares: [(Int, [Result])] = []
        for try await done in group { shares.append(done) }
        return shares.sorted { $0.0 < $1.0 }.flatMap(\.1)
    }
}

/// The same for work that nobody waits for and that takes as long as a guest wants, as a walk through its files: all
/// of it has one thread, so that it never has all those of what people wait for.
package func blockingInBackground<Result: Sendable>(
    _ work: @escaping @Sendable () throws -> Result
) async throws -> Result {
    try await background.runIfActive(work)
}

/// The same for a copy of files, which takes as long as they are many: a few threads of its own. When the task is
/// cancelled `work` sees it.
@discardableResult
package func copying<Result: Sendable>(
    _ work: @escaping @Sendable (_ isCancelled: @escaping @Sendable () -> Bool) throws -> Result
) async throws -> Result {
    let cancelled = Cancelled()
    return try await withTaskCancellationHandler {
        try await copies.runIfActive { try work { cancelled.flag.load(ordering: .relaxed) } }
    } onCancel: {
        cancelled.flag.store(true, ordering: .relaxed)
    }
}

private final class Cancelled: Sendable {
    let flag = Atomic(false)
}

private let copies: NIOThreadPool = {
    let pool = NIOThreadPool(numberOfThreads: 4)
    pool.start()
    return pool
}()

private let background: NIOThreadPool = {
    let pool = NIOThreadPool(numberOfThreads: 1)
    pool.start()
    return pool
}()
