import CLexLinux
import Glibc
import LexIPC

/// Writes files into the root of an instance that does not run yet, as the instance's root: with its rights and its ids,
/// and below its root, wherever its links say that they lead.
func place(_ files: [PlacedText], below root: String, ids: IDMap) throws {
    if files.isEmpty { return }
    let namespace = ids.isEmpty ? -1 : try mapNamespace(ids).release()
    defer { if namespace >= 0 { close(namespace) } }
    let anchor = try OwnedDescriptor.open(root, lex_o_path | O_DIRECTORY)
    let (ours, theirs) = try OwnedDescriptor.socketPair()
    let failures = JobSocket(OwnedDescriptor(taking: ours))
    let child = try checked("fork", "to write files into the instance") { lex_fork() }
    if child == 0 { becomeWriter(of: files, anchor.number, namespace: namespace, answers: theirs) }
    close(theirs)
    var failure: RuntimeFailure?
    if let received = try failures.receive(RuntimeFailure.self) { failure = received.value }
    var status: Int32 = 0
    while waitpid(child, &status, 0) < 0 && errno == EINTR {}
    if let failure { throw failure }
    let code = lex_exit_status(status)
    if code != 0 {
        throw RuntimeFailure(call: "write", subject: "files into the instance", detail: "the writer ended with \(code)")
    }
}

/// The child: takes the instance's ids, writes, and ends.
private func becomeWriter(of files: [PlacedText], _ root: Int32, namespace: Int32, answers: Int32) -> Never {
    do throws(SystemError) {
        if namespace >= 0 {
            try checked("enter", "the ids of the instance") { lex_setns(namespace, lex_clone_newuser) }
        }
        try checked("leave", "the groups") { lex_setgroups_none() }
        try checked("become", "the group root of the instance") { setgid(0) }
        try checked("become", "the root of the instance") { setuid(0) }
        umask(0)
        signal(SIGXFSZ, SIG_IGN)
        for file in files { try place(file, root) }
    } catch {
        try? JobSocket(OwnedDescriptor(taking: answers)).send(RuntimeFailure(error))
        _exit(1)
    }
    _exit(0)
}

private func place(_ file: PlacedText, _ root: Int32) throws(SystemError) {
    let what = "\(file.path) of the instance, from a template"
    let present = lex_open_in_root(root, file.path, lex_o_path)
    if present >= 0 {
        let found = OwnedDescriptor(taking: present)
        if file.onlyNew { return }
        var status = stat()
        try checked("look at", what) { fstat(found.number, &status) }
        // Nobody else is in there yet: it is the same when it is opened for writing.
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw SystemError("write", what, code: status.st_mode & S_IFMT == S_IFDIR ? EISDIR : ENOTSUP)
        }
    } else {
        guard errno == ENOENT else { throw SystemError("look for", what) }
        try makeParents(of: file.path, root)
    }
    let target = OwnedDescriptor(taking: try checked("open", what) { lex_create_in_root(root, file.path, 0o644) })
    try checked("empty", what) { ftruncate(target.number, 0) }
    try target.writeAll(file.content.utf8, to: what)
}

private func makeParents(of path: String, _ root: Int32) throws(SystemError) {
    var parent = "/"
    for part in path.split(separator: "/").dropLast() {
        let next = parent + (parent == "/" ? "" : "/") + part
        let present = lex_open_in_root(root, next, lex_o_path | O_DIRECTORY)
        if present >= 0 {
            close(present)
        } else {
            guard errno == ENOENT else { throw SystemError("enter", "\(next) of the instance") }
            let directory = OwnedDescriptor(
                taking: try checked("enter", "\(parent) of the instance") {
                    lex_open_in_root(root, parent, lex_o_path | O_DIRECTORY)
                })
            try checked("make", "\(next) of the instance") { mkdirat(directory.number, String(part), 0o755) }
        }
        parent = next
    }
}
