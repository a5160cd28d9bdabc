import CLexLinux
import Glibc
package import LexHost
package import LexIPC

/// The runtime that starts a `lexd-runtime` for each job.
package struct HelperRuntime: Runtime {
    private let programs: HelperPrograms
    private let spare: SpareHelper

    package init(programs: HelperPrograms) {
        self.programs = programs
        spare = SpareHelper(programs.runtime)
    }

    package func start(_ job: StartJob) async throws -> RunningInstance {
        // The first word tells the helper whether to go on from a sealed copy of itself. What becomes the init of a
        // privileged instance is the helper until its execve(2), and by ids nothing keeps the guest from it.
        let title = (job.ids.isEmpty ? "sealed " : "") + "start \(job.name)"
        let helper = try await HelperProcess(
            programs.runtime, title: title, job: .start(job), mark: HelperMark(job.lockFile))
        guard try await helper.isHeard(within: programs.patience) else {
            try await helper.kill()
            try await endStart(job.lockFile, within: .zero)
            throw RuntimeFailure(
                call: "start", subject: job.name,
                detail: "lexd-runtime was not done after \(programs.patience.components.seconds) seconds and was ended")
        }
        guard var reply = try await helper.reply(RuntimeReply.self) else {
            let code = await helper.end()
            // The monitor it may have forked would go on alone.
            try await endStart(job.lockFile, within: .zero)
            throw RuntimeFailure(
                call: "start", subject: job.name,
                detail: code > 128
                    ? "lexd-runtime was killed by signal \(code - 128)" : "lexd-runtime ended with \(code)")
        }
        switch reply.value {
        case .started(let started):
            guard let monitor = reply.takeDescriptor(), let initProcess = reply.takeDescriptor(),
                let netlink = reply.takeDescriptor()
            else { throw MessageError("descriptors are missing") }
            return RunningInstance(
                monitor: started.monitor, initProcess: started.initProcess, monitorDescriptor: monitor,
                initDescriptor: initProcess, netlink: try NetlinkSession(netlink))
        case .failed(let failure): throw failure
        default: throw MessageError("another reply than the start's")
        }
    }

    package func endStart(_ lockFile: String, within patience: Duration) async throws {
        try await HelperMark(lockFile).endAll(within: patience)
    }

    package func adopt(monitor: Int32, initProcess: Int32) async throws -> RunningInstance? {
        // First the descriptors, then the question whether they are what we think: now they can become nobody else.
        guard let monitorDescriptor = try Self.hold(monitor), let initDescriptor = try Self.hold(initProcess),
            try ProcessFacts.parent(of: initProcess) == monitor, try ProcessFacts.isMonitor(monitor)
        else { return nil }
        let helper = try await HelperProcess(
            programs.runtime, title: "netlink", job: .netlink(NetlinkJob(process: initProcess)))
        guard try await helper.isHeard(within: programs.patience) else {
            try await helper.kill()
            throw RuntimeFailure(
                call: "look into the network of", subject: "process \(initProcess)", detail: "lexd-runtime hangs")
        }
        guard var reply = try await helper.reply(RuntimeReply.self) else {
            let code = await helper.end()
            throw RuntimeFailure(
                call: "look into the network of", subject: "process \(initProcess)",
                detail: "lexd-runtime ended with \(code)")
        }
        switch reply.value {
        case .done:
            guard let netlink = reply.takeDescriptor() else { throw MessageError("a descriptor is missing") }
            return RunningInstance(
                monitor: monitor, initProcess: initProcess, monitorDescriptor: monitorDescriptor,
                initDescriptor: initDescriptor, netlink: try NetlinkSession(netlink))
        case .failed(let failure):
            // Its init has ended just now: it has no network namespace any more.
            if [ENOENT, ESRCH].contains(failure.code) { return nil }
            throw failure
        default: throw MessageError("another reply than the netlink socket's")
        }
    }

    /// Takes hold of a process; nil when there is none of that number. Every other error is no answer.
    private static func hold(_ process: Int32) throws(SystemError) -> OwnedDescriptor? {
        let number = lex_pidfd_open(process)
        if number >= 0 { return OwnedDescriptor(taking: number) }
        // The other two: no number of a process, or a thread's (pidfd_open(2)).
        if [ESRCH, EINVAL, ENOENT].contains(errno) { return nil }
        throw SystemError("take hold of", "process \(process)")
    }

    package func attach(_ job: AttachJob, streams: [Int32], isPrivileged: Bool) async throws -> AttachedCommand {
        // The first word tells the helper whether to go on from a sealed copy of itself.
        let helper =
            isPrivileged
            ? try await HelperProcess(
                programs.runtime, title: "sealed exec \(job.name)", job: .attach(job), descriptors: streams)
            : try await spare.take(title: "exec \(job.name)", job: .attach(job), descriptors: streams)
        defer { spare.refill() }
        guard var reply = try await helper.reply(RuntimeReply.self) else {
            let code = await helper.end()
            throw RuntimeFailure(call: "attach to", subject: job.name, detail: "lexd-runtime ended with \(code)")
        }
        switch reply.value {
        case .attached:
            guard let process = reply.takeDescriptor() else { throw MessageError("a descriptor is missing") }
            let terminal = reply.takeDescriptor()?.release() ?? -1
            return AttachedCommand(helper: helper, process: process, terminal: terminal)
        case .failed(let failure): throw failure
        default: throw MessageError("another reply than the command's start")
        }
    }

    package func end() async { await spare.end() }
}

/// What /proc says of a process (proc(5)).
enum ProcessFacts {
    /// The parent of a process; nil when it is gone.
    static func parent(of process: Int32) throws -> Int32? {
        try unlessGone { try parentProcess(of: process) }
    }

    /// Whether a process is a monitor of liblxc's, by the title it gives itself.
    static func isMonitor(_ process: Int32) throws -> Bool {
        try unlessGone { try readFile("/proc/\(process)/cmdline") }?.hasPrefix("[lxc monitor]") == true
    }

    /// nil when the process has ended; any other error is no answer and goes on.
    private static func unlessGone<Result>(_ look: () throws -> Result) throws -> Result? {
        do { return try look() } catch let error as SystemError where [ENOENT, ESRCH].contains(error.code) {
            return nil
        }
    }
}
