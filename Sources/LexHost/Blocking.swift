import NIOPosix

/// Runs work that may wait for a disk, a lock or another process on a thread of its own pool.
///
/// On two cores Swift's async code has two threads; one that waits there makes the whole daemon wait.
@discardableResult
package func blocking<Result: Sendable>(_ work: @escaping @Sendable () throws -> Result) async throws -> Result {
    try await NIOThreadPool.singleton.runIfActive(work)
}

/// The same for work that nobody waits for and that takes as long as a guest wants, as a walk through its files: all
/// of it has one thread, so that it never has all those of what people wait for.
package func blockingInBackground<Result: Sendable>(
    _ work: @escaping @Sendable () throws -> Result
) async throws -> Result {
    try await background.runIfActive(work)
}

private let background: NIOThreadPool = {
    let pool = NIOThreadPool(numberOfThreads: 1)
    pool.start()
    return pool
}()
