import NIOPosix

/// Runs work that may wait for a disk, a lock or another process on a thread of its own pool.
///
/// On two cores Swift's async code has two threads; one that waits there makes the whole daemon wait.
@discardableResult
package func blocking<Result: Sendable>(_ work: @escaping @Sendable () throws -> Result) async throws -> Result {
    try await NIOThreadPool.singleton.runIfActive(work)
}
