import CLexLinux
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
        let helper = try await HelperProcess(
            programs.runtime, title: "start \(job.name)", job: .start(job), mark: HelperMark(job.lockFile))
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
        let monitorNumber = lex_pidfd_open(monitor)
        guard monitorNumber >= 0 else { return nil }
        let monitorDescriptor = OwnedDescriptor(taking: monitorNumber)
        let initNumber = lex_pidfd_open(initProcess)
        guard initNumber >= 0 else { return nil }
        let initDescriptor = OwnedDescriptor(taking: initNumber)
        guard ProcessFacts.parent(of: initProcess) == monitor, ProcessFacts.isMonitor(monitor) else { return nil }
        let helper = try await HelperProcess(
            programs.runtime, title: "netlink", job: .netlink(NetlinkJob(process: initProcess)))
        guard try await helper.isHeard(within: programs.patience) else {
            try await helper.kill()
            throw RuntimeFailure(
                call: "look into the network of", subject: "process \(initProcess)", detail: "lexd-runtime hangs")
        }
        guard var reply = try await helper.reply(RuntimeReply.self), case .done = reply.value,
            let netlink = reply.takeDescriptor()
        else { return nil }
        return RunningInstance(
            monitor: monitor, initProcess: initProcess, monitorDescriptor: monitorDescriptor,
            initDescriptor: initDescriptor, netlink: try NetlinkSession(netlink))
    }

    package func attach(_ job: AttachJob, streams: [Int32], isPrivileged: Bool) async throws -> AttachedCommand {
        // The first word tells the helper whether to go on from a sealed copy of itself.
        let helper =
            isPrivileged
            ? try await HelperProcess(
                programs.runtime, title: "exec-sealed", job: .attach(job), descriptors: streams)
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
package enum ProcessFacts {
    /// The parent of a process; nil when it is gone.
    package static func parent(of process: Int32) -> Int32? {
        fields(process)?.first { $0.0 == 1 }.flatMap { Int32($0.1) }
    }

    /// When a process began, in clock ticks since the boot: with its number it names a process for good.
    package static func startTime(of process: Int32) -> UInt64? {
        fields(process)?.first { $0.0 == 19 }.flatMap { UInt64($0.1) }
    }

    /// Whether a process is a monitor of liblxc's, by the title it gives itself.
    package static func isMonitor(_ process: Int32) -> Bool {
        (try? readFile("/proc/\(process)/cmdline"))?.hasPrefix("[lxc monitor]") == true
    }

    // The fields after the name, which may itself hold spaces and parentheses; number 0 is the state.
    private static func fields(_ process: Int32) -> [(Int, String)]? {
        guard let stat = try? readFile("/proc/\(process)/stat"), let end = stat.lastIndex(of: ")") else { return nil }
        return stat[stat.index(after: end)...].split(separator: " ").enumerated().map {
            ($0.offset, String($0.element))
        }
    }
}
