import CLXC
import CLexLinux
import Glibc
import LexIPC

/// Starts an instance: the mounts of its root in a mount namespace of their own, then liblxc, whose monitor is forked
/// from here and keeps that namespace. Nothing is mounted on the host, so nothing is left there after a crash.
func start(_ job: StartJob, _ socket: borrowing JobSocket) throws {
    let lock = try OwnedDescriptor.open(job.lockFile, O_RDWR | O_CREAT)
    try checked("lock", job.lockFile) { lex_lock_exclusive(lock.number, 1) }
    // A lexd that comes after one that was killed waits for this lock, if it is taken: who takes it later than that
    // must not go on.
    if socket.hasHungUp { return }

    try checked("unshare", "the mount namespace") { lex_unshare(lex_clone_newns) }
    // Slave: what is unmounted on the host goes here as well, and nothing of ours goes to the host.
    try checked("make slave", "/") { lex_mount(nil, "/", nil, lex_ms_rec | lex_ms_slave, nil) }
    let disks = try assemble(job.root, job.disks, job.nodes, ids: job.ids)
    try place(job.files, below: job.root.rootfs, ids: job.ids)

    var remarks: [String] = []
    var items = job.items
    if let directory = job.lxcfs {
        switch lxcfsState(directory) {
        case .absent: break
        case .answers: items += lxcfsItems(directory)
        case .silent(let why):
            remarks.append("lxcfs at \(directory) is of no use, so /proc shows the numbers of the host: \(why)")
        }
    }
    // Before liblxc, whose monitor is of this width as well: what is denied here is denied to all that come from us.
    if job.deniesForeignCalls { try checked("deny", "calls of other widths") { lex_deny_foreign_calls() } }
    // Likewise. What is neither the guest's nor on its way there is let through.
    if let interception = job.interception, try !beIntercepted(interception.directory) {
        throw RuntimeFailure(
            call: "intercept", subject: "the system calls of \(job.name)", detail: "who is to answer them has ended")
    }
    guard let container = lxc_container_new(job.name, job.lxcPath) else {
        throw RuntimeFailure(call: "prepare", subject: job.name, detail: "liblxc has no memory for it")
    }
    try giveName(container, job.name)
    for item in items where !container.pointee.set_config_item(container, item.key, item.value) {
        throw RuntimeFailure(
            call: "set", subject: "\(item.key) = \(item.value)", detail: "liblxc refuses it: \(logTail(job.logFile))")
    }
    _ = container.pointee.want_daemonize(container, true)
    _ = container.pointee.want_close_all_fds(container, true)
    guard container.pointee.start(container, 0, nil) else {
        throw RuntimeFailure(call: "start", subject: job.name, detail: logTail(job.logFile))
    }
    let initProcess = container.pointee.init_pid(container)
    guard initProcess > 0 else { throw endedAtOnce(job) }
    let monitor = try parentProcess(of: initProcess)
    let monitorDescriptor = try pidfd(monitor)
    let initDescriptor = try pidfd(initProcess)
    try writeRunFile(job.runFile, monitor: monitor, initProcess: initProcess)
    let netlink: OwnedDescriptor
    do throws(SystemError) { netlink = try netlinkSocket(of: initProcess) } catch {
        // Its namespaces are gone with it.
        throw error.code == ENOENT || error.code == ESRCH ? endedAtOnce(job) : RuntimeFailure(error)
    }
    // Last: it leads us into the instance's mounts.
    remarks += setUnbindable(job.disks, in: initDescriptor)
    try socket.send(
        RuntimeReply.started(
            StartedReply(monitor: monitor, initProcess: initProcess, disks: disks, remarks: remarks)),
        descriptors: [monitorDescriptor.number, initDescriptor.number, netlink.number])
}

private func endedAtOnce(_ job: StartJob) -> RuntimeFailure {
    let said = logTail(job.logFile)
    return RuntimeFailure(call: "start", subject: job.name, detail: said.isEmpty ? "its init ended at once" : said)
}

/// liblxc writes a container's name into its settings only when it reads them from a file, and without it makes a nonsense
/// of the path of the AppArmor profile (`apparmor_dir()` in its lsm/apparmor.c): so it reads a file, an empty one.
private func giveName(_ container: UnsafeMutablePointer<lxc_container>, _ name: String) throws {
    let empty = OwnedDescriptor(taking: try checked("make", "a file in memory") { lex_memfd("settings") })
    guard container.pointee.load_config(container, "/proc/self/fd/\(empty.number)") else {
        throw RuntimeFailure(call: "prepare", subject: name, detail: "liblxc does not read an empty file of settings")
    }
}

private func pidfd(_ process: Int32) throws(SystemError) -> OwnedDescriptor {
    OwnedDescriptor(taking: try checked("watch", "process \(process)") { lex_pidfd_open(process) })
}

private func writeRunFile(_ path: String, monitor: Int32, initProcess: Int32) throws {
    let new = path + ".new"
    let file = try OwnedDescriptor.open(new, O_WRONLY | O_CREAT | O_TRUNC)
    try file.writeAll("\(monitor) \(initProcess)\n".utf8, to: new)
    try checked("rename", new) { rename(new, path) }
}

/// What liblxc wrote of its trouble: its last error lines, at most ten, without time and source.
private func logTail(_ path: String) -> String {
    guard let log = try? readFile(path, limit: 4 << 20) else { return "" }
    let errors = log.split(whereSeparator: \.isNewline).filter { $0.contains(" ERROR ") }.suffix(10)
    return errors.map { line in
        // `lxc NAME TIME ERROR    part - file.c:function:line - text`
        line.range(of: " - ").flatMap { first in
            line[first.upperBound...].range(of: " - ").map { String(line[$0.upperBound...]) }
        } ?? String(line)
    }.joined(separator: "\n")
}

extension Substring {
    /// The first place of a text in this one; the standard library has no such search without Foundation.
    fileprivate func range(of text: String) -> Range<Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(text) { return start..<index(start, offsetBy: text.count) }
            start = index(after: start)
        }
        return nil
    }
}
