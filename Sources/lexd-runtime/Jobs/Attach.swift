import CLXC
import CLexLinux
import Glibc
import LexIPC

/// Runs one command in an instance, tells lexd when it runs and how it ended.
func attach(_ job: AttachJob, _ received: inout Received<RuntimeJob>, _ socket: borrowing JobSocket) throws {
    let container = try reachedContainer(for: job)
    var streams = Streams()
    var master: OwnedDescriptor?
    if job.terminal {
        let terminal = try openTerminal(container, job)
        streams = Streams(input: terminal.slave, output: terminal.slave, errors: terminal.slave)
        master = OwnedDescriptor(taking: terminal.master)
    } else {
        for path in [\Streams.input, \.output, \.errors] {
            guard let descriptor = received.takeDescriptor() else {
                throw RuntimeFailure(call: "attach to", subject: job.name, detail: "a stream is missing")
            }
            streams[keyPath: path] = descriptor.release()
        }
    }
    let process = try enter(container, job, streams)
    // Ours must go: the command's own are the last ones, and their closing is what tells its end of output.
    for number in Set([streams.input, streams.output, streams.errors]) { close(number) }
    let pidfd = OwnedDescriptor(
        taking: try checked("watch", "process \(process)") { lex_pidfd_open(process) })
    if let master = master.take() {
        try socket.send(RuntimeReply.attached, descriptors: [pidfd.number, master.number])
    } else {
        try socket.send(RuntimeReply.attached, descriptors: [pidfd.number])
    }
    waitForEnd(of: pidfd, lexd: socket.number)
    var status: Int32 = 0
    try checked("wait for", "process \(process)") { waitpid(process, &status, 0) }
    try socket.send(RuntimeReply.exited(lex_exit_status(status)))
}

/// The instance as liblxc knows it, and this process with what keeps a command from making calls that it does not have.
func reachedContainer(for job: AttachJob) throws -> UnsafeMutablePointer<lxc_container> {
    guard let container = lxc_container_new(job.name, job.lxcPath) else {
        throw RuntimeFailure(call: "prepare", subject: job.name, detail: "liblxc has no memory for it")
    }
    if job.deniesForeignCalls { try checked("deny", "calls of other widths") { lex_deny_foreign_calls() } }
    // When nobody answers any more, the command's calls are the kernel's alone.
    let isIntercepted = try !job.interceptDirectory.isEmpty && beIntercepted(job.interceptDirectory)
    if job.deniesForeignCalls || isIntercepted {
        // Else liblxc would leave the instance's profile out: there is a filter already.
        _ = container.pointee.set_config_item(container, "lxc.seccomp.allow_nesting", "1")
    }
    return container
}

/// The descriptors that a command has as its streams.
struct Streams {
    var input: Int32 = -1
    var output: Int32 = -1
    var errors: Int32 = -1
}

/// A terminal of the instance's own devpts, so that tty(1) inside names it.
private func openTerminal(
    _ container: UnsafeMutablePointer<lxc_container>, _ job: AttachJob
) throws -> (master: Int32, slave: Int32) {
    let devpts = container.pointee.devpts_fd(container)
    guard devpts >= 0 else {
        throw RuntimeFailure(call: "open", subject: "the terminals of \(job.name)", code: -devpts)
    }
    defer { close(devpts) }
    var master: Int32 = -1
    var slave: Int32 = -1
    try checked("open", "a terminal of \(job.name)") { lex_open_terminal_in(devpts, &master, &slave) }
    // Opened by the host's root, it belongs to nobody inside: give it to the command's user.
    try checked("change the owner of", "the terminal") { fchown(slave, job.terminalOwner, gid_t.max) }
    try checked("change the mode of", "the terminal") { fchmod(slave, 0o620) }
    if job.rows > 0, job.columns > 0 {
        _ = lex_set_window_size(
            master, UInt16(clamping: job.rows), UInt16(clamping: job.columns))
    }
    return (master, slave)
}

/// What the child needs between its arrival in the instance and the command; read by `beTheCommand`.
private struct Command {
    var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
    var directory: UnsafeMutablePointer<CChar>?
    var terminal: Bool
}

/// Forks the command into the instance.
func enter(
    _ container: UnsafeMutablePointer<lxc_container>, _ job: AttachJob, _ streams: Streams
) throws -> Int32 {
    var options = lxc_attach_options_t()
    // LXC_ATTACH_OPTIONS_DEFAULT is a compound literal, which Swift does not import: its values by hand.
    options.attach_flags = 0x0000_FFFF
    options.namespaces = -1
    options.personality = -1
    options.uid = job.user
    options.gid = job.group
    options.env_policy = LXC_ATTACH_CLEAR_ENV
    options.stdin_fd = streams.input
    options.stdout_fd = streams.output
    options.stderr_fd = streams.errors
    options.log_fd = -EBADF
    options.extra_env_vars = vector(job.environment)
    var command = Command(
        arguments: vector(job.arguments), directory: job.directory.isEmpty ? nil : strdup(job.directory),
        terminal: job.terminal)
    var process: pid_t = -1
    let rc = withUnsafeMutablePointer(to: &command) {
        container.pointee.attach(container, beTheCommand, $0, &options, &process)
    }
    guard rc == 0, process > 0 else {
        throw RuntimeFailure(call: "attach to", subject: job.name, detail: "liblxc could not enter it")
    }
    return process
}

/// Runs in the child, inside the instance, with its ids and streams: becomes the command.
private let beTheCommand: lxc_attach_exec_t = { payload in
    guard let command = payload?.assumingMemoryBound(to: Command.self).pointee, let program = command.arguments[0]
    else { return 127 }
    if command.terminal { _ = lex_make_controlling_terminal(0) } else { setsid() }
    // The wish for a directory that is not there is no reason not to run: like the stock daemon, fall back to /.
    if let directory = command.directory, chdir(directory) != 0 { _ = chdir("/") }
    for signal in [SIGPIPE, SIGCHLD, SIGINT, SIGQUIT, SIGHUP] { _ = Glibc.signal(signal, SIG_DFL) }
    var none = sigset_t()
    sigemptyset(&none)
    sigprocmask(SIG_SETMASK, &none, nil)
    execvp(program, command.arguments)
    return errno == ENOENT ? 127 : 126
}

/// Waits for the command's end; when lexd goes away first, who asked is gone, and so is the command.
private func waitForEnd(of pidfd: borrowing OwnedDescriptor, lexd: Int32) {
    var watched = [
        pollfd(fd: pidfd.number, events: Int16(POLLIN), revents: 0),
        pollfd(fd: lexd, events: Int16(POLLIN), revents: 0),
    ]
    while true {
        let ready = poll(&watched, 2, -1)
        if ready < 0 { continue }
        if watched[0].revents != 0 { return }
        if watched[1].revents != 0 {
            _ = lex_pidfd_send_signal(pidfd.number, SIGKILL)
            watched[1].fd = -1
        }
    }
}

/// A C vector of C strings that ends with NULL. It is never freed: the process lives for one job.
private func vector(_ strings: [String]) -> UnsafeMutablePointer<UnsafeMutablePointer<CChar>?> {
    let vector = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>.allocate(capacity: strings.count + 1)
    for (index, string) in strings.enumerated() { vector[index] = strdup(string) }
    vector[strings.count] = nil
    return vector
}
