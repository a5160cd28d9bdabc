import CLexLinux
import Glibc
import LexIPC

/// Has the calls of this process, and of all that come from it, answered by the instance's supervisor; answers whether
/// there is one.
func beIntercepted(_ directory: String) throws -> Bool {
    // By a short name: a path could be too long for the address of a socket.
    guard chdir(directory) == 0 else { return false }
    let connection = lex_connect_unix(InterceptJob.socket)
    try checked("enter", "/") { chdir("/") }
    guard connection >= 0 else { return false }
    let socket = JobSocket(OwnedDescriptor(taking: connection))
    // It answers at once, or it stands still: who waits for a command is not to wait for that.
    var watched = pollfd(fd: socket.number, events: Int16(POLLIN), revents: 0)
    guard poll(&watched, 1, 5000) > 0 else { return false }
    guard let calls = try offered(on: socket) else { return false }
    let program = OwnedDescriptor(
        taking: try checked("open", "/proc/self/exe") { lex_open_path("/proc/self/exe", 1) })
    let devices = CharacterDevice.harmless.map(\.encoded)
    let number = lex_intercept(Int32(truncatingIfNeeded: calls.rawValue), devices, devices.count)
    guard number >= 0 else {
        // There can be one listener for a process (`init_listener()` in kernel/seccomp.c).
        guard errno == EBUSY else { throw SystemError("intercept", "system calls") }
        throw RuntimeFailure(
            call: "intercept", subject: "system calls", code: EBUSY,
            detail: "lexd itself runs where calls are intercepted. Unset security.syscalls.intercept.* of the instance")
    }
    // Ours is closed as we return: when the supervisor ends, calls must fail rather than wait for an answer.
    let listener = OwnedDescriptor(taking: number)
    try socket.send(RuntimeReply.done, descriptors: [listener.number, program.number])
    return true
}

/// The calls that are to be handed over; nil when nobody is there, or who was there has just been killed.
private func offered(on socket: borrowing JobSocket) throws -> InterceptedCalls? {
    do {
        guard let offer = try socket.receive(InterceptedCalls.self) else { return nil }
        return offer.value
    } catch let error as SystemError where error.code == ECONNRESET {
        return nil
    }
}

/// Answers system calls of one instance until none of its processes is left.
///
/// Each call is answered by a process of its own, forked for it: what a guest's bytes do to that one, or how long its
/// file systems let it wait, is no matter of the next call's.
func intercept(_ job: InterceptJob, _ socket: borrowing JobSocket) throws {
    try checked("enter", job.directory) { chdir(job.directory) }
    let number = lex_listen_unix(InterceptJob.socket)
    guard number >= 0 else { throw SystemError("listen on", "\(job.directory)/\(InterceptJob.socket)") }
    let entrance = OwnedDescriptor(taking: number)
    try checked("enter", "/") { chdir("/") }
    signal(SIGPIPE, SIG_IGN)
    try checked("leave the groups for", job.name) { lex_setgroups_none() }
    var kept = [
        lex_cap_sys_admin, lex_cap_sys_chroot, lex_cap_sys_ptrace, lex_cap_sys_nice, lex_cap_mknod, lex_cap_setuid,
        lex_cap_setgid, lex_cap_setpcap, lex_cap_kill, lex_cap_dac_override, lex_cap_dac_read_search,
    ]
    if job.calls.contains(.bpf) { kept += [lex_cap_net_admin, lex_cap_bpf] }
    try checked("give up rights for", job.name) { lex_keep_capabilities(kept, kept.count) }
    try socket.send(RuntimeReply.done)
    var supervisor = CallSupervisor(job, entrance: entrance)
    while supervisor.serveOnce(lexd: socket.number) {}
    supervisor.end()
}

/// Takes the calls of an instance and gives each to a worker.
private struct CallSupervisor: ~Copyable {
    private let job: InterceptJob
    private let entrance: OwnedDescriptor
    private var arriving: [Int32] = []
    private var listeners: [Int: Listener] = [:]
    private var workers: [Worker] = []
    private var nextListener = 0
    private var began: Int64?

    /// The most calls that are worked on at a time. More wait in the kernel.
    private static let mostWorkers = 32
    /// How long a call may take: one that goes to a file system of the guest's own may take for ever.
    private static let patience: Int64 = 10_000

    private struct Listener {
        let descriptor: Int32
        let program: stat
    }
    private struct Worker {
        let process: Int32
        let descriptor: Int32
        let listener: Int
        let call: UInt64
        /// Nil for one that was killed; it may wait in the kernel for what never comes.
        var deadline: Int64?
    }

    init(_ job: InterceptJob, entrance: consuming OwnedDescriptor) {
        self.job = job
        self.entrance = entrance
    }

    /// Waits for something to do and does it; false when nothing is left to do.
    mutating func serveOnce(lexd: Int32) -> Bool {
        // Before the first of the instance's processes is there, lexd's end is ours: it has started nothing.
        var watched = [
            pollfd(fd: entrance.number, events: Int16(POLLIN), revents: 0),
            pollfd(fd: began == nil ? lexd : -1, events: Int16(POLLIN), revents: 0),
        ]
        let numbers = listeners.keys.sorted()
        let takes = workers.count < Self.mostWorkers ? Int16(POLLIN) : 0
        watched += arriving.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        watched += workers.map { pollfd(fd: $0.descriptor, events: Int16(POLLIN), revents: 0) }
        watched += numbers.map { pollfd(fd: listeners[$0]?.descriptor ?? -1, events: takes, revents: 0) }
        let now = monotonicMilliseconds()
        let wait = workers.compactMap(\.deadline).min().map { Int32(clamping: max(0, $0 - now)) }
        guard poll(&watched, nfds_t(watched.count), wait ?? -1) >= 0 else { return true }
        if watched[1].revents != 0 { return false }
        let events = watched.dropFirst(2).map(\.revents)
        for (index, number) in numbers.enumerated() {
            let event = events[events.count - numbers.count + index]
            if event & Int16(POLLIN) != 0 { take(number) } else if event != 0 { close(number) }
        }
        reap()
        for (socket, event) in zip(arriving, events) where event != 0 { welcome(socket) }
        if watched[0].revents != 0 { accept() }
        return began == nil || !listeners.isEmpty || !arriving.isEmpty || !workers.isEmpty
    }

    /// Ends what is left; the socket goes with its directory.
    mutating func end() {
        for socket in arriving { Glibc.close(socket) }
    }

    // MARK: who comes

    private mutating func accept() {
        let number = lex_accept(entrance.number)
        guard number >= 0 else { return }
        let socket = JobSocket(OwnedDescriptor(taking: number))
        guard (try? socket.send(job.calls)) != nil else { return }
        arriving.append(socket.release())
    }

    private mutating func welcome(_ number: Int32) {
        arriving.removeAll { $0 == number }
        let socket = JobSocket(OwnedDescriptor(taking: number))
        guard var received = try? socket.receive(RuntimeReply.self), let listener = received.takeDescriptor(),
            let program = received.takeDescriptor()
        else { return }
        var status = stat()
        guard fstat(program.number, &status) == 0 else { return }
        listeners[nextListener] = Listener(descriptor: listener.release(), program: status)
        nextListener += 1
        if began == nil { began = monotonicMilliseconds() }
    }

    private mutating func close(_ number: Int) {
        if let listener = listeners.removeValue(forKey: number) { Glibc.close(listener.descriptor) }
    }

    // MARK: calls

    private mutating func take(_ number: Int) {
        guard workers.count < Self.mostWorkers, let listener = listeners[number] else { return }
        var call = lex_call()
        // ENOENT: its thread has been killed since.
        guard lex_receive_call(listener.descriptor, &call) == 0 else { return }
        let supervisor = getpid()
        let process = lex_fork()
        if process == 0 {
            _ = lex_set_parent_death_signal(SIGKILL)
            guard getppid() == supervisor else { _exit(1) }
            CallWorker(
                call: call, listener: listener.descriptor, program: listener.program, job: job,
                uptime: UInt64(max(0, monotonicMilliseconds() - (began ?? 0))) / 1000
            ).serve()
            _exit(0)
        }
        let descriptor = process < 0 ? -1 : lex_pidfd_open(process)
        guard descriptor >= 0 else {
            if process > 0 {
                kill(process, SIGKILL)
                var status: Int32 = 0
                waitpid(process, &status, 0)
            }
            _ = lex_answer_call(listener.descriptor, call.id, EAGAIN, 0)
            return
        }
        workers.append(
            Worker(
                process: process, descriptor: descriptor, listener: number, call: call.id,
                deadline: monotonicMilliseconds() + Self.patience))
    }

    /// Takes leave of workers that have ended or take too long; whom they left without an answer gets one.
    private mutating func reap() {
        let now = monotonicMilliseconds()
        var left: [Worker] = []
        for var worker in workers {
            var status: Int32 = 0
            let ended = waitpid(worker.process, &status, WNOHANG) != 0
            // Once it is waited for, its number may be another's.
            let isLate = !ended && worker.deadline.map { now >= $0 } ?? false
            if isLate { kill(worker.process, SIGKILL) }
            if isLate || (ended && worker.deadline != nil && lex_exit_status(status) != 0),
                let listener = listeners[worker.listener]
            {
                // Not when it is answered already: then there is no such call (ENOENT).
                _ = lex_answer_call(listener.descriptor, worker.call, EIO, 0)
            }
            if ended {
                Glibc.close(worker.descriptor)
            } else {
                if isLate { worker.deadline = nil }
                left.append(worker)
            }
        }
        workers = left
    }
}
