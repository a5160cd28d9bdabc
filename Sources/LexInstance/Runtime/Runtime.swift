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
    /// Gives a running instance a disk or a device node; answers what it is known by.
    func plug(_ job: PlugJob, into instance: RunningInstance) async throws -> FileIdentity
    /// Takes a disk or a device node from a running instance; that it has it no more is fine.
    func unplug(_ job: UnplugJob, from instance: RunningInstance) async throws
    /// Gives a file system in memory that a running instance has as a disk another size.
    func resize(_ job: ResizeJob, in instance: RunningInstance) async throws
    /// Begins to serve the files of an instance: of one that runs, from inside it.
    func files(_ job: FilesJob, in instance: RunningInstance?) async throws -> FileServer
    /// Gives a running instance the files of an lxcfs that has come, and takes away those of one that has gone.
    func bringLXCFS(_ directory: String, to instance: RunningInstance) async throws
    /// Whether the lxcfs that is mounted there answers.
    func isLXCFSAlive(_ directory: String) async throws -> Bool
    /// Begins to pass connections on between the host and a running instance; goes on until that ends.
    func proxy(_ job: ProxyJob, title: String, of instance: RunningInstance) async throws
    /// Ends what was kept ready; instances go on.
    func end() async
}
