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
    try assemble(job.overlay, ids: job.ids)

    guard let container = lxc_container_new(job.name, job.lxcPath) else {
        throw RuntimeFailure(call: "prepare", subject: job.name, detail: "liblxc has no memory for it")
    }
    for item in job.items where !container.pointee.set_config_item(container, item.key, item.value) {
        throw RuntimeFailure(
            call: "set", subject: "\(item.key) = \(item.value)", detail: "liblxc refuses it: \(logTail(job.logFile))")
    }
    _ = container.pointee.want_daemonize(container, true)
    _ = container.pointee.want_close_all_fds(container, true)
    guard container.pointee.start(container, 0, nil) else {
        throw RuntimeFailure(call: "start", subject: job.name, detail: logTail(job.logFile))
    }
    let initProcess = container.pointee.init_pid(container)
    guard initProcess > 0 else {
        let said = logTail(job.logFile)
        throw RuntimeFailure(
            call: "start", subject: job.name, detail: said.isEmpty ? "its init ended at once" : said)
    }
    let monitor = try parentProcess(of: initProcess)
    let monitorDescriptor = try pidfd(monitor)
    let initDescriptor = try pidfd(initProcess)
    try writeRunFile(job.runFile, monitor: monitor, initProcess: initProcess)
    let netlink = try netlinkSocket(of: initProcess)
    try socket.send(
        RuntimeReply.started(StartedReply(monitor: monitor, initProcess: initProcess)),
        descriptors: [monitorDescriptor.number, initDescriptor.number, netlink.number])
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
