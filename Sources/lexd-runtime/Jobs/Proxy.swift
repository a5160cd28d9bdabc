import CLexLinux
import Glibc
import LexIPC

/// Passes connections on between host and instance until the instance ends, or somebody ends us.
///
/// Everything that needs a right is done first: sockets to wait at, namespaces, ids. Then it has none: what guests and
/// strangers send is only moved, never read, by a process that can do nothing but that.
func passConnectionsOn(
    _ job: ProxyJob, _ received: inout Received<RuntimeJob>, _ socket: borrowing JobSocket
) throws {
    guard let instance = received.takeDescriptor() else {
        throw RuntimeFailure(call: "reach", subject: "the instance", detail: "its process is missing")
    }
    signal(SIGPIPE, SIG_IGN)
    // Two for a connection; with fewer fewer pass at a time.
    _ = lex_limit(lex_rlimit_nofile, 65536)
    // Loaded while files can still be opened.
    let connects = try job.connects.map { try address($0, listening: false) }
    let listeners =
        try job.listensInside
        ? listenInside(job, instance) : job.listens.map { try listen($0, job) }
    try writeRunFile(job)
    try enterAndDrop(job, instance)
    let epoll = try checked("make", "an epoll") { lex_epoll_create() }
    let loop = ProxyLoop(epoll: epoll, connects: connects, tellsWho: job.tellsWho)
    try loop.watch(listeners, job.listens.map { $0.kind == .udp }, instance: instance.number)
    try checked("filter the calls of", "the proxy") { lex_install_proxy_seccomp() }
    try socket.send(RuntimeReply.done)
    // lexd may go: nobody is told anything any more.
    shutdown(socket.number, Int32(SHUT_RDWR))
    loop.run()
}

private func writeRunFile(_ job: ProxyJob) throws {
    let new = job.runFile + ".new"
    let file = try OwnedDescriptor.open(new, O_WRONLY | O_CREAT | O_TRUNC)
    try file.writeAll("\(getpid())\n\(job.note)\n".utf8, to: new)
    try checked("rename", new) { rename(new, job.runFile) }
}

// MARK: sockets to wait at

/// An address as the kernel takes it, with the family it was made for.
struct ProxyAddress {
    var family: Int32
    var isPackets: Bool
    var value: lex_socket_address
    var text: String
}

private func address(_ end: ProxyEnd, listening: Bool) throws -> ProxyAddress {
    var value = lex_socket_address()
    var family: Int32 = 1
    var bytes = end.address
    var text = end.path
    switch end.kind {
    case .file: bytes = Array(end.path.utf8)
    case .abstract:
        bytes = [0] + Array(end.path.utf8)
        text = "@" + end.path
    case .tcp, .udp:
        if bytes.isEmpty { bytes = listening ? Array(repeating: 0, count: 16) : [127, 0, 0, 1] }
        family = bytes.count == 4 ? 4 : 6
        text = "port \(end.port)"
    }
    try checked("use the address of", text) { lex_make_address(&value, family, bytes, bytes.count, end.port) }
    return ProxyAddress(family: family, isPackets: end.kind == .udp, value: value, text: text)
}

private func listen(_ end: ProxyEnd, _ job: ProxyJob) throws -> Int32 {
    var place = try address(end, listening: true)
    var socket = lex_proxy_socket(place.family, place.isPackets ? 1 : 0)
    if socket < 0, errno == EAFNOSUPPORT, end.address.isEmpty, place.family == 6 {
        // A host without IPv6: every address is every one of IPv4.
        var other = end
        other.address = [0, 0, 0, 0]
        place = try address(other, listening: true)
        socket = lex_proxy_socket(place.family, place.isPackets ? 1 : 0)
    }
    guard socket >= 0 else { throw SystemError("make a socket for", place.text) }
    do {
        if end.kind == .file { try removeDeadSocket(end.path, &place) }
        let old = umask(0o177)
        defer { umask(old) }
        try checked("listen on", place.text) { lex_proxy_listen(socket, &place.value, place.isPackets ? 1 : 0) }
        if end.kind == .file {
            try checked("change the owner of", end.path) { lchown(end.path, job.ownerUser, job.ownerGroup) }
            try checked("change the mode of", end.path) { chmod(end.path, job.mode) }
        }
    } catch {
        close(socket)
        throw error
    }
    return socket
}

/// A socket that nobody listens at any more is in the way of a new one.
private func removeDeadSocket(_ path: String, _ place: inout ProxyAddress) throws {
    var status = stat()
    guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK else { return }
    let probe = lex_proxy_socket(1, 0)
    guard probe >= 0 else { return }
    defer { close(probe) }
    if lex_proxy_connect(probe, &place.value) != 0, errno == ECONNREFUSED {
        try checked("remove the dead socket", path) { unlink(path) }
    }
}

/// A child goes into the instance and hands the sockets out: who has gone in cannot come back.
private func listenInside(_ job: ProxyJob, _ instance: borrowing OwnedDescriptor) throws -> [Int32] {
    let (ours, theirs) = try OwnedDescriptor.socketPair()
    let child = lex_fork()
    if child < 0 { throw SystemError("fork for", "a proxy") }
    if child == 0 {
        close(ours)
        offerSockets(job, instance, theirs)
    }
    close(theirs)
    defer {
        close(ours)
        var status: Int32 = 0
        while waitpid(child, &status, 0) < 0 && errno == EINTR {}
    }
    let conversation = JobSocket(OwnedDescriptor(taking: dup(ours)))
    var sockets: [Int32] = []
    while sockets.count < job.listens.count {
        guard var reply = try conversation.receive(RuntimeReply.self) else {
            throw RuntimeFailure(call: "listen inside", subject: "the instance", detail: "the helper for it has ended")
        }
        if case .failed(let failure) = reply.value { throw failure }
        guard let socket = reply.takeDescriptor() else { throw MessageError("a socket is missing") }
        sockets.append(socket.release())
    }
    return sockets
}

private func offerSockets(_ job: ProxyJob, _ instance: borrowing OwnedDescriptor, _ out: Int32) -> Never {
    let out = JobSocket(OwnedDescriptor(taking: out))
    do {
        try enter(instance, isUnprivileged: job.isUnprivileged)
        try becomeRoot()
        for end in job.listens {
            let socket = try listen(end, job)
            try out.send(RuntimeReply.done, descriptors: [socket])
            close(socket)
        }
    } catch let failure as RuntimeFailure {
        try? out.send(RuntimeReply.failed(failure))
    } catch let error as SystemError {
        try? out.send(RuntimeReply.failed(RuntimeFailure(error)))
    } catch {
        try? out.send(RuntimeReply.failed(RuntimeFailure(call: "listen inside", subject: "it", detail: "\(error)")))
    }
    _exit(0)
}

// MARK: rights

private func enter(_ instance: borrowing OwnedDescriptor, isUnprivileged: Bool) throws {
    let user = isUnprivileged ? lex_clone_newuser : 0
    try checked("enter", "the instance") { lex_setns(instance.number, user | lex_clone_newns | lex_clone_newnet) }
    try checked("enter", "the root of the instance") { chdir("/") }
}

private func becomeRoot() throws {
    try checked("leave", "the groups") { lex_setgroups_none() }
    try checked("become", "the group root") { setgid(0) }
    try checked("become", "root") { setuid(0) }
}

/// Goes to the side connections are made on, and gives every right up but the one to open any Unix socket there as root.
private func enterAndDrop(_ job: ProxyJob, _ instance: borrowing OwnedDescriptor) throws {
    if !job.listensInside { try enter(instance, isUnprivileged: job.isUnprivileged) }
    // Who connects by TCP or UDP cannot be told by the other side, so it is nobody.
    let isUnix = job.connects.contains { $0.kind == .file || $0.kind == .abstract }
    let nobody: UInt32 = isUnix ? 0 : 65534
    let user = job.user == .max ? nobody : job.user
    let group = job.group == .max ? nobody : job.group
    let kept = isUnix && user == 0 ? [lex_cap_dac_override] : []
    try checked("leave", "the groups") { lex_setgroups_none() }
    try checked("become", "the group \(group)") { setgid(group) }
    if user == 0 {
        try checked("become", "root") { setuid(0) }
        try checked("give up", "rights") { lex_keep_capabilities(kept, kept.count) }
    } else {
        try checked("become", "the user \(user)") { setuid(user) }
        // In the instance's user namespace nobody of it was root before, so the kernel takes nothing away by itself.
        try checked("give up", "rights") { lex_drop_capabilities() }
    }
    try checked("give up", "new rights") { lex_set_no_new_privileges() }
}
