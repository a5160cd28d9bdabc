import CLexLinux
import Glibc
import LexIPC

/// A mount for a disk that hangs nowhere yet, with the ids and the properties it is to be seen with.
///
/// - Parameter keepsPropagation: For a root, which liblxc looks after.
func diskTree(_ disk: DiskMount, keepsPropagation: Bool = false) throws -> OwnedDescriptor {
    let tree = try bareTree(disk)
    let namespace = disk.ids.isEmpty || disk.kind == .memory ? -1 : try mapNamespace(disk.ids).release()
    defer { if namespace >= 0 { close(namespace) } }
    let isRecursive = disk.flags.contains(.recursive) ? Int32(1) : 0
    let (set, clear) = attributes(disk.flags)
    if lex_change_mount(tree.number, namespace, set, clear, isRecursive) != 0 {
        let error = SystemError("map the ids of", disk.source)
        guard namespace >= 0, !keepsPropagation else { throw error }
        let why: String
        switch error.code {
        case EINVAL:
            why = "its file system, or one mounted below it, has no idmapped mounts; leave the option shift out"
        case EPERM where !IDMap.ofThisProcess().isEmpty:
            why =
                "in an instance the kernel mounts nothing with other ids. Leave the option shift out; for a volume set "
                + "its key security.unmapped"
        default: throw error
        }
        throw RuntimeFailure(call: error.call, subject: error.subject, code: error.code, detail: why)
    }
    if !keepsPropagation { try setPropagation(disk, of: tree.number, isRecursive) }
    return tree
}

private func bareTree(_ disk: DiskMount) throws -> OwnedDescriptor {
    switch disk.kind {
    case .memory:
        var options = ["mode=0755"] + disk.options
        if let user = disk.ids.user(0), let group = disk.ids.group(0) { options += ["uid=\(user)", "gid=\(group)"] }
        return try newMount("tmpfs", source: "lexd", options, disk, named: "a file system in memory")
    case .device: return try newMount(disk.fileSystem, source: disk.source, disk.options, disk, named: disk.source)
    case .directory, .file:
        let place = OwnedDescriptor(
            taking: try checked("open", disk.source) { lex_open_path(disk.source, 1) })
        var status = stat()
        try checked("look at", disk.source) { fstat(place.number, &status) }
        // It may have become another thing since lexd looked.
        guard (status.st_mode & S_IFMT == S_IFDIR) == (disk.kind == .directory) else {
            throw SystemError("open", disk.source, code: disk.kind == .directory ? ENOTDIR : EISDIR)
        }
        return OwnedDescriptor(
            taking: try checked("open the tree", disk.source) {
                lex_clone_tree_of(place.number, disk.flags.contains(.recursive) ? 1 : 0)
            })
    }
}

private func newMount(
    _ type: String, source: String, _ options: [String], _ disk: DiskMount, named subject: String
) throws -> OwnedDescriptor {
    var texts: [UnsafePointer<CChar>?] = []
    for option in options { texts.append(strdup(option).map { UnsafePointer($0) }) }
    defer { for text in texts { free(UnsafeMutablePointer(mutating: text)) } }
    var failed: Int32 = -1
    var number = lex_make_mount(
        type, source, &texts, texts.count, disk.flags.contains(.readOnly) ? 1 : 0, &failed)
    // Mounted elsewhere it is not: then at least nothing is written through this mount.
    if number < 0, errno == EBUSY, disk.flags.contains(.readOnly) {
        number = lex_make_mount(type, source, &texts, texts.count, 0, &failed)
    }
    if number >= 0 { return OwnedDescriptor(taking: number) }
    let code = errno
    throw RuntimeFailure(
        call: "mount", subject: subject, code: code,
        detail: options.indices.contains(Int(failed))
            ? "its file system \(type) refuses the option \(options[Int(failed)])" : "its file system is \(type)")
}

/// The attributes to set and to clear (mount_setattr(2)).
private func attributes(_ flags: DiskMount.Flags) -> (set: UInt64, clear: UInt64) {
    var set: UInt64 = 0
    for (flag, attribute) in [
        (DiskMount.Flags.readOnly, lex_mount_attr_read_only), (.noSUID, lex_mount_attr_nosuid),
        (.noDevices, lex_mount_attr_nodev), (.noExecution, lex_mount_attr_noexec),
        (.noDirectoryAccessTime, lex_mount_attr_nodiratime),
    ] where flags.contains(flag) {
        set |= attribute
    }
    guard flags.contains(.noAccessTime) || flags.contains(.strictAccessTime) else { return (set, 0) }
    // The ways to keep the time of access are one field, not bits: all are cleared for one to be set.
    set |= flags.contains(.noAccessTime) ? lex_mount_attr_noatime : lex_mount_attr_strictatime
    return (set, lex_mount_attr_atime_mask)
}

/// Never shared with the host itself: what is mounted inside is not seen there.
private func setPropagation(_ disk: DiskMount, of tree: Int32, _ isRecursive: Int32) throws(SystemError) {
    func set(_ propagation: UInt) throws(SystemError) {
        try checked("set the propagation of", disk.source) { lex_set_propagation(tree, propagation, isRecursive) }
    }
    switch disk.propagation {
    case .isPrivate: try set(lex_ms_private)
    case .slave: try set(lex_ms_slave)
    case .shared:
        try set(lex_ms_slave)
        try set(lex_ms_shared)
    // Nothing could be made of it any more: it is set where the mount is to stay.
    case .unbindable: try set(lex_ms_private)
    }
}

/// Has a mount that is in its place be bound nowhere else, when that is wished.
func setUnbindable(_ disk: DiskMount, at place: Int32, _ path: String) throws(SystemError) {
    guard disk.propagation == .unbindable else { return }
    let isRecursive = disk.flags.contains(.recursive) ? Int32(1) : 0
    try checked("set the propagation of", path) { lex_set_propagation(place, lex_ms_unbindable, isRecursive) }
}

/// What the file that a descriptor stands for is known by.
func identity(of number: Int32, _ subject: String) throws(SystemError) -> FileIdentity {
    var status = stat()
    try checked("look at", subject) { fstat(number, &status) }
    return FileIdentity(device: UInt64(status.st_dev), inode: UInt64(status.st_ino))
}

/// Makes device nodes in a small file system in the current directory, which unlike its own has devices.
func makeNodes(_ nodes: [NodeMount]) throws(SystemError) {
    guard !nodes.isEmpty else { return }
    try checked("make directory", "nodes") { mkdir("nodes", 0o711) }
    try mountNodeDirectory("nodes")
    for (index, node) in nodes.enumerated() { try make(node, at: NodeMount.name(index)) }
}

func mountNodeDirectory(_ path: String) throws(SystemError) {
    try checked("mount a tmpfs on", path) {
        lex_mount("lexd", path, "tmpfs", lex_ms_nosuid, "size=64k,mode=0711")
    }
}

func make(_ node: NodeMount, at path: String) throws(SystemError) {
    let name = "\(node.isBlock ? "block" : "character") device \(node.major):\(node.minor)"
    try checked("make a node for", name) {
        lex_make_node(AT_FDCWD, path, node.isBlock ? 1 : 0, node.mode, node.major, node.minor)
    }
    try checked("give away the node for", name) { chown(path, node.user, node.group) }
}
