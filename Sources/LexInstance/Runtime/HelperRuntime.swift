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
        // Ours of its socket is closed as we return: without a process of the instance it ends then.
        let supervisor = try await startSupervisor(job)
        defer { withExtendedLifetime(supervisor) {} }
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
                monitor: started.monitor, initProcess: started.initProcess, disks: started.disks,
                remarks: started.remarks, monitorDescriptor: monitor, initDescriptor: initProcess,
                netlink: try NetlinkSession(netlink))
        case .failed(let failure): throw failure
        default: throw MessageError("another reply than the start's")
        }
    }

    /// Starts what answers calls of the instance, if it has some answered.
    private func startSupervisor(_ job: StartJob) async throws -> HelperProcess? {
        guard let interception = job.interception else { return nil }
        let helper = try await HelperProcess(
            programs.runtime, title: "intercept \(interception.directory)", job: .intercept(interception),
            mark: HelperMark(job.lockFile))
        guard try await helper.isHeard(within: programs.patience) else {
            try await helper.kill()
            throw RuntimeFailure(call: "intercept the calls of", subject: job.name, detail: "lexd-runtime hangs")
        }
        guard let reply = try await helper.reply(RuntimeReply.self) else {
            throw RuntimeFailure(
                call: "intercept the calls of", subject: job.name,
                detail: "lexd-runtime ended with \(await helper.end())")
        }
        if case .failed(let failure) = reply.value { throw failure }
        return helper
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

    package func plug(_ job: PlugJob, into instance: RunningInstance) async throws -> FileIdentity {
        // The first word: what enters a privileged guest goes on from a sealed copy of itself.
        let title = (job.isUnprivileged ? "" : "sealed ") + "plug \(job.path)"
        let reply = try await run(.plug(job), title: title, of: instance, verb: "mount on", subject: job.path)
        guard case .plugged(let identity) = reply else { throw MessageError("another reply than the plug's") }
        return identity
    }

    package func unplug(_ job: UnplugJob, from instance: RunningInstance) async throws {
        let reply = try await run(
            .unplug(job), title: "sealed unplug \(job.path)", of: instance, verb: "unmount", subject: job.path)
        guard case .done = reply else { throw MessageError("another reply than the unplug's") }
    }

    package func resize(_ job: ResizeJob, in instance: RunningInstance) async throws {
        let reply = try await run(
            .resize(job), title: "sealed resize \(job.path)", of: instance, verb: "resize", subject: job.path)
        guard case .done = reply else { throw MessageError("another reply than the resize's") }
    }

    package func bringLXCFS(_ directory: String, to instance: RunningInstance) async throws {
        let reply = try await run(
            .lxcfs(LXCFSJob(directory: directory, process: instance.initProcess)), title: "sealed lxcfs \(directory)",
            of: instance, verb: "bring lxcfs to", subject: "process \(instance.initProcess)")
        guard case .done = reply else { throw MessageError("another reply than that of lxcfs") }
    }

    package func isLXCFSAlive(_ directory: String) async throws -> Bool {
        let helper = try await HelperProcess(
            programs.runtime, title: "lxcfs \(directory)", job: .lxcfs(LXCFSJob(directory: directory, process: 0)))
        guard try await helper.isHeard(within: .seconds(5)) else {
            try await helper.kill()
            return false
        }
        guard let reply = try await helper.reply(RuntimeReply.self) else { return false }
        if case .done = reply.value { return true }
        return false
    }

    /// A short job inside a running instance.
    private func run(
        _ job: RuntimeJob, title: String, of instance: RunningInstance, verb: String, subject: String
    ) async throws -> RuntimeReply {
        let process = try instance.duplicateInit()
        let helper = try await HelperProcess(
            programs.runtime, title: title, job: job, descriptors: [process.number])
        guard try await helper.isHeard(within: programs.patience) else {
            try await helper.kill()
            throw RuntimeFailure(call: verb, subject: subject, detail: "lexd-runtime hangs")
        }
        guard let reply = try await helper.reply(RuntimeReply.self) else {
            throw RuntimeFailure(
                call: verb, subject: subject, detail: "lexd-runtime ended with \(await helper.end())")
        }
        if case .failed(let failure) = reply.value { throw failure }
        return reply.value
    }

    package func files(_ job: FilesJob, in instance: RunningInstance?) async throws -> FileServer {
        let pair = try OwnedDescriptor.socketPair()
        let ours = OwnedDescriptor(taking: pair.ours)
        let theirs = OwnedDescriptor(taking: pair.theirs)
        var descriptors = [theirs.number]
        let process = try instance.map { try $0.duplicateInit().release() }
        defer { if let process { close(process) } }
        if let process { descriptors.append(process) }
        let helper: HelperProcess
        // What enters a privileged guest goes on from a sealed copy of itself.
        if instance != nil, job.ids.isEmpty {
            helper = try await HelperProcess(
                programs.runtime, title: "sealed files \(job.name)", job: .files(job), descriptors: descriptors)
        } else {
            helper = try await spare.take(title: "files \(job.name)", job: .files(job), descriptors: descriptors)
        }
        defer { spare.refill() }
        guard try await helper.isHeard(within: programs.patience) else {
            try await helper.kill()
            throw RuntimeFailure(call: "serve the files of", subject: job.name, detail: "lexd-runtime hangs")
        }
        guard let reply = try await helper.reply(RuntimeReply.self) else {
            let code = await helper.end()
            throw RuntimeFailure(
                call: "serve the files of", subject: job.name, detail: "lexd-runtime ended with \(code)")
        }
        switch reply.value {
        case .done: return FileServer(helper: helper, connection: ours)
        case .failed(let failure): throw failure
        default: throw MessageError("another reply than the file server's")
        }
    }

    package func proxy(_ job: ProxyJob, title: String, of instance: RunningInstance) async throws {
        // The first word: what enters a privileged guest goes on from a sealed copy of itself.
        let reply = try await run(
            .proxy(job), title: (job.isUnprivileged ? "" : "sealed ") + title, of: instance,
            verb: "pass connections on by", subject: title)
        guard case .done = reply else { throw MessageError("another reply than the proxy's") }
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
