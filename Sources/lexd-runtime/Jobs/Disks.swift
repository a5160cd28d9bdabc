import CLXC
import CLexLinux
import Glibc
import LexIPC

/// Gives a running instance a disk or a device node: the mount is made here, on the host, and then moved in.
func plug(_ job: PlugJob, _ received: inout Received<RuntimeJob>, _ socket: borrowing JobSocket) throws {
    let process = try takeProcess(&received, job.path)
    // What is mounted is opened before we are in the instance, where its path would mean another thing.
    let tree = try tree(of: job)
    let identity = try identity(of: tree.number, job.path)
    if let rule = job.allowed { try set("devices.allow", rule) }
    try prepareInside(
        .make(isFile: job.thing.isFile), job.path, of: process, isUnprivileged: job.isUnprivileged)
    try enterMounts(of: process)
    let number = try placeInside(job.path)
    guard number >= 0 else { throw SystemError("open inside the instance", job.path) }
    let target = OwnedDescriptor(taking: number)
    try checkKind(job.thing, of: target, job.path)
    try checked("mount on", job.path) { lex_attach_tree_to(tree.number, target.number) }
    if case .disk(let disk) = job.thing { try setUnbindable(disk, at: tree.number, job.path) }
    try socket.send(RuntimeReply.plugged(identity))
}

/// A directory is mounted on a directory, and anything else on what is none.
private func checkKind(
    _ thing: PluggedThing, of target: borrowing OwnedDescriptor, _ path: String
) throws {
    var place = stat()
    try checked("look at", path) { fstat(target.number, &place) }
    let isDirectory = place.st_mode & S_IFMT == S_IFDIR
    guard isDirectory == thing.isFile else { return }
    throw RuntimeFailure(
        call: "mount on", subject: path,
        detail: isDirectory
            ? "its source is a file, and a directory is there inside the instance"
            : "its source is a directory, and a file is there inside the instance")
}

/// Has the disks of an instance that was just started be bound nowhere else, as far as that is wished: liblxc makes all
/// mounts shared as it starts one. Answers what could not be done.
func setUnbindable(_ disks: [DiskMount], in process: borrowing OwnedDescriptor) -> [String] {
    let wished = disks.filter { $0.propagation == .unbindable && !$0.place.isEmpty }
    if wished.isEmpty { return [] }
    do throws(SystemError) { try enterMounts(of: process) } catch { return ["\(error)"] }
    return wished.compactMap { disk in
        do throws(SystemError) {
            let number = try placeInside(disk.place)
            guard number >= 0 else { throw SystemError("open inside the instance", disk.place) }
            let place = OwnedDescriptor(taking: number)
            try setUnbindable(disk, at: place.number, disk.place)
            return nil
        } catch {
            return "\(error)"
        }
    }
}

/// Gives a file system in memory another size; what it holds stays.
func resize(_ job: ResizeJob, _ received: inout Received<RuntimeJob>, _ socket: borrowing JobSocket) throws {
    let process = try takeProcess(&received, job.path)
    try enterMounts(of: process)
    let number = try placeInside(job.path)
    guard number >= 0 else { throw SystemError("open inside the instance", job.path) }
    let place = OwnedDescriptor(taking: number)
    // What nothing is known of may be anything by now.
    let isOurs = try job.identity != .unknown && isSeen(.file(job.identity), at: place.number, job.path)
    guard isOurs else {
        throw RuntimeFailure(
            call: "resize", subject: job.path, detail: "the instance has unmounted it, or mounted something over it")
    }
    try checked("resize", job.path) { lex_reconfigure(place.number, "size", job.size) }
    try socket.send(RuntimeReply.done)
}

/// Takes a disk or a device node from a running instance. What the guest has put in its place is left alone, or lies
/// there again when it lay over it.
func unplug(_ job: UnplugJob, _ received: inout Received<RuntimeJob>, _ socket: borrowing JobSocket) throws {
    let process = try takeProcess(&received, job.path)
    let own = try OwnProcess()
    // First: while it may be used it might be opened again.
    if let rule = job.denied { try set("devices.deny", rule) }
    try enterMounts(of: process)
    let wasThere = try takeOff(job.mark, job.path, own)
    if wasThere, job.removesFile {
        // What the guest has made of it meanwhile is its own.
        try? prepareInside(.remove, job.path, of: process, isUnprivileged: job.isUnprivileged)
    }
    try socket.send(RuntimeReply.done)
}

private func takeProcess(
    _ received: inout Received<RuntimeJob>, _ path: String
) throws(RuntimeFailure) -> OwnedDescriptor {
    let process = received.takeDescriptor()
    guard let process else {
        throw RuntimeFailure(call: "reach", subject: path, detail: "the process of the instance is missing")
    }
    return process
}

private func tree(of job: PlugJob) throws -> OwnedDescriptor {
    switch job.thing {
    case .disk(let disk): return try diskTree(disk)
    case .node(let node): return try nodeTree(node, in: job.workDirectory)
    }
}

/// A mount of a new device node that hangs nowhere yet. It is made in a mount namespace of our own: nothing is left of it
/// on the host, whatever happens to us.
private func nodeTree(_ node: NodeMount, in directory: String) throws(SystemError) -> OwnedDescriptor {
    try checked("unshare", "the mount namespace") { lex_unshare(lex_clone_newns) }
    try checked("make private", "/") { lex_mount(nil, "/", nil, lex_ms_rec | lex_ms_private, nil) }
    try mountNodeDirectory(directory)
    let path = directory + "/node"
    try make(node, at: path)
    return OwnedDescriptor(taking: try checked("open the tree", path) { lex_clone_tree(AT_FDCWD, path, 0) })
}

/// liblxc's monitor holds the program that judges devices on control groups v2: only it can change it.
private func set(_ item: String, _ rule: DeviceRule) throws {
    guard let container = lxc_container_new(rule.name, rule.lxcPath) else {
        throw RuntimeFailure(call: "prepare", subject: rule.name, detail: "liblxc has no memory for it")
    }
    guard container.pointee.set_cgroup_item(container, item, rule.rule) else {
        throw RuntimeFailure(
            call: "set", subject: "\(item) = \(rule.rule)",
            detail: "the rules about devices of this running instance cannot be changed; restart it instead")
    }
}

/// What the kernel tells of this process, opened before it enters a guest's mount namespace, whose /proc is the guest's.
private struct OwnProcess: ~Copyable {
    let directory: OwnedDescriptor
    let descriptors: OwnedDescriptor

    init() throws(SystemError) {
        let directory = try OwnedDescriptor.directory("/proc/self")
        let descriptors = try OwnedDescriptor.directory("/proc/self/fd")
        self.directory = directory
        self.descriptors = descriptors
    }

    /// Whether a mount lies on another at the same place (proc_pid_mountinfo(5)).
    func isStacked(_ mount: Int32) throws(SystemError) -> Bool {
        let words = try text("fdinfo/\(mount)").split(whereSeparator: \.isWhitespace)
        guard let at = words.firstIndex(of: "mnt_id:"), words.indices.contains(at + 1) else { return false }
        let number = words[at + 1]
        var places: [Substring: (parent: Substring, point: Substring)] = [:]
        for line in try text("mountinfo").split(separator: "\n") {
            let fields = line.split(separator: " ", maxSplits: 5)
            if fields.count == 6 { places[fields[0]] = (fields[1], fields[4]) }
        }
        guard let place = places[number], let below = places[place.parent] else { return false }
        return place.point == below.point
    }

    private func text(_ name: String) throws(SystemError) -> String {
        let file = OwnedDescriptor(
            taking: try checked("open", "/proc/self/\(name)") { openat(directory.number, name, O_RDONLY | O_CLOEXEC) })
        return String(decoding: try file.readAll(limit: 64 << 20, of: "/proc/self/\(name)"), as: UTF8.self)
    }
}

/// Unmounts what is ours at a place, also from below what the guest has mounted over it: who removes a disk wants it
/// gone, whatever the guest does. Answers whether it was there.
private func takeOff(
    _ mark: UnplugJob.Mark, _ path: String, _ own: borrowing OwnProcess, depth: Int = 0
) throws(SystemError) -> Bool {
    let number = try placeInside(path)
    if number < 0 {
        // The guest has no such place any more.
        guard [ENOENT, ENOTDIR, ELOOP, ENXIO].contains(errno) else {
            throw SystemError("open inside the instance", path)
        }
        return false
    }
    let target = OwnedDescriptor(taking: number)
    if try isSeen(mark, at: target.number, path) {
        guard try unmount(target.number, path, own) else { return false }
        // The guest may have bound it over itself.
        if mark != .file(.unknown), depth < deepestStack { _ = try takeOff(mark, path, own, depth: depth + 1) }
        return true
    }
    guard try own.isStacked(target.number) else { return false }
    guard depth < deepestStack else {
        throw SystemError("unmount, below all that is mounted over it,", path, code: ELOOP)
    }
    let over = OwnedDescriptor(
        taking: try checked("take hold of what is mounted over", path) { lex_clone_tree_of(target.number, 1) })
    guard try unmount(target.number, path, own) else { return false }
    let result = attempted { () throws(SystemError) in try takeOff(mark, path, own, depth: depth + 1) }
    let place = try placeInside(path)
    guard place >= 0 else { throw SystemError("open inside the instance", path) }
    let bare = OwnedDescriptor(taking: place)
    try checked("mount again on", path) { lex_attach_tree_to(over.number, bare.number) }
    return try result.get()
}

/// What came of it, whichever: what is to be done after it is done either way.
private func attempted(_ body: () throws(SystemError) -> Bool) -> Result<Bool, SystemError> {
    do throws(SystemError) { return .success(try body()) } catch { return .failure(error) }
}

/// How many mounts at one place are looked through.
private let deepestStack = 64

/// Whether a place is what a disk or a node of ours is known by.
private func isSeen(_ mark: UnplugJob.Mark, at number: Int32, _ path: String) throws(SystemError) -> Bool {
    var place = stat()
    try checked("look at", path) { fstat(number, &place) }
    switch mark {
    case .file(.unknown): return true
    case .file(let identity):
        return UInt64(place.st_dev) == identity.device && UInt64(place.st_ino) == identity.inode
    case .node(let isBlock, let major, let minor):
        var found: (major: UInt32, minor: UInt32) = (0, 0)
        lex_device_number(UInt64(place.st_rdev), &found.major, &found.minor)
        return place.st_mode & S_IFMT == (isBlock ? S_IFBLK : S_IFCHR) && found == (major, minor)
    }
}

/// Answers whether it was a mount.
private func unmount(_ target: Int32, _ path: String, _ own: borrowing OwnProcess) throws(SystemError) -> Bool {
    var place = stat()
    try checked("look at", path) { fstat(target, &place) }
    // When it is no mount at all, the last call refuses it.
    // A mount that is shared would be taken off elsewhere, too, with what is mounted below it.
    _ = lex_set_propagation(target, lex_ms_private, 1)
    // By what we hold: a path would be looked up again, and the guest may have changed it since.
    let result: Int32
    if place.st_mode & S_IFMT == S_IFDIR {
        try checked("enter", path) { fchdir(target) }
        result = lex_umount_detach(".")
    } else {
        result = lex_umount_detach_file(own.descriptors.number, target)
    }
    if result == 0 { return true }
    guard errno == EINVAL else { throw SystemError("unmount", path) }
    return false
}

private func enterMounts(of process: borrowing OwnedDescriptor) throws(SystemError) {
    try checked("enter", "the mount namespace of the instance") { lex_setns(process.number, lex_clone_newns) }
}

/// A place as the instance finds it, below zero when it does not. Links are the guest's and lead nowhere but into its own
/// root.
private func placeInside(_ path: String) throws(SystemError) -> Int32 {
    let root = try OwnedDescriptor.open("/", lex_o_path | O_DIRECTORY)
    return lex_open_in_root(root.number, path, lex_o_path)
}

/// What is done to the place of a mount inside an instance.
private enum Preparation {
    /// A directory or a file is made where it is not there.
    case make(isFile: Bool)
    /// The file is removed, when it is empty.
    case remove
}

/// Does it as the instance's root: with its rights and its ids, and no others.
private func prepareInside(
    _ preparation: Preparation, _ path: String, of process: borrowing OwnedDescriptor, isUnprivileged: Bool
) throws(SystemError) {
    let child = try checked("fork", "to enter the instance") { lex_fork() }
    if child == 0 { _exit(becomeRoot(process.number, isUnprivileged) { prepare(preparation, path, below: $0) }) }
    var status: Int32 = 0
    try checked("wait for", "process \(child)") { waitpid(child, &status, 0) }
    let code = lex_exit_status(status)
    if code != 0 { throw SystemError("make a place inside the instance at", path, code: code) }
}

private func becomeRoot(_ process: Int32, _ isUnprivileged: Bool, _ body: (Int32) -> Int32) -> Int32 {
    guard lex_setns(process, (isUnprivileged ? lex_clone_newuser : 0) | lex_clone_newns) == 0 else { return errno }
    guard lex_setgroups_none() == 0, setgid(0) == 0, setuid(0) == 0 else { return errno }
    umask(0)
    let root = open("/", lex_o_path | O_DIRECTORY | O_CLOEXEC)
    guard root >= 0 else { return errno }
    return body(root)
}

private func prepare(_ preparation: Preparation, _ path: String, below root: Int32) -> Int32 {
    var parent = "/"
    let parts = path.split(separator: "/")
    guard let last = parts.last else { return EINVAL }
    switch preparation {
    case .make(let isFile):
        for part in parts.dropLast() {
            let code = make(String(part), isFile: false, in: parent, below: root)
            if code != 0 { return code }
            parent += (parent == "/" ? "" : "/") + part
        }
        return make(String(last), isFile: isFile, in: parent, below: root)
    case .remove:
        let directory = lex_open_in_root(root, "/" + parts.dropLast().joined(separator: "/"), lex_o_path | O_DIRECTORY)
        guard directory >= 0 else { return errno }
        var status = stat()
        guard fstatat(directory, String(last), &status, AT_SYMLINK_NOFOLLOW) == 0 else { return errno }
        guard status.st_mode & S_IFMT == S_IFREG, status.st_size == 0 else { return 0 }
        return unlinkat(directory, String(last), 0) == 0 ? 0 : errno
    }
}

/// Makes one part of a path where it is not there.
private func make(_ name: String, isFile: Bool, in parent: String, below root: Int32) -> Int32 {
    let present = lex_open_in_root(root, parent + (parent == "/" ? "" : "/") + name, lex_o_path)
    if present >= 0 {
        close(present)
        return 0
    }
    guard errno == ENOENT else { return errno }
    let directory = lex_open_in_root(root, parent, lex_o_path | O_DIRECTORY)
    guard directory >= 0 else { return errno }
    defer { close(directory) }
    guard isFile else { return mkdirat(directory, name, 0o755) == 0 || errno == EEXIST ? 0 : errno }
    let file = openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o644)
    if file >= 0 { close(file) }
    return file >= 0 || errno == EEXIST ? 0 : errno
}
