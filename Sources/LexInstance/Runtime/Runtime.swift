package import LexIPC

/// What carries out the few things that need namespaces: helpers in earnest, a recorder in unit tests.
package protocol Runtime: Sendable {
    /// Starts an instance; returns when its init runs.
    func start(_ job: StartJob) async throws -> RunningInstance
    /// Ends what is left of a start, or of the run that came of it, by the file it held locked: by itself within
    /// `patience`, else by force.
    func endStart(_ lockFile: String, within patience: Duration) async throws
    /// Finds an instance again that an earlier daemon started; nil when it does not run any more.
    func adopt(monitor: Int32, initProcess: Int32) async throws -> RunningInstance?
    /// Runs a command in an instance. Without a terminal the streams are the three descriptors, which stay the
    /// caller's.
    func attach(_ job: AttachJob, streams: [Int32], isPrivileged: Bool) async throws -> AttachedCommand
    /// Ends what was kept ready; instances go on.
    func end() async
}
