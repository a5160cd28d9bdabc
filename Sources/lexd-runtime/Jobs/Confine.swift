import CLexLinux
import Glibc
import LexIPC

/// The number of ids a confined program runs under.
private let idCount: UInt32 = 65536

/// Runs a program on untrusted bytes so that even an attacker's program in its place reaches nothing but its input, its
/// answers and its target.
///
/// We stay outside its pid namespace, wait for its end and report it; when lexd goes away, or only its socket, we end
/// the program, and when we are killed the kernel does.
func confine(
    _ job: ConfineJob, _ received: inout Received<RuntimeJob>, _ socket: borrowing JobSocket
) throws {
    let descriptors = try ConfinedDescriptors(&received, job.program)
    let mapped = try idNamespace(from: job.firstID)
    let isMapped = try job.target.map { try canMap($0, mapped) } ?? true
    let ids = isMapped ? mapped : try mapNamespace(IDMap(first: 0, count: idCount))
    try buildRoot(job, ids: ids, isMapped: isMapped)
    // These namespaces are made before the user namespace is entered and so belong to the host's: over its own network
    // or host name the program has no right either.
    try checked("unshare", "the namespaces of \(job.program)") {
        lex_unshare(lex_clone_newpid | lex_clone_newnet | lex_clone_newipc | lex_clone_newuts | lex_clone_newcgroup)
    }
    let child = try start(job, descriptors, ids: ids)
    // Ours of the answer socket must go, or lexd would never see the end of the program's.
    _ = consume descriptors
    try watch(child.process, job, launch: JobSocket(OwnedDescriptor(taking: child.launch)), socket)
}

/// Forks the process that becomes the program, and our end of a socket on which it says why it could not.
private func start(
    _ job: ConfineJob, _ descriptors: borrowing ConfinedDescriptors, ids: borrowing OwnedDescriptor
) throws(SystemError) -> (process: pid_t, launch: Int32) {
    let (ours, theirs) = try OwnedDescriptor.socketPair()
    let child = lex_fork()
    if child < 0 { throw SystemError("fork for", job.program) }
    if child == 0 {
        close(ours)
        becomeProgram(job, descriptors, ids: ids, launcher: theirs)
    }
    close(theirs)
    return (child, ours)
}

/// What becomes the program's descriptors 0, 1 and 2.
private struct ConfinedDescriptors: ~Copyable {
    let input: OwnedDescriptor
    let answers: OwnedDescriptor
    let errors: OwnedDescriptor

    init(_ received: inout Received<RuntimeJob>, _ program: String) throws {
        guard let input = received.takeDescriptor(), let answers = received.takeDescriptor() else {
            throw RuntimeFailure(call: "confine", subject: program, detail: "its input or its answer socket is missing")
        }
        var status = stat()
        try checked("look at the input of", program) { fstat(input.number, &status) }
        // A directory would lead out of any root: openat(0, "..").
        guard status.st_mode & S_IFMT == S_IFREG || status.st_mode & S_IFMT == S_IFIFO else {
            throw RuntimeFailure(call: "confine", subject: program, detail: "its input is neither a file nor a pipe")
        }
        let flags = try checked("look at the input of", program) { fcntl(input.number, F_GETFL) }
        guard flags & O_ACCMODE == O_RDONLY else {
            throw RuntimeFailure(call: "confine", subject: program, detail: "its input is open for writing")
        }
        self.init(
            input: input, answers: answers,
            errors: try received.takeDescriptor() ?? OwnedDescriptor.open("/dev/null", O_WRONLY))
    }

    private init(
        input: consuming OwnedDescriptor, answers: consuming OwnedDescriptor, errors: consuming OwnedDescriptor
    ) {
        self.input = input
        self.answers = answers
        self.errors = errors
    }
}

/// A user namespace that maps 0...65535 to the host's ids from `first` on, for both the program and its target's mount.
private func idNamespace(from first: UInt32) throws -> OwnedDescriptor {
    guard first >= idCount, !first.addingReportingOverflow(idCount).overflow else {
        throw RuntimeFailure(call: "confine", subject: "a program", detail: "\(first) does not begin a range of ids")
    }
    let map = IDRange(inside: 0, host: first, count: idCount).line + "\n"
    let child = try checked("make", "a user namespace") { lex_user_namespace_child() }
    defer {
        kill(child, SIGKILL)
        var status: Int32 = 0
        while waitpid(child, &status, 0) < 0 && errno == EINTR {}
    }
    try writeKernelFile("/proc/\(child)/uid_map", map)
    try writeKernelFile("/proc/\(child)/gid_map", map)
    return try OwnedDescriptor.open("/proc/\(child)/ns/user", O_RDONLY)
}

/// Makes a read-only root that holds the program, what loads it, and its target, and moves this process there.
///
/// - Parameter isMapped: Whether the target is mounted with the ids. In an instance the kernel may refuse that
///   (``canMap(_:_:)``): then the program runs under the very ids that it gives to files, so as the root of that
///   instance, and all else that confines it is as ever.
private func buildRoot(_ job: ConfineJob, ids: borrowing OwnedDescriptor, isMapped: Bool) throws {
    try checked("unshare", "the mount namespace") { lex_unshare(lex_clone_newns) }
    // Slave: nothing of ours goes to the host, and what is unmounted on the host is not held here.
    try checked("make slave", "/") { lex_mount(nil, "/", nil, lex_ms_rec | lex_ms_slave, nil) }
    // Opened in the new namespace, since only what is mounted there can be cloned, and before anything is mounted. The
    // trees are cloned from these descriptors, so no path is walked twice.
    let files = try ([job.program] + job.libraries).map { path in
        BoundFile(path: path, descriptor: try checked("open", path) { lex_open_path(path, 1) })
    }
    let target = try job.target.map { path in
        (path: path, descriptor: try checked("open", path) { lex_open_path(path, 0) })
    }
    let base = job.mountPoint
    try checked("mount a tmpfs on", base) {
        lex_mount("lexd", base, "tmpfs", lex_ms_nosuid | lex_ms_nodev, "size=256k,nr_inodes=1k,mode=0755")
    }
    try checked("enter", base) { chdir(base) }
    let locked = lex_mount_attr_read_only | lex_mount_attr_nosuid | lex_mount_attr_nodev
    for file in files {
        let place = try placeFor(file.path)
        try attach(file.descriptor, file.path, at: place, attributes: locked, ids: -1)
    }
    if let target {
        try checked("make directory", "/t") { mkdir("t", 0o755) }
        try attach(
            target.descriptor, target.path, at: "t",
            attributes: lex_mount_attr_nosuid | lex_mount_attr_nodev | lex_mount_attr_noexec,
            ids: isMapped ? ids.number : -1)
    }
    let root = OwnedDescriptor(taking: try checked("open", base) { lex_open_path(".", 0) })
    try checked("make read-only", base) { lex_restrict_mount(root.number, -1, locked) }
    try checked("make the root", base) { lex_move_root_here() }
}

private struct BoundFile {
    var path: String
    /// Closed by close-on-exec; there are a few of them and this process does one job.
    var descriptor: Int32
}

private func attach(
    _ descriptor: Int32, _ path: String, at place: String, attributes: UInt64, ids: Int32
) throws(SystemError) {
    let tree = OwnedDescriptor(taking: try checked("open the tree", path) { lex_clone_mount(descriptor) })
    try checked(ids < 0 ? "protect" : "map the ids of", path) { lex_restrict_mount(tree.number, ids, attributes) }
    try checked("mount", path) { lex_attach_tree(tree.number, AT_FDCWD, place) }
}

/// An empty file below the new root, which is the current directory, at the path it has on the host.
private func placeFor(_ path: String) throws -> String {
    let names = path.split(separator: "/", omittingEmptySubsequences: true)
    guard path.hasPrefix("/"), !names.isEmpty, names.allSatisfy({ $0 != "." && $0 != ".." }), names.first != "t" else {
        throw RuntimeFailure(call: "mount", subject: path, detail: "it is not an absolute path")
    }
    var place = ""
    for name in names.dropLast() {
        place += place.isEmpty ? "\(name)" : "/\(name)"
        if mkdir(place, 0o755) != 0 && errno != EEXIST { throw SystemError("make directory", place) }
    }
    let file = names.joined(separator: "/")
    _ = try OwnedDescriptor.open(file, O_WRONLY | O_CREAT, mode: 0o644)
    return file
}

/// The child: takes off every right and becomes the program. It never returns.
private func becomeProgram(
    _ job: ConfineJob, _ descriptors: borrowing ConfinedDescriptors, ids: borrowing OwnedDescriptor, launcher: Int32
) -> Never {
    let launcher = JobSocket(OwnedDescriptor(taking: launcher))
    do {
        try takeOff(job, descriptors, ids: ids, launcher: launcher.number)
        try execute(job)
    } catch let failure as RuntimeFailure {
        try? launcher.send(failure)
    } catch let error as SystemError {
        try? launcher.send(RuntimeFailure(error))
    } catch {
        try? launcher.send(RuntimeFailure(call: "run", subject: job.program, detail: "\(error)"))
    }
    _exit(127)
}

private func takeOff(
    _ job: ConfineJob, _ descriptors: borrowing ConfinedDescriptors, ids: borrowing OwnedDescriptor, launcher: Int32
) throws {
    let files = try ([job.program] + job.libraries).map { path in
        try checked("open", path) { lex_open_path(path, 0) }
    }
    let target = job.target == nil ? -1 : try checked("open", "/t") { lex_open_path("/t", 0) }

    for (number, descriptor) in [descriptors.input.number, descriptors.answers.number, descriptors.errors.number]
        .enumerated()
    {
        try checked("place descriptor", "\(number)") { dup2(descriptor, Int32(number)) }
    }
    try checked("close on exec", "descriptors from 3") { lex_close_on_exec_from(3) }

    try checked("enter", "the user namespace") { lex_setns(ids.number, lex_clone_newuser) }
    // Groups first, then group, then user: each needs what the next gives up.
    try checked("drop", "supplementary groups") { lex_setgroups_none() }
    try checked("become", "group 0") { setgid(0) }
    try checked("become", "user 0") { setuid(0) }
    // Only now: the kernel forgets this signal whenever ids or capabilities change.
    try checked("ask for", "the signal of the launcher's end") { lex_set_parent_death_signal(SIGKILL) }
    // If the launcher ended before that, its end of the socket is closed.
    var watched = [pollfd(fd: launcher, events: Int16(POLLIN), revents: 0)]
    if poll(&watched, 1, 0) != 0 { _exit(127) }

    try setLimits(job)
    let capabilities = [lex_cap_chown, lex_cap_dac_override, lex_cap_fowner, lex_cap_fsetid, lex_cap_setfcap]
    try checked("cut", "the capabilities") { lex_keep_capabilities(capabilities, capabilities.count) }
    try checked("set", "no_new_privs") { lex_set_no_new_privileges() }
    if lex_landlock_program(files, files.count, target) != 0 && errno != ENOSYS && errno != EOPNOTSUPP {
        throw SystemError("restrict by Landlock", job.program)
    }
    #if DEBUG
        if !job.filtersCalls { return }
    #endif
    try checked("filter the calls of", job.program) { lex_install_launch_seccomp() }
}

private func setLimits(_ job: ConfineJob) throws(SystemError) {
    let limits: [(String, Int32, UInt64)] = [
        ("memory", lex_rlimit_as, job.memoryLimit), ("processor time", lex_rlimit_cpu, job.cpuLimit),
        ("descriptors", lex_rlimit_nofile, 256), ("core dumps", lex_rlimit_core, 0),
        // One process: itself. The kernel counts per user and user namespace.
        ("processes", lex_rlimit_nproc, 1),
    ]
    for (name, resource, value) in limits { try checked("limit", name) { lex_limit(resource, value) } }
}

private func execute(_ job: ConfineJob) throws(SystemError) {
    // The root has no ld.so.cache: the loader is told where the libraries are. libarchive must see the C locale, in
    // which it leaves names as the bytes they are.
    var directories: [String] = []
    for library in job.libraries {
        guard let slash = library.lastIndex(of: "/") else { continue }
        let directory = String(library[..<slash])
        if !directories.contains(directory) { directories.append(directory) }
    }
    let name = job.program.split(separator: "/").last.map(String.init) ?? job.program
    withCStrings([name]) { arguments in
        withCStrings([
            "LC_ALL=C", "LD_LIBRARY_PATH=" + directories.joined(separator: ":"), "SWIFT_BACKTRACE=enable=no",
        ]) { environment in
            _ = execve(job.program, arguments, environment)
        }
    }
    throw SystemError("run", job.program)
}

private func withCStrings(_ strings: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Void) {
    let copies = strings.map { strdup($0) }
    defer { for copy in copies { free(copy) } }
    body(copies + [nil])
}

/// Waits for the program's end, or ends it when lexd goes away.
private func watch(
    _ child: pid_t, _ job: ConfineJob, launch: consuming JobSocket, _ socket: borrowing JobSocket
) throws {
    let program = OwnedDescriptor(
        taking: try checked("watch", job.program) {
            let descriptor = lex_pidfd_open(child)
            // Without a way to wait for it, it must not run.
            if descriptor < 0 { kill(child, SIGKILL) }
            return descriptor
        })
    // It says something only when it could not become the program; its end closes on exec.
    var failure: RuntimeFailure?
    if let received = try launch.receive(RuntimeFailure.self) { failure = received.value }
    var watched = [
        pollfd(fd: program.number, events: Int16(POLLIN), revents: 0),
        // lexd sends nothing more: whatever comes here means that it has gone or wants an end.
        pollfd(fd: socket.number, events: Int16(POLLIN), revents: 0),
    ]
    while poll(&watched, 2, -1) < 0 && errno == EINTR {}
    if watched[0].revents == 0 { kill(child, SIGKILL) }
    var status: Int32 = 0
    var milliseconds: UInt64 = 0
    try checked("wait for", job.program) { lex_wait_process(child, &status, &milliseconds) }
    if let failure { throw failure }
    var code = lex_exit_status(status)
    // The first process of a pid namespace never sees SIGXCPU; the hard limit's SIGKILL tells nothing by itself. The
    // limit goes by ticks (a process that shares its processor is charged whole ones), the account it leaves by what it
    // really had: the two may differ by much.
    if code == 128 + SIGKILL, milliseconds / 500 >= job.cpuLimit {
        code = 128 + SIGXCPU
    }
    try? socket.send(RuntimeReply.exited(code))
}
