import CLexLinux
import Glibc
import LexIPC

/// What of lxcfs an instance gets, below `/`: the numbers that follow its limits.
private let lxcfsFiles = [
    "proc/cpuinfo", "proc/diskstats", "proc/loadavg", "proc/meminfo", "proc/slabinfo", "proc/stat", "proc/swaps",
    "proc/uptime", "sys/devices/system/cpu",
]

/// How lxcfs does.
enum LXCFSState: Equatable {
    case absent
    case answers
    /// It is mounted, but nobody is there, or nobody who answers.
    case silent(String)
}

/// Asks lxcfs for a file, by a process that is left behind when it does not come back.
func lxcfsState(_ directory: String) -> LXCFSState {
    guard let mounts = try? readFile("/proc/self/mountinfo", limit: 16 << 20),
        LXCFSMounts(mounts).devices[directory] != nil
    else { return .absent }
    let child = lex_fork()
    if child < 0 { return .silent("no process can be made to ask it") }
    if child == 0 {
        // It may outlast us: nothing of ours is to stay open with it.
        for number in 0..<Int32(256) { close(number) }
        let file = open(directory + "/proc/meminfo", O_RDONLY | O_CLOEXEC)
        var byte: UInt8 = 0
        _exit(file >= 0 && read(file, &byte, 1) == 1 ? 0 : 1)
    }
    let handle = lex_pidfd_open(child)
    defer { if handle >= 0 { close(handle) } }
    var watched = pollfd(fd: handle, events: Int16(POLLIN), revents: 0)
    guard handle >= 0, poll(&watched, 1, 1000) == 1 else {
        kill(child, SIGKILL)
        return .silent("it does not answer")
    }
    var status: Int32 = 0
    while waitpid(child, &status, 0) < 0 && errno == EINTR {}
    return lex_exit_status(status) == 0 ? .answers : .silent("it has gone and left its mount")
}

/// The mounts of lxcfs's files for an instance that starts.
func lxcfsItems(_ directory: String) -> [LXCItem] {
    lxcfsFiles.map { file in
        LXCItem(
            "lxc.mount.entry",
            "\(directory)/\(file) \(file) none bind,optional,create=\(file.hasPrefix("sys/") ? "dir" : "file") 0 0")
    }
}

/// Gives a running instance what lxcfs has now, in place of what an earlier one gave it.
func bringLXCFS(
    _ job: LXCFSJob, _ received: inout Received<RuntimeJob>, _ socket: borrowing JobSocket
) throws {
    let state = lxcfsState(job.directory)
    guard job.process > 0, let process = received.takeDescriptor() else {
        if case .silent(let why) = state { throw RuntimeFailure(call: "read", subject: job.directory, detail: why) }
        return try socket.send(RuntimeReply.done)
    }
    // Opened before we are in the instance, where the paths would mean something else.
    var trees: [(file: String, tree: Int32)] = []
    if state == .answers {
        for file in lxcfsFiles {
            let tree = lex_clone_tree(AT_FDCWD, "\(job.directory)/\(file)", 0)
            // Not every version has every file.
            if tree >= 0 { trees.append((file, tree)) }
        }
    }
    let mounts = LXCFSMounts(try readFile("/proc/\(job.process)/mountinfo", limit: 16 << 20))
    try checked("enter", "the mount namespace of the instance") { lex_setns(process.number, lex_clone_newns) }
    for file in lxcfsFiles where mounts.devices["/" + file] != nil { _ = lex_umount_detach("/" + file) }
    let root = try OwnedDescriptor.open("/", lex_o_path | O_DIRECTORY)
    // What the guest has mounted there itself is its own.
    for (file, tree) in trees where !mounts.others.contains("/" + file) {
        let target = lex_open_in_root(root.number, "/" + file, lex_o_path)
        if target >= 0 { _ = lex_attach_tree_to(tree, target) }
    }
    try socket.send(RuntimeReply.done)
}
