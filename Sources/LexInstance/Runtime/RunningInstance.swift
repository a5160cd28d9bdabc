import CLexLinux
import Glibc
package import LexHost
package import LexIPC
import Synchronization

/// A running instance: its processes, held by pidfds, which can never mean another process.
package final class RunningInstance: Sendable {
    /// liblxc's monitor.
    package let monitor: Int32
    /// Its init, by the host's number.
    package let initProcess: Int32
    /// What its start had to do without.
    package let remarks: [String]
    /// What the disks it was started with are known by, in their order.
    package let disks: [FileIdentity]
    private let monitorDescriptor: OwnedDescriptor
    private let initDescriptor: OwnedDescriptor
    private let netlink: Mutex<NetlinkSession>

    package init(
        monitor: Int32, initProcess: Int32, disks: [FileIdentity] = [], remarks: [String] = [],
        monitorDescriptor: consuming OwnedDescriptor, initDescriptor: consuming OwnedDescriptor, netlink: NetlinkSession
    ) {
        self.remarks = remarks
        self.monitor = monitor
        self.disks = disks
        self.initProcess = initProcess
        self.monitorDescriptor = monitorDescriptor
        self.initDescriptor = initDescriptor
        self.netlink = Mutex(netlink)
    }

    /// The pidfd of its init once more, to hand to a helper.
    func duplicateInit() throws(SystemError) -> OwnedDescriptor { try initDescriptor.duplicate() }

    /// Looks into its network through a netlink socket that was opened there; one at a time.
    package func withNetlink<Result: Sendable>(_ body: (NetlinkSession) throws -> Result) rethrows -> Result {
        try netlink.withLock { try body($0) }
    }

    /// Moves a link of the host into its network, under another name; EEXIST when it has one of that name.
    package func take(_ link: String, as name: String) throws(SystemError) {
        let namespace = try OwnedDescriptor.open("/proc/\(initProcess)/ns/net", O_RDONLY | O_CLOEXEC)
        // The number is its init's only as long as that lives.
        var watched = pollfd(fd: initDescriptor.number, events: Int16(POLLIN), revents: 0)
        guard poll(&watched, 1, 0) == 0 else { throw SystemError("find", "the init of the instance", code: ESRCH) }
        try NetlinkSession().change(link, LinkChange(name: name, namespace: namespace.number))
    }

    /// Waits until its init has ended, and with it every process of its; the monitor still has its part to put away.
    package func initEnd() async throws { try await Readiness.shared.readable(initDescriptor.number) }

    /// Waits until the monitor has ended: then all its processes are gone and everything is put away.
    package func end() async throws { try await Readiness.shared.readable(monitorDescriptor.number) }

    /// Whether it has ended already.
    package var hasEnded: Bool {
        var watched = pollfd(fd: monitorDescriptor.number, events: Int16(POLLIN), revents: 0)
        return poll(&watched, 1, 0) > 0
    }

    /// Asks its init to end: SIGRTMIN+3 where it is listened for, as systemd does (systemd(1)), else SIGPWR.
    package func askToStop() throws(SystemError) {
        try signalInit(listens(for: lex_sigrtmin() + 3) ? lex_sigrtmin() + 3 : SIGPWR)
    }

    /// Kills its init, and with it every process of its.
    package func kill() throws(SystemError) { try signalInit(SIGKILL) }

    /// Kills the monitor, when even the death of its init has not ended it.
    package func killMonitor() { _ = lex_pidfd_send_signal(monitorDescriptor.number, SIGKILL) }

    private func signalInit(_ signal: Int32) throws(SystemError) {
        if lex_pidfd_send_signal(initDescriptor.number, signal) == 0 || errno == ESRCH { return }
        throw SystemError("send signal \(signal) to", "the init of the instance")
    }

    /// Whether the init catches or blocks a signal; systemd blocks those it reads from a signalfd(2).
    private func listens(for signal: Int32) -> Bool {
        guard let status = try? readFile("/proc/\(initProcess)/status") else { return false }
        for line in status.split(separator: "\n") {
            let parts = line.split(separator: ":")
            guard parts.count == 2, parts[0] == "SigBlk" || parts[0] == "SigCgt",
                let mask = UInt64(parts[1].filter { !$0.isWhitespace }, radix: 16)
            else { continue }
            if mask & (1 << UInt64(signal - 1)) != 0 { return true }
        }
        return false
    }
}

/// A command that runs in an instance.
package final class AttachedCommand: Sendable {
    private let helper: HelperProcess
    private let process: OwnedDescriptor
    /// The master side of its terminal, to be taken once; -1 when it has none.
    package let terminal: Int32

    /// Takes the descriptors over; the terminal's new owner is whoever uses it.
    package init(helper: HelperProcess, process: consuming OwnedDescriptor, terminal: Int32) {
        self.helper = helper
        self.process = process
        self.terminal = terminal
    }

    /// Sends it a signal; that it has ended already is fine.
    package func signal(_ number: Int32) { _ = lex_pidfd_send_signal(process.number, number) }

    /// Waits for its end: the exit code, or 128 + signal.
    package func end() async throws -> Int32 {
        guard let reply = try await helper.reply(RuntimeReply.self) else {
            throw RuntimeFailure(call: "follow", subject: "the command", detail: "lexd-runtime ended before it")
        }
        switch reply.value {
        case .exited(let code): return code
        case .failed(let failure): throw failure
        default: throw MessageError("another reply than the command's end")
        }
    }
}
