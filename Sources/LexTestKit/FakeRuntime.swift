import CLexLinux
import Glibc
import LexHost
package import LexIPC
package import LexInstance
import Synchronization

/// Starts nothing, and notes what it was asked to: for tests of everything around an instance, without root.
///
/// Each "instance" is a real process that sleeps, so that pidfds, signals and ends are real. Nothing counts as shown
/// by it of what happens inside one.
package final class FakeRuntime: Runtime {
    private struct State {
        var jobs: [StartJob] = []
        var children: [String: ChildProcess] = [:]
        var failure: RuntimeFailure?
        var disks: [String] = []
    }
    private let state = Mutex(State())

    package init() {}

    /// The disks that were given to running instances and taken again, `+PATH` and `-PATH`.
    package var disks: [String] { state.withLock { $0.disks } }
    /// The starts that were asked for, in their order.
    package var jobs: [StartJob] { state.withLock { $0.jobs } }
    /// Lets the next start fail with this.
    package func failNext(_ failure: RuntimeFailure) { state.withLock { $0.failure = failure } }
    /// The process that stands for an instance, by the name liblxc would have for it.
    package func child(_ name: String) -> ChildProcess? { state.withLock { $0.children[name] } }

    package func start(_ job: StartJob) async throws -> RunningInstance {
        let failure = state.withLock { state in
            defer { state.failure = nil }
            state.jobs.append(job)
            return state.failure
        }
        if let failure { throw failure }
        let child = try ChildProcess("sleep", ["1000000"], environment: ["PATH": "/usr/bin:/bin"])
        state.withLock { $0.children[job.name] = child }
        return try Self.running(child.id, disks: job.disks.map { _ in FileIdentity(device: 1, inode: 1) })
    }

    package func endStart(_ lockFile: String, within patience: Duration) async throws {}

    package func adopt(monitor: Int32, initProcess: Int32) async throws -> RunningInstance? {
        let isOurs = state.withLock { $0.children.values.contains { $0.id == monitor && !$0.hasEnded } }
        return isOurs ? try Self.running(monitor) : nil
    }

    package func attach(_ job: AttachJob, streams: [Int32], isPrivileged: Bool) async throws -> AttachedCommand {
        throw RuntimeFailure(call: "attach to", subject: job.name, detail: "there is nothing inside a fake")
    }

    package func plug(_ job: PlugJob, into instance: RunningInstance) async throws -> FileIdentity {
        let failure = state.withLock { state in
            defer { state.failure = nil }
            if state.failure == nil { state.disks.append("+" + job.path) }
            return state.failure
        }
        if let failure { throw failure }
        return FileIdentity(device: 1, inode: 1)
    }

    package func unplug(_ job: UnplugJob, from instance: RunningInstance) async throws {
        state.withLock { $0.disks.append("-" + job.path) }
    }

    package func resize(_ job: ResizeJob, in instance: RunningInstance) async throws {
        state.withLock { $0.disks.append("=\(job.path) \(job.size)") }
    }

    package func files(_ job: FilesJob, in instance: RunningInstance?) async throws -> FileServer {
        throw RuntimeFailure(call: "serve the files of", subject: job.name, detail: "there is nothing inside a fake")
    }

    package func bringLXCFS(_ directory: String, to instance: RunningInstance) async throws {}
    package func isLXCFSAlive(_ directory: String) async throws -> Bool { true }
    package func proxy(_ job: ProxyJob, title: String, of instance: RunningInstance) async throws {
        throw RuntimeFailure(call: "pass on", subject: title, detail: "there is nothing inside a fake")
    }

    /// Kills what still sleeps and waits for it.
    package func end() async {
        for child in state.withLock({ Array($0.children.values) }) {
            try? child.signal(SIGKILL)
            _ = try? await child.end()
        }
    }

    private static func running(_ process: Int32, disks: [FileIdentity] = []) throws -> RunningInstance {
        func handle() throws -> OwnedDescriptor {
            OwnedDescriptor(taking: try checked("watch", "process \(process)") { lex_pidfd_open(process) })
        }
        return RunningInstance(
            monitor: process, initProcess: process, disks: disks, monitorDescriptor: try handle(),
            initDescriptor: try handle(), netlink: try NetlinkSession())
    }
}

/// Consoles that are only names.
package final class FakeConsoles: ConsoleHolder {
    private let names = Mutex<Set<String>>([])

    package init() {}

    /// The instances that have one.
    package var open: Set<String> { names.withLock { $0 } }

    package func open(_ instance: String, owner: UInt32) async throws -> String {
        names.withLock { _ = $0.insert(instance) }
        return "/dev/pts/\(owner)"
    }
    package func close(_ instance: String) async throws { names.withLock { _ = $0.remove(instance) } }
    package func log(_ instance: String) async throws -> [UInt8] { [] }
    package func clear(_ instance: String) async throws {}
    package func attach(_ instance: String, alone: Bool) async throws -> Int32 {
        throw RuntimeFailure(call: "attach to", subject: instance, detail: "a fake console says nothing")
    }
    package func resize(_ instance: String, columns: UInt32, rows: UInt32) async throws {}
    package func end() async {}
}
